"""Anomalies and changes in series of numbers."""
