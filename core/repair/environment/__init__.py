"""The service's own environment: its packages, installed once in a sandbox that reaches only the package index."""
