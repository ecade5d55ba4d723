"""The policy in platform.toml: the rules for its names, and its versions."""
