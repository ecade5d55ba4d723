"""Accepts a request of an authenticated sender: parse, reduce, redact, store. Each function returns the response."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from core.inputs import alertmanager, inbox, otlp_metrics, otlp_wire
from core.inputs import events as generic
from core.inputs import lines as log_lines
from core.inputs import otlp as reduced
from core.inputs.naming import UnknownService, service_of
from core.inputs.redaction import redacted, redactor
from core.models import now, storable, strict_json
from core.models.counted import counted
from core.models.inputs import Payload
from core.policy.reader import Policy
from core.settings import Settings

Texts = Mapping[str, str]
STREAM = 200  # maximum characters of a stream's name


@dataclass(frozen=True)
class Answered:
    """The response to an accepted request; ``refused`` is the number of its records that were refused."""

    code: int
    message: str = ""
    refused: int = 0
    detail: dict[str, Any] = field(default_factory=dict)


class NotAccepted(Exception):
    """The request is refused as a whole; ``status`` is the HTTP status."""

    def __init__(self, status: int, message: str):
        super().__init__(message)
        self.status = status


def _put(settings: Settings, policy: Policy, payload: Payload, refused: int = 0, message: str = "") -> None:
    payload.body = redacted(storable(payload.body), redactor(settings))
    payload.received_at = payload.due_at = now()
    inbox.accept(policy.inputs, payload)
    if refused:
        inbox.refusals.count(payload.input, message, refused)


def otlp(signal: str, settings: Settings, owner: str, policy: Policy, headers: Texts, _query: Texts, body: bytes):
    """Accept traces, logs or metrics. Raises otlp_wire.OtlpFault."""
    media = otlp_wire.media_type(headers.get("content-type", ""))
    raw = otlp_wire.unpacked(body, headers.get("content-encoding", "").strip().lower())
    request = otlp_wire.decoded(signal, raw, media)
    found = REDUCE[signal](request, owner, policy)
    if found.rows:
        payload = Payload(input="otlp", kind=signal, service=owner, body={"rows": found.rows}, size=len(raw))
        payload.urgent = found.urgent
        _put(settings, policy, payload, found.refused, found.message)
    elif found.refused:
        inbox.refusals.count("otlp", found.message, found.refused)
    return Answered(200, found.message, found.refused)


REDUCE = {"traces": reduced.spans, "logs": reduced.logs, "metrics": otlp_metrics.metrics}


def _json(body: bytes) -> object:
    try:
        return strict_json.loads(body)
    except strict_json.Unreadable as fault:
        raise NotAccepted(400, f"The body is invalid: {fault}") from None


def alerts(settings: Settings, owner: str, policy: Policy, _headers: Texts, _query: Texts, body: bytes) -> Answered:
    """Accept alerts. Those of services other than the token's are refused, the rest is stored."""
    try:
        group = alertmanager.parsed(_json(body))
    except ValueError as fault:
        raise NotAccepted(422, str(fault)) from None
    rows, faults = [], []
    for alert in group.alerts:
        try:
            record = alertmanager.record(alert, alertmanager.service_of(alert, owner, policy), group)
            rows.append(record.model_dump(mode="json"))
        except UnknownService as unknown:
            faults.append(str(unknown))
    message = "; ".join(dict.fromkeys(faults))[:500]
    if faults and not rows:
        raise NotAccepted(422, message)
    if rows:
        payload = Payload(input="alertmanager", service=owner, body={"rows": rows}, size=len(body), urgent=True)
        _put(settings, policy, payload, len(faults), message)
    return Answered(200, message, len(faults), {"accepted": len(rows), "refused": len(faults)})


def events(settings: Settings, owner: str, policy: Policy, _headers: Texts, _query: Texts, body: bytes) -> Answered:
    """Accept events: either all of the request or none."""
    try:
        given = generic.parsed(_json(body))
        rows = [generic.row(event, service_of([event.service], owner, policy)) for event in given]
    except ValueError as fault:
        raise NotAccepted(422, str(fault)) from None
    payload = Payload(input="events", service=owner, body={"rows": rows}, size=len(body), urgent=True)
    _put(settings, policy, payload)
    return Answered(202, counted(len(rows), "event"), detail={"accepted": len(rows)})


def lines(settings: Settings, owner: str, policy: Policy, headers: Texts, query: Texts, body: bytes) -> Answered:
    """Accept log lines as plain text; ``stream`` names their process or file, so that its stack traces stay whole."""
    if not headers.get("content-type", "text/plain").lower().startswith("text/plain"):
        raise NotAccepted(415, "The content type must be text/plain.")
    try:
        service = service_of([query.get("service", "")], owner, policy)
    except UnknownService as unknown:
        raise NotAccepted(422, str(unknown)) from None
    rows = body.decode("utf-8", "replace").splitlines()
    if len(rows) > log_lines.MOST:
        raise NotAccepted(413, f"A request may hold {log_lines.MOST:,} lines.")
    kept = {"lines": rows} | {name: query[name][:100] for name in ("release", "environment") if query.get(name)}
    if any(line.strip() for line in rows):
        stream = query.get("stream", "")[:STREAM]
        payload = Payload(input="lines", kind=stream, service=service, body=kept, size=len(body), urgent=True)
        _put(settings, policy, payload)
    return Answered(202, counted(len(rows), "line"), detail={"accepted": len(rows)})
