"""The inbox as sources of a collection cycle: one for each input.

A source reads payloads, passes on their records, and marks the payloads as read once the records are stored. After a
crash, records that are read twice are stored once, by their identity; spans are counted in their own transaction.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import TypeVar

from sqlmodel import col, select

from core.db import store
from core.inputs import (
    events,
    hooks_datadog,
    hooks_github,
    hooks_sentry,
    hooks_vercel,
    inbox,
    lines,
    otlp_lines,
    otlp_records,
)
from core.inputs.hooks import HookContext, Reader
from core.inputs.measures import measure
from core.inputs.redaction import redactor
from core.models import Metric, MetricPoint, Record, now
from core.models.inputs import NOTHING, IngestToken, InputState, Payload
from core.models.origin import Origin, Writers
from core.policy.reader import Policy
from core.settings import Settings
from core.vendors.base import FAULTS, Batch, Check, Meter

log = logging.getLogger(__name__)
T = TypeVar("T")
HOOKS: dict[str, tuple[str, Reader, str]] = {  # vendor -> title, reader, setting of the secret
    "sentry": ("Sentry webhook", hooks_sentry.read, "sentry_webhook_secret"),
    "datadog": ("Datadog webhook", hooks_datadog.read, "datadog_webhook_token"),
    "github": ("GitHub webhook", hooks_github.read, "github_webhook_secret"),
    "vercel": ("Vercel webhook", hooks_vercel.read, "vercel_webhook_secret"),
}
SENT = {
    "otlp": ("OpenTelemetry", "/otlp"),
    "alertmanager": ("Alertmanager", "/hooks/alertmanager"),
    "events": ("Events", "/ingest/events"),
    "lines": ("Log lines", "/ingest/lines"),
}
Read = tuple[list[Record], list[MetricPoint], list[int]]  # records, points, payloads that are not finished


class InputSource:
    """One input. ``name`` is the input of its payloads; ``connector`` is the name of its connector row."""

    def __init__(self, name: str, title: str, policy: Callable[[], Policy], read: Callable[[Sequence[Payload]], Read]):
        self.input, self.title, self.policy, self._read = name, title, policy, read
        self.name = name if name in SENT else f"{name} webhook"
        self.origin = Origin(title, Writers.TEAM)
        self.meter = Meter(self.name)

    @property
    def connected(self) -> bool:
        """Is the input in use, i.e. does it have a token, or has it received something?"""
        with store.read() as session:
            if session.get(InputState, self.input):
                return True
            live = select(IngestToken.id).where(col(IngestToken.revoked_at).is_(None)).limit(1)
            return self.input in SENT and session.exec(live).first() is not None

    @property
    def note(self) -> str:
        with store.read() as session:
            state = session.get(InputState, self.input)
        if state is None or state.last_at is None:
            return NOTHING + (f"; last refused: {state.last_refusal}" if state and state.refused else "")
        return f"last received {state.last_at:%Y-%m-%d %H:%M:%S} UTC"

    def collect(self, cursor: str | None, until: datetime) -> Iterator[Batch]:
        self.meter.begin()
        while page := inbox.waiting(self.input):
            records, points, unfinished = self._read(page)
            yield Batch(records=records, metrics=points)
            done = [payload.id for payload in page if payload.id not in unfinished]
            inbox.take(done)
            inbox.postpone(unfinished, until + lines.SETTLE)
            if not done or len(page) < inbox.PAGE:
                return

    def each(self, parts: Iterable[T], read: Callable[[T], Iterable[Record]]) -> list[Record]:
        """The records of all payloads. An unreadable one is counted and logged, and does not stop the others."""
        records: list[Record] = []
        for part in parts:
            try:
                records += read(part)
            except FAULTS as error:
                self.meter.unreadable += 1
                log.warning("a payload of %s cannot be read: %.300r", self.input, error)
        return records

    def check(self) -> Check:
        received = NOTHING not in (note := self.note)
        return Check(received, note, "" if received else f"see docs/operations.md, Inputs: {self.title}")


class SpanHealth:
    """The health of services by their spans, for the watch of a release: metric points that cycles have stored."""

    name = otlp_records.SOURCE

    def points(self, services: Sequence[str], since: datetime, until: datetime) -> list[MetricPoint]:
        within = (col(Metric.at) >= since, col(Metric.at) < until, col(Metric.service).in_(services))
        with store.read() as session:
            rows = session.exec(select(Metric).where(Metric.source == self.name, *within).order_by(col(Metric.at)))
            return [MetricPoint.model_validate(row.model_dump()) for row in rows]


def health_source(policy: Policy) -> SpanHealth | None:
    """The health source of spans if the policy watches by spans, else None."""
    return SpanHealth() if policy.watch.source == SpanHealth.name else None


def sources(settings: Settings, policy: Callable[[], Policy], polled: Sequence[str]) -> list[InputSource]:
    """Every input that can receive payloads; ``polled`` are the vendors whose API is also polled."""
    hooks = [
        _hook(settings, policy, vendor, vendor in polled)
        for vendor, (_, _, setting) in HOOKS.items()
        if getattr(settings, setting).get_secret_value()
    ]
    return [*hooks, *(_sent(name, policy) for name in SENT)]


def _hook(settings: Settings, policy: Callable[[], Policy], vendor: str, polled: bool) -> InputSource:
    title, reader, _ = HOOKS[vendor]
    redact = redactor(settings)

    def read(payloads: Sequence[Payload]) -> Read:
        context = HookContext(policy(), redact, polled)
        return source.each(payloads, lambda payload: reader(payload, context)), [], []

    source = InputSource(vendor, title, policy, read)
    return source


def _sent(name: str, policy: Callable[[], Policy]) -> InputSource:
    def read(payloads: Sequence[Payload]) -> Read:
        return READS[name](source, payloads)

    source = InputSource(name, SENT[name][0], policy, read)
    return source


def _otlp(source: InputSource, payloads: Sequence[Payload]) -> Read:
    chosen = [payload for payload in payloads if payload.kind in ("logs", "traces")]
    rows = [(payload.kind, row) for payload in chosen for row in payload.body["rows"] if not otlp_lines.is_line(row)]
    found = otlp_lines.read([payload for payload in chosen if payload.kind == "logs"], now())
    records = source.each(rows, lambda one: otlp_records.read(*one)) + found.records
    return records, measure(payloads, source.policy()), found.unfinished


def _records(source: InputSource, payloads: Sequence[Payload]) -> Read:
    """The payload, which was already parsed when it was accepted."""
    rows = [row for payload in payloads for row in payload.body["rows"]]
    read = events.record if source.input == "events" else Record.model_validate
    return source.each(rows, lambda row: [read(row)]), [], []


def _lines(source: InputSource, payloads: Sequence[Payload]) -> Read:
    found = lines.read(payloads, now())
    return found.records, [], found.unfinished


READS: dict[str, Callable[[InputSource, Sequence[Payload]], Read]] = {
    "otlp": _otlp,
    "alertmanager": _records,
    "events": _records,
    "lines": _lines,
}
