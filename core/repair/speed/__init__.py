"""Speed: a latency issue becomes a fix that a benchmark proves (docs/performance.md)."""
