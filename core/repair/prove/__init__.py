"""Proves a fix by running tests, and checks what its generated test contains."""
