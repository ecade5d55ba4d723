"""Judges a candidate: policy, forbidden code, safeguards, new capabilities, and its behaviour on inputs."""
