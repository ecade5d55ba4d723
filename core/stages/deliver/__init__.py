"""Delivery: admission to the lane, preview, production, the guard, the way back, and the merge."""
