"""New Relic's distributed traces: failing spans, and all spans of their traces, as NRQL over Span. Pure.

The agents of New Relic and of OpenTelemetry name the service, the kind and the error of a span differently.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from core.models.traces import SpanRecord
from core.vendors.redact import Redacting
from core.vendors.whole_traces import ROLES

SERVICE = ("appName", "service.name", "entity.name")
PEERS = ("peer.service", "peer.hostname", "server.address")
ERROR = ("error.class", "error.message")
ATTRIBUTES = (
    "timestamp",
    "trace.id",
    "guid",
    "id",
    "parentId",
    "parent.id",
    "name",
    "span.kind",
    "category",
    "nr.entryPoint",
    "duration.ms",
    "otel.status_code",
    "environment",
    *SERVICE,
    *PEERS,
    *ERROR,
)
CALLS = ("http", "datastore")  # categories of a call
SELECT = " ".join(("SELECT", ", ".join(f"`{name}`" if "." in name else name for name in ATTRIBUTES), "FROM Span"))
FAILING = f"{SELECT} WHERE `error.class` IS NOT NULL OR `otel.status_code` = 'ERROR'"


def whole(traces: Sequence[str]) -> str:
    """The query of all spans of these traces."""
    names = ", ".join(f"'{trace}'" for trace in traces)
    return f"{SELECT} WHERE `trace.id` IN ({names})"


def span(row: dict, http: Redacting) -> SpanRecord:
    """One span."""
    error = ": ".join(str(row[name]) for name in ERROR if row.get(name))
    return SpanRecord(
        source="newrelic",
        trace=str(row["trace.id"]),
        span=str(row.get("guid") or row["id"]),
        parent=_first(row, ("parentId", "parent.id")),
        service=_first(row, SERVICE),
        environment=str(row.get("environment") or "production"),
        name=http.redact(str(row.get("name") or ""))[:300],
        role=_role(row),
        peer=_first(row, PEERS),
        at=datetime.fromtimestamp(row["timestamp"] / 1000, UTC),
        ms=float(row.get("duration.ms") or 0.0),
        failed=bool(error) or row.get("otel.status_code") == "ERROR",
        message=http.redact(error)[:300],
    )


def _role(row: dict) -> str:
    stated = ROLES.get(str(row.get("span.kind") or "").lower(), "")
    if stated or row.get("category") not in CALLS:
        return stated or ("server" if row.get("nr.entryPoint") is True else "")
    return "client"


def _first(row: dict, names: Sequence[str]) -> str:
    return next((str(row[name]) for name in names if row.get(name)), "")
