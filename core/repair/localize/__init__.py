"""Locates a crash in the code, traces the origin of its values, and decides whether code can be its cause."""
