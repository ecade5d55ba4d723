"""The review of a change: our own gates, and CodeRabbit's review."""
