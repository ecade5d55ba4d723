"""The policy in platform.toml: what its names may look like, and its versions."""
