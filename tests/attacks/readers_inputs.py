"""Readers of what services and vendors send by themselves: OTLP, Alertmanager, events, lines, payloads of webhooks."""

from __future__ import annotations

import contextlib
import json
from typing import Any

from core.inputs import (
    accepting,
    alertmanager,
    events,
    hooks_datadog,
    hooks_github,
    hooks_sentry,
    hooks_vercel,
    lines,
    otlp,
    otlp_metrics,
    otlp_records,
    otlp_wire,
    redaction,
)
from core.inputs.hooks import HookContext
from core.inputs.measures import latency_class, moment, percentile
from core.inputs.naming import UnknownService
from core.models import bounds, storable, strict_json
from core.models.inputs import Payload
from core.ops import webhooks
from core.policy.reader import Policy
from core.policy.services import Repository, Service
from core.settings import Settings
from core.vendors import joining, line_pages
from core.vendors.base import FAULTS, Meter
from core.vendors.cloudwatch_lines import line_of, spans
from core.vendors.reading import records_of
from core.vendors.redact import Redactor
from tests.attacks.reader import AT, BROWSER, TRACE, Reader

POLICY = Policy(
    repositories={"shop": Repository(remote="git@example.com:acme/shop.git", github="acme/shop")},
    services={"cart": Service(repository="shop")},
)
POINTED = "parsing failed\n    total = = 1\n            ^\nSyntaxError: invalid syntax\n"
CONTEXT = HookContext(POLICY, Redactor())
ALERT = {
    "version": "4",
    "groupKey": "{}:{}",
    "status": "firing",
    "alerts": [
        {
            "status": "firing",
            "labels": {"alertname": "Errors", "service": "cart", "severity": "page"},
            "annotations": {"summary": "s", "description": "d"},
            "startsAt": "2026-01-05T08:00:00Z",
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "http://prometheus/graph",
            "fingerprint": "c0ffee",
        }
    ],
}
EVENT = {"message": "boom", "type": "KeyError", "stacktrace": TRACE, "time": "2026-01-05T08:00:00Z", "id": "1"}
SPAN = {
    "traceId": "0af7651916cd43dd8448eb211c80319c",
    "spanId": "b7ad6b7169203331",
    "name": "GET /",
    "kind": 2,
    "startTimeUnixNano": "1767600000000000000",
    "endTimeUnixNano": "1767600000100000000",
    "status": {"code": 2},
    "events": [
        {
            "name": "exception",
            "timeUnixNano": "1767600000000000000",
            "attributes": [{"key": "exception.stacktrace", "value": {"stringValue": TRACE}}],
        }
    ],
}
RESOURCE = {"attributes": [{"key": "service.name", "value": {"stringValue": "cart"}}]}
TRACES = {"resourceSpans": [{"resource": RESOURCE, "scopeSpans": [{"spans": [SPAN]}]}]}
RECORD = {"timeUnixNano": "1767600000000000000", "severityNumber": 17, "body": {"stringValue": TRACE}}
LOGS = {"resourceLogs": [{"resource": RESOURCE, "scopeLogs": [{"logRecords": [RECORD]}]}]}
POINT = {
    "timeUnixNano": "1767600000000000000",
    "count": "3",
    "sum": 0.4,
    "explicitBounds": [0.1, 0.5],
    "bucketCounts": ["1", "1", "1"],
    "attributes": [{"key": "http.response.status_code", "value": {"intValue": "500"}}],
}
DURATION = {
    "name": "http.server.request.duration",
    "unit": "s",
    "histogram": {"aggregationTemporality": 1, "dataPoints": [POINT]},
}
METRICS = {"resourceMetrics": [{"resource": RESOURCE, "scopeMetrics": [{"metrics": [DURATION]}]}]}
HOOKS = {
    "sentry": (
        hooks_sentry.read,
        {
            "action": "triggered",
            "data": {"event": {"event_id": "e", "issue_id": "7", "datetime": "2026-01-05T08:00:00Z"}},
        },
    ),
    "datadog": (
        hooks_datadog.read,
        {"id": "1", "date": "1767600000000", "title": "[Triggered] x", "tags": "a:c"},
    ),
    "vercel": (
        hooks_vercel.read,
        {
            "type": "deployment.succeeded",
            "createdAt": 1767600000000,
            "payload": {"target": "production", "deployment": {"id": "d", "name": "shop", "meta": {}}},
        },
    ),
}
PUSH = {
    "ref": "refs/heads/main",
    "repository": {"full_name": "acme/shop", "default_branch": "main"},
    "commits": [{"id": "a", "message": "m", "timestamp": "2026-01-05T08:00:00Z", "modified": ["a.py"]}],
    "action": "closed",
    "pull_request": {"number": 1, "merged": True, "closed_at": "2026-01-05T08:00:00Z", "title": "t"},
    "deployment": {"id": 1, "sha": "a", "created_at": "2026-01-05T08:00:00Z"},
    "release": {"id": 1, "tag_name": "v1", "created_at": "2026-01-05T08:00:00Z"},
    "workflow_run": {"id": 1, "head_branch": "main", "updated_at": "2026-01-05T08:00:00Z"},
}


def _leaves(value: Any, text: str) -> Any:
    if isinstance(value, dict):
        return {key: _leaves(inner, text) for key, inner in value.items()}
    if isinstance(value, list):
        return [_leaves(inner, text) for inner in value]
    return text if isinstance(value, str) and not value.startswith(("2026-", "17676")) else value


