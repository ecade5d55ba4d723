"""Grouping: which signals are one issue, and which open none."""
