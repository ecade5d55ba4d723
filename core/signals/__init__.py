"""What signals mean: which are one issue, what is an anomaly, what the cause is, and how a release fares. Pure,
mostly."""
