"""Delivery: admission to the lane, preview, production, the guard, rollback, and the merge."""
