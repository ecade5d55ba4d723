"""From a request to the cycle that reads it: when it starts, what it asks of vendors, and what a crash changes."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlmodel import select

from console.parts import connectors
from core import scheduler
from core.db import store
from core.inputs import inbox
from core.models import Connector, Round, now
from core.models.inputs import Payload, ServiceCall
from core.signals import service_graph
from core.signals.health import best_source
from core.stages.collect import keep
from core.stages.corroborate import trusted
from core.vendors.base import Batch
from tests.inputs.test_ingest import TRACEBACK
from tests.inputs.test_otlp import crash, trace, tracer

EVENT = {"type": "KeyError", "message": "no price", "id": "e-1"}


class Vendor:
    """A vendor's API that counts how often it is read."""

    name = "datadog"

    def __init__(self, origin):
        self.origin, self.reads = origin, 0

    def collect(self, cursor, until):
        self.reads += 1
        yield Batch()


def test_an_event_starts_a_cycle_that_asks_no_vendor(world):
    vendor = Vendor(world.runtime.sources[0].origin)
    world.runtime.sources = [vendor, *world.runtime.sources]
    assert inbox.claim() is None
    world.post("/ingest/events", world.token(), json=EVENT)
    slot = inbox.claim()
    detail = scheduler.run_round(world.runtime, world.collector, "w", slot, inputs_only=True)
    assert (detail["events"]["records"], vendor.reads) == (1, 0)
    assert inbox.claim() is None
    assert len(world.issues()) == 1


def test_errors_that_never_stop_start_a_cycle_every_five_seconds(world, monkeypatch):
    token = world.token()
    world.post("/ingest/events", token, json=EVENT)
    scheduler.run_round(world.runtime, world.collector, "w", inbox.claim(), inputs_only=True)
    world.post("/ingest/events", token, json={**EVENT, "id": "e-2"})
    moment = now()
    monkeypatch.setattr(inbox, "now", lambda: moment)
    for seconds, due in ((4.9, False), (5, True)):
        with store.write() as session:
            session.exec(select(Round)).one().started_at = moment - timedelta(seconds=seconds)
        assert bool(inbox.claim()) == due, seconds


def test_spans_without_an_error_wait_for_the_next_cycle(world):
    spans, _ = tracer(world, world.token())
    with spans.start_as_current_span("GET /", kind=trace.SpanKind.SERVER):
        pass
    assert inbox.claim() is None
    crash(spans)
    assert inbox.claim()


def test_a_crash_between_storing_and_marking_changes_nothing(world, monkeypatch):
    token = world.token()
    spans, _ = tracer(world, token)
    crash(spans)
    world.post("/ingest/lines?stream=a", token, content=TRACEBACK)
    world.post("/ingest/events", token, json=EVENT)
    with monkeypatch.context() as patched:
        patched.setattr(inbox, "take", lambda ids: (_ for _ in ()).throw(KeyboardInterrupt))
        for name in ("otlp", "lines", "events"):
            source = next(one for one in world.runtime.sources if one.name == name)
            with pytest.raises(KeyboardInterrupt):
                for batch in source.collect(None, now()):
                    keep(name, batch)
    before = [signal.vendor_id for signal in world.signals()]
    world.cycle()
    assert [signal.vendor_id for signal in world.signals()] == before and len(before) == 3
    assert world.points()["cart", "requests"] == 1
    with store.read() as session:
        rows = session.exec(select(Payload)).all()
    assert all(row.taken_at for row in rows if row.input != "lines"), "lines wait for the rest of a stack"


def test_metrics_of_spans_serve_severity_and_corroboration(world):
    spans, _ = tracer(world, world.token())
    for _ in range(3):
        crash(spans)
    world.cycle()
    with store.read() as session:
        assert best_source(session, "datadog", now() - timedelta(hours=1)) == "otlp"
    assert "otlp" in [source.name for source in trusted(world.runtime)]


def test_calls_of_spans_come_after_the_upstreams_of_the_policy(world):
    with store.write() as session:
        session.add(ServiceCall(caller="cart", callee="billing"))
        session.add(ServiceCall(caller="cart", callee="carrier"))
        session.add(ServiceCall(caller="cart", callee="old", last_seen=now() - timedelta(days=8)))
    with store.read() as session:
        assert service_graph.graph(session, world.runtime.policy) == {"cart": ["carrier", "billing"], "billing": []}


def test_a_connector_that_received_nothing_is_not_green(world):
    token = world.token()
    world.cycle()
    with store.read() as session:
        page = str(connectors.drawn([session.get_one(Connector, "events")]))
    assert "waiting" in page and "works" not in page and "nothing received yet" in page
    world.post("/ingest/events", token, json=EVENT)
    world.cycle()
    with store.read() as session:
        page = str(connectors.drawn([session.get_one(Connector, "events")]))
    assert "works" in page and "last received" in page
