"""Where a crash is in the code, where its values come from, and whether code can be its cause."""
