"""Datadog's spans: failing ones by a search, and the whole traces that they belong to.

API: POST /api/v2/spans/events/search (cursor meta.page.after; at most 1000 spans a page). The kind of a span and the
called service are in its custom attributes, as the tracers of Datadog and OpenTelemetry write them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from core.models.traces import SpanRecord
from core.vendors.redact import Redacting
from core.vendors.values import first
from core.vendors.whole_traces import ROLES

PATH = "/api/v2/spans/events/search"
TYPES = {"web": "server", "worker": "server", "http": "client", "db": "client", "sql": "client", "cache": "client"}
PEERS = ("peer.service", "peer.hostname", "out.host", "server.address", "net.peer.name")


def search(query: str, since: str, until: str, limit: int, after: str | None = None) -> dict:
    """The body of a search."""
    page = {"limit": limit} | ({"cursor": after} if after else {})
    attributes = {"filter": {"query": query, "from": since, "to": until}, "sort": "timestamp", "page": page}
    return {"data": {"type": "search_request", "attributes": attributes}}


def whole(traces: Sequence[str]) -> str:
    """The query of all spans of these traces."""
    return f"trace_id:({' OR '.join(traces)})"


def span(row: dict, http: Redacting, failed: frozenset[str] = frozenset()) -> SpanRecord:
    """One span. ``failed``: ids of rows that the search found to be failing. Pure."""
    outer = row["attributes"]
    custom = _flat(outer.get("custom") or outer.get("attributes") or {})
    begin, end = (datetime.fromisoformat(str(outer[f"{edge}_timestamp"])) for edge in ("start", "end"))
    error = ": ".join(str(custom[name]) for name in ("error.type", "error.message") if custom.get(name))
    return SpanRecord(
        source="datadog",
        trace=str(outer["trace_id"]),
        span=str(outer["span_id"]),
        parent=_parent(outer.get("parent_id")),
        service=first(outer.get("service")),
        environment=first(outer.get("env"), "production"),
        name=http.redact(first(outer.get("resource_name"), outer.get("operation_name")))[:300],
        role=_role(outer, custom),
        peer=first(*map(custom.get, PEERS)),
        at=begin,
        ms=(end - begin).total_seconds() * 1000,
        failed=str(row["id"]) in failed or outer.get("status") == "error" or bool(error),
        message=http.redact(error)[:300],
    )


def _parent(given: object) -> str:
    """A root span names 0 as its parent."""
    return "" if given in (None, "", "0", 0) else str(given)


def _role(outer: dict, custom: dict[str, Any]) -> str:
    return ROLES.get(str(custom.get("span.kind") or ""), "") or TYPES.get(str(outer.get("type") or ""), "")


def _flat(values: dict, before: str = "", depth: int = 3) -> dict[str, Any]:
    """Nested attributes under dotted names, as the search shows them."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, dict) and depth:
            found |= _flat(value, f"{before}{name}.", depth - 1)
        else:
            found[f"{before}{name}"] = value
    return found
