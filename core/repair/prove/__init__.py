"""The proof of a fix by running, and what its generated test may contain."""
