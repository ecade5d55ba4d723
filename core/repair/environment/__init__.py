"""The service's own environment: what its code needs, built once in a sandbox that reaches only the package index."""
