"""New Relic's infrastructure agent: the load of hosts, as NRQL over SystemSample. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from core.models.hosts import CPU, DISK, MEMORY, HostPoint

LOAD = (
    "SELECT average(cpuPercent) AS 'cpu', average(memoryUsedPercent) AS 'memory', max(diskUsedPercent) AS 'disk' "
    "FROM SystemSample FACET hostname"
)


def points(row: dict) -> Iterator[HostPoint]:
    """The points of one host's interval."""
    host, at = str(row.get("hostname") or row.get("facet") or ""), datetime.fromtimestamp(row["beginTimeSeconds"], UTC)
    for name in (CPU, MEMORY, DISK):
        value = row.get(name)
        if host and isinstance(value, int | float):
            yield HostPoint(source="newrelic", host=host, name=name, at=at, value=value)
