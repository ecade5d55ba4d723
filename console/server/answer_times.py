"""How long the answers of the API take, for /metrics. Counted in this process: each process has its own clock."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Histogram, generate_latest

registry = CollectorRegistry()
_seconds = Histogram(
    "platform_api_seconds",
    "Seconds until the API answered, by what was asked and status",
    ["asked", "code"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0),
    registry=registry,
)


def count(asked: str, code: int, seconds: float) -> None:
    """Count one answer; ``asked`` is the name of a route: no address that a stranger makes up adds a series."""
    _seconds.labels(asked, str(code)).observe(seconds)


def text() -> bytes:
    """Prometheus' exposition format."""
    return generate_latest(registry)
