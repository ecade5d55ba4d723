"""Reduces OTLP requests to the parts that the platform stores: errors, server spans and calls. Pure.

Attribute names follow OpenTelemetry's semantic conventions 1.x, including older forms. All records of a resource with
an unknown service are refused, and the response reports that as a partial success.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from core.inputs.naming import UnknownService, service_of
from core.policy.reader import Policy
from core.vendors.joining import of_stack

SERVING, CALLING = (Span.SPAN_KIND_SERVER, Span.SPAN_KIND_CONSUMER), (Span.SPAN_KIND_CLIENT, Span.SPAN_KIND_PRODUCER)
ENVIRONMENT = ("deployment.environment.name", "deployment.environment")
STATUS_CODE = ("http.response.status_code", "http.status_code")
PEER = ("service.peer.name", "peer.service", "server.address", "net.peer.name")
STREAM = (  # attributes that distinguish the output of one process or file from that of another
    "service.instance.id",
    "host.name",
    "container.id",
    "k8s.pod.uid",
    "k8s.pod.name",
    "k8s.container.name",
    "process.pid",
    "log.file.path",
    "log.file.name",
    "log.iostream",
)
KEPT = ("exception.type", "exception.message", "exception.stacktrace")
TROUBLE = ("error", "fatal")
WARN, ERROR = 9 + 4, 9 + 8  # severity numbers of OTLP
TEXT, DEPTH = 40_000, 6  # maximum characters of a text; maximum nesting
TRACE, SPAN = 16, 8  # bytes of an id; longer ones are cut, because an index takes no long entries


@dataclass
class Reduced:
    """Rows to store, the number of refused records by reason, and whether any row is an error."""

    rows: list[dict] = field(default_factory=list)
    refused: int = 0
    why: Counter[str] = field(default_factory=Counter)
    urgent: bool = False

    @property
    def message(self) -> str:
        return "; ".join(f"{reason} ({number} refused)" for reason, number in self.why.most_common(3))


def value_of(value: Any, depth: int = DEPTH) -> Any:
    """Convert an AnyValue to plain JSON; bytes become hexadecimal."""
    kind = value.WhichOneof("value")
    found: Any = getattr(value, kind) if kind else None
    if kind in ("array_value", "kvlist_value") and not depth:
        return "\u2026"
    if kind == "array_value":
        return [value_of(inner, depth - 1) for inner in found.values[:100]]
    if kind == "kvlist_value":
        return {pair.key: value_of(pair.value, depth - 1) for pair in found.values[:100]}
    if kind == "bytes_value":
        return found[:1000].hex()
    return found[:TEXT] if kind == "string_value" else found


def attributes_of(pairs: Any) -> dict[str, Any]:
    return {pair.key: value_of(pair.value) for pair in pairs}


def first(attributes: dict[str, Any], names: Sequence[str]) -> str:
    return next((str(attributes[name]) for name in names if attributes.get(name) not in (None, "")), "")


def server_error(code: str) -> bool:
    """Is this the text of an HTTP status from 500 to 599?"""
    return len(code) == 3 and code.isascii() and code.isdigit() and code[0] == "5"


def resources(groups: Any, owner: str, policy: Policy, count: Any, into: Reduced) -> Iterator[tuple[Any, dict]]:
    """Each group of records whose service is known, with the attributes of its resource."""
    for group in groups:
        attributes = attributes_of(group.resource.attributes)
        try:
            service = service_of([first(attributes, ("service.name",))], owner, policy)
        except UnknownService as unknown:
            number = count(group)
            into.refused += number
            into.why[str(unknown)] += number
            continue
        yield (
            group,
            {
                "service": service,
                "environment": first(attributes, ENVIRONMENT) or "production",
                "release": first(attributes, ("service.version",)),
            },
        )


# --- traces ----------------------------------------------------------------------------------------


def spans(request: Any, owner: str, policy: Policy) -> Reduced:
    found = Reduced()

    def count(group: Any) -> int:
        return sum(len(scope.spans) for scope in group.scope_spans)

    for group, resource in resources(request.resource_spans, owner, policy, count, found):
        rows = (_span(span, resource) for scope in group.scope_spans for span in scope.spans)
        found.rows += [row for row in rows if row["role"] or row["exceptions"]]
    found.urgent = any(row["exceptions"] for row in found.rows)
    return found


def _span(span: Any, resource: dict) -> dict:
    attributes = attributes_of(span.attributes)
    code = first(attributes, STATUS_CODE)
    failed = span.status.code == Status.STATUS_CODE_ERROR
    role = "server" if span.kind in SERVING else "client" if span.kind in CALLING else ""
    return resource | {
        "role": role,
        "trace": span.trace_id[:TRACE].hex(),
        "span": span.span_id[:SPAN].hex(),
        "parent": span.parent_span_id[:SPAN].hex(),
        "name": span.name[:300],
        "at": span.start_time_unix_nano,
        "ms": max(span.end_time_unix_nano - span.start_time_unix_nano, 0) / 1e6,
        "failed": failed or (role == "server" and server_error(code)),
        "peer": first(attributes, PEER) if role == "client" else "",
        "exceptions": [_exception(event) for event in span.events if event.name == "exception"][:10],
    }


def _exception(event: Any) -> dict:
    attributes = attributes_of(event.attributes)
    return {name: str(attributes.get(name) or "") for name in KEPT} | {"at": event.time_unix_nano}


# --- logs ------------------------------------------------------------------------------------------


def logs(request: Any, owner: str, policy: Policy) -> Reduced:
    """Errors, warnings with an exception, and the lines of stacks, which collectors send one by one.

    Records without a severity are also stored as lines and are classified once they are joined
    (core/inputs/otlp_lines.py). Other log records are accepted but not stored.
    """
    found = Reduced()

    def count(group: Any) -> int:
        return sum(len(scope.log_records) for scope in group.scope_logs)

    for group, resource in resources(request.resource_logs, owner, policy, count, found):
        around = attributes_of(group.resource.attributes)
        rows = (_log(record, resource, around) for scope in group.scope_logs for record in scope.log_records)
        found.rows += [row for row in rows if row]
    found.urgent = any(row["level"] in TROUBLE or (row["body"].strip() and of_stack(row["body"])) for row in found.rows)
    return found


def _log(record: Any, resource: dict, around: dict) -> dict | None:
    attributes = attributes_of(record.attributes)
    raised = {name: str(attributes.get(name) or "") for name in KEPT}
    body = value_of(record.body)
    text = _shown(body)
    level, raises = _level(record), any(raised.values())
    line = isinstance(body, str) and not raises
    if not _kept(level, text, line, raises):
        return None
    return resource | {
        "at": record.time_unix_nano or record.observed_time_unix_nano,
        "level": level or ("" if line else "error"),
        "line": line,
        "stream": _stream(around, attributes),
        "body": text,
        "trace": record.trace_id[:TRACE].hex(),
        "span": record.span_id[:SPAN].hex(),
        **raised,
    }


def _shown(body: Any) -> str:
    return body if isinstance(body, str) else "" if body is None else str(body)[:TEXT]


def _stream(around: dict, attributes: dict) -> str:
    names = (str(given.get(name) or "") for given in (around, attributes) for name in STREAM)
    return "/".join(names).strip("/")[:400]


def _kept(level: str, text: str, line: bool, raises: bool) -> bool:
    """Is it trouble, an exception, or a line that states no severity or can be one of a stack?"""
    return level in TROUBLE or (raises and level != "info") or (line and (not level or of_stack(text)))


def _level(record: Any) -> str:
    """fatal, error or warning; empty for lower severities and for records without one."""
    number, name = record.severity_number, record.severity_text.lower()
    if not number:
        return "fatal" if name in ("fatal", "critical") else name if name in ("error", "warning") else ""
    return "fatal" if number >= ERROR + 4 else "error" if number >= ERROR else "warning" if number >= WARN else "info"
