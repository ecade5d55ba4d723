"""Recorded histories: work that waited under an earlier version, which every later version must bring to its end."""
