"""Traces by OTLP join those of the vendors: one store, and one answer to where a failure began."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlmodel import select

from core.db import store
from core.inputs import hosts, traces
from core.models import Issue, now
from core.models.hosts import HostMetric, HostPoint
from core.models.traces import FailedSpan, SpanRecord
from core.signals import trace_store
from core.signals.analysis.trace_origin import origins
from core.stages.analyze import as_record
from tests.inputs.test_otlp import price, trace, tracer


def test_an_exception_names_the_service_in_which_its_trace_failed_first(world):
    """The caller's span fails with the exception of the call; both sides send their spans on their own."""
    token = world.token("*")
    caller, _ = tracer(world, token, "cart")
    callee, _ = tracer(world, token, "billing")
    with (
        pytest.raises(KeyError),
        caller.start_as_current_span("POST /cart", kind=trace.SpanKind.SERVER),
        caller.start_as_current_span("charge", kind=trace.SpanKind.CLIENT),
        callee.start_as_current_span("POST /charge", kind=trace.SpanKind.SERVER),
    ):
        price("GONE")
    world.cycle()
    with store.read() as session:
        signal = next(one for one in world.signals() if one.service == "cart")
        issue = session.get_one(Issue, signal.issue_id)
        (found,) = origins(trace_store.failing(session, issue, [as_record(signal)]))
    assert found.service == "billing"
    assert "'POST /charge'" in found.message and "billing <- cart" in found.message


def failing(span: str, ended: float = 0.0) -> SpanRecord:
    at = now() - timedelta(seconds=ended)
    return SpanRecord(source="datadog", trace="a" * 32, span=span, service="cart", at=at, failed=True)


def test_what_is_read_again_is_stored_once_and_old_spans_are_removed(world):
    for _ in range(2):
        with store.write() as session:
            traces.keep(session, [failing("1"), failing("2", 3 * 86_400)], world.runtime.policy, team=True)
            points = [HostPoint(source="newrelic", host="h", name="cpu", at=now().replace(microsecond=0), value=1.0)]
            hosts.keep(session, points)
    with store.read() as session:
        assert [row.span for row in session.exec(select(FailedSpan))] == ["1"]
        assert 1 <= len(session.exec(select(HostMetric)).all()) <= 2


def test_a_storm_of_failing_spans_is_bounded(world, monkeypatch):
    monkeypatch.setattr(traces, "ROWS", 50)
    for page in range(4):
        with store.write() as session:
            spans = [failing(f"{page}-{n}") for n in range(traces.FAILING + 100)]
            traces.keep(session, spans, world.runtime.policy, team=True)
    with store.read() as session:
        rows = session.exec(select(FailedSpan.span)).all()
    assert len(rows) <= 50 and all(name.startswith("3-") for name in rows)