def _given(text: str, *samples: Any) -> list[Any]:
    """The text as JSON, or the samples with the text in the place of each of their texts."""
    try:
        return [strict_json.loads(text.encode("utf-8", "surrogatepass"))]
    except strict_json.Unreadable:
        return [_leaves(sample, text) for sample in samples]


def _kept(records: Any) -> None:
    for record in records:
        bounds.bounded(record)


def _alerts(text: str) -> None:
    for body in _given(text, ALERT):
        try:
            group = alertmanager.parsed(body)
        except ValueError:
            continue
        for alert in group.alerts:
            for owner in ("*", "cart", text[:80]):
                try:
                    service = alertmanager.service_of(alert, owner, POLICY)
                except UnknownService:
                    continue
                _kept([alertmanager.record(alert, service, group)])


def _events(text: str) -> None:
    for body in _given(text, EVENT, {**EVENT, "time": None}, [EVENT, EVENT]):
        try:
            found = events.parsed(body)
        except ValueError:
            continue
        rows = [storable(events.row(event, "cart")) for event in found]
        _kept(events.record(redaction.redacted(row, Redactor())) for row in rows)


def _otlp(kind: str, sample: Any):
    def read(text: str) -> None:
        try:
            given = [text.encode("latin-1")]  # protobuf, where the fuzzers make one
        except UnicodeEncodeError:
            given = []
        bodies = [(body, otlp_wire.PROTOBUF) for body in given]
        bodies += [(json.dumps(body).encode(), otlp_wire.JSON) for body in _given(text, sample)]
        for body, media in bodies:
            try:
                request = otlp_wire.decoded(kind, body, media)
            except otlp_wire.OtlpFault:
                continue
            reduce = {"traces": otlp.spans, "logs": otlp.logs, "metrics": otlp_metrics.metrics}[kind]
            rows = redaction.redacted(storable(reduce(request, "*", POLICY).rows), Redactor())
            _kept(records_of(rows, lambda row: otlp_records.read(kind, row)[0], Meter("otlp")))

    return read


def _unpacked(text: str) -> None:
    for encoding in ("gzip", "deflate", text[:20]):
        try:
            otlp_wire.unpacked(text.encode("utf-8", "replace"), encoding, 1 << 16)
        except otlp_wire.OtlpFault:
            continue


def _lines(text: str) -> None:
    panic = ["panic: x", *text.splitlines(), "main.main()"]
    for told in (text.splitlines(), panic, [f"{line}{text[:200]}" for line in TRACE.splitlines()]):
        payload = Payload(id=1, input="lines", service="cart", kind=text[:50], body={"lines": told}, received_at=AT)
        _kept(lines.read([payload], AT).records)
        rows = [{"eventId": n, "timestamp": 1767600000000 + n, "message": line} for n, line in enumerate(told)]
        found = [line for row in rows if (line := line_of(row))]
        spans(found)
        page = line_pages.whole(found, {}, AT, AT, last=False)
        line_pages.whole(found, json.loads(json.dumps(page.memory)), AT, AT, last=True)
    joining.begins_stack(text)
    joining.of_stack(text)


def _delivered(text: str) -> None:
    body = text.encode("utf-8", "replace")
    for kind in ("application/json", "application/x-www-form-urlencoded"):
        webhooks.payload(Settings(), "github", {"content-type": kind, "x-github-event": text[:300]}, body)
        webhooks.payload(Settings(), "github", {"content-type": kind}, b"payload=" + body)


def _hook(read: Any, sample: Any, kind: str = ""):
    def both(text: str) -> None:
        for body in _given(text, sample):
            body = redaction.redacted(bounds.plain(storable(body)), Redactor())
            try:
                _kept(read(Payload(input="x", kind=kind, body=body), CONTEXT))
            except FAULTS:
                continue

    return both


def _window(text: str) -> None:
    digits = "".join(character for character in text if character.isascii() and character.isdigit())[:30] or "0"
    with contextlib.suppress(ValueError, OverflowError, OSError):
        moment(int(digits))
    percentile({str(latency_class(float(digits))): 1})


def _seed(sample: Any) -> tuple[str, ...]:
    return (json.dumps(sample),)


INPUTS = {
    "Alertmanager's alerts": Reader(_alerts, seeds=_seed(ALERT), json=True),
    "a service's events": Reader(_events, seeds=_seed(EVENT), json=True),
    "OTLP's traces": Reader(_otlp("traces", TRACES), seeds=_seed(TRACES), json=True),
    "OTLP's logs": Reader(_otlp("logs", LOGS), seeds=_seed(LOGS), json=True),
    "OTLP's metrics": Reader(_otlp("metrics", METRICS), seeds=_seed(METRICS), json=True),
    "body of an input": Reader(
        lambda text: accepting._json(text.encode("utf-8", "surrogatepass")),
        (accepting.NotAccepted,),
        ('{"a": [1, 2.5, null]}', '{"a": NaN}'),
        json=True,
    ),
    "OTLP's packed body": Reader(_unpacked, seeds=("\x1f\x8b", "x\x9c")),
    "a service's log lines": Reader(_lines, seeds=(TRACE, BROWSER, POINTED)),
    "payload of a webhook": Reader(_delivered, seeds=_seed(PUSH), json=True),
    "times of spans": Reader(_window, seeds=("1767600000000000000",)),
    **{f"webhook of {name}": Reader(_hook(*of), seeds=_seed(of[1]), json=True) for name, of in HOOKS.items()},
    **{
        f"webhook of GitHub, {event}": Reader(_hook(hooks_github.read, PUSH, event), seeds=_seed(PUSH), json=True)
        for event in hooks_github.EVENTS
    },
}
