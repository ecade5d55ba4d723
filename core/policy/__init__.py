"""The policy in platform.toml: its sections, its one reader, what its names may look like, and its versions."""
