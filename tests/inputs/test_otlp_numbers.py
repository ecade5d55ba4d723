"""Numbers and ids of OTLP that no service means: none of them stops what other services send."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from opentelemetry import trace
from sqlmodel import select

from core.db import store
from core.inputs.latency import latency_class
from core.models import now
from core.models.bounds import COUNT
from core.models.inputs import Payload, SpanLink, SpanWindow
from tests.inputs.test_otlp import crash, tracer

AT = time.time_ns() - 60 * 10**9
CART = {"attributes": [{"key": "service.name", "value": {"stringValue": "cart"}}]}
HUGE = 2**63 - 1


def send(world, signal: str, body: dict) -> None:
    headers = {"authorization": f"Bearer {world.token()}", "content-type": "application/json"}
    assert world.client.post(f"/otlp/v1/{signal}", json=body, headers=headers).status_code == 200


def metric(data: dict, name: str = "requests", **more) -> dict:
    scope = {"metrics": [{"name": name, **more, **data}]}
    return {"resourceMetrics": [{"resource": CART, "scopeMetrics": [scope]}]}


def requests(**value) -> dict:
    point = {"timeUnixNano": str(AT), "startTimeUnixNano": str(AT - 10**9), **value}
    return metric({"sum": {"isMonotonic": True, "aggregationTemporality": 1, "dataPoints": [point]}})


@pytest.mark.parametrize(
    ("value", "counted"), [({"asDouble": "Infinity"}, 0), ({"asDouble": "NaN"}, 0), ({"asInt": str(HUGE)}, COUNT)]
)
def test_a_count_beyond_every_column_stops_no_other_signal(world, value, counted):
    send(world, "metrics", requests(**value))
    crash(tracer(world, world.token())[0])
    assert world.cycle()["otlp"]["error"] is None
    assert [signal.title for signal in world.signals()] == ["KeyError: 'GONE'"]
    assert world.points().get(("cart", "requests"), 0) == counted


def test_a_count_that_an_earlier_release_stored_stops_no_other_signal(world):
    send(world, "metrics", requests(asInt="7"))
    with store.write() as session:
        kept = session.exec(select(Payload)).one()
        kept.body = {"rows": [row | {"count": float("inf")} for row in kept.body["rows"]]}
    crash(tracer(world, world.token())[0])
    assert world.cycle()["otlp"]["error"] is None
    assert len(world.signals()) == 1


def test_a_latency_without_end_is_counted_as_the_longest_one(world):
    point = {"timeUnixNano": str(AT), "count": "1", "explicitBounds": [1.7e308], "bucketCounts": ["1", "0"]}
    data = {"histogram": {"aggregationTemporality": 1, "dataPoints": [point]}}
    send(world, "metrics", metric(data, "http.server.request.duration", unit="s"))
    assert world.cycle()["otlp"]["error"] is None
    assert latency_class(float("inf")) == latency_class(1e12)


def test_a_long_id_of_a_trace_is_cut_to_its_length(world):
    span = {
        "traceId": "ab" * 4000,
        "spanId": "cd" * 4000,
        "name": "charge",
        "kind": trace.SpanKind.CLIENT.value + 1,
        "startTimeUnixNano": str(AT),
        "endTimeUnixNano": str(AT + 1),
    }
    send(world, "traces", {"resourceSpans": [{"resource": CART, "scopeSpans": [{"spans": [span]}]}]})
    world.cycle()
    with store.read() as session:
        assert session.exec(select(SpanLink.id)).one() == f"{'ab' * 16}:{'cd' * 8}"


@pytest.mark.parametrize(
    ("code", "failed"), [("500", 1), ("599", 1), ("499", 0), ("600", 0), ("5000", 0), ("²", 0), ("５００", 0)]
)
def test_a_failed_request_has_a_status_of_three_plain_digits(world, code, failed):
    status = [{"key": "http.response.status_code", "value": {"stringValue": code}}]
    span = {"name": "GET /", "kind": 2, "startTimeUnixNano": str(AT), "attributes": status}
    send(world, "traces", {"resourceSpans": [{"resource": CART, "scopeSpans": [{"spans": [span]}]}]})
    world.cycle()
    assert world.points()["cart", "errors"] == failed


@pytest.mark.parametrize(("minutes", "kept"), [(-1, 1), (5, 1), (60, 0), (60 * 24 * 365 * 10, 0)])
def test_a_span_of_the_future_is_not_counted(world, minutes, kept):
    at = time.time_ns() + minutes * 60 * 10**9
    span = {"traceId": "ab" * 16, "spanId": "cd" * 8, "name": "charge", "kind": trace.SpanKind.SERVER.value + 1,
            "startTimeUnixNano": str(at), "endTimeUnixNano": str(at + 1)}  # fmt: skip
    send(world, "traces", {"resourceSpans": [{"resource": CART, "scopeSpans": [{"spans": [span]}]}]})
    world.cycle()
    with store.read() as session:
        assert len(session.exec(select(SpanWindow)).all()) == kept


def test_windows_of_the_future_that_an_earlier_release_stored_are_removed(world):
    with store.write() as session:
        session.add(SpanWindow(service="cart", at=now() + timedelta(days=400)))
    send(world, "metrics", requests(asInt="7"))
    world.cycle()
    with store.read() as session:
        assert all(window.at < now() for window in session.exec(select(SpanWindow)))
