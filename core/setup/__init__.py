"""The setup of a first service, step by step: each step is really tried, and reports errors with their fix."""
