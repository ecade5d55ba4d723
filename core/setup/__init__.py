"""The setup of a first service, step by step: each step is tried for real, and says what went wrong and the way out."""
