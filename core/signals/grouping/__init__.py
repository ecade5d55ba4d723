"""Grouping: which signals belong to one issue, and which open no issue."""
