"""The first failing span of a trace, whatever the order, the clocks and the gaps."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest

from core.models import Cause, Record
from core.models.traces import trace_key
from core.signals.analysis.analyst import EmbeddedAnalyst
from core.signals.analysis.trace_origin import Failing, first, origins
from core.signals.analysis.types import IssueFacts

AT = datetime(2026, 1, 5, 4, 3, tzinfo=UTC)


def span(service: str, ended: float, parent: str = "", trace: str = "t", source: str = "datadog", peer: str = ""):
    at = AT + timedelta(milliseconds=ended)
    return Failing(source, trace, f"{trace}-{service}-{ended}", parent, service, f"GET /{service}", peer, at)


CHAIN = [span("web", 90), span("search", 80, "t-web-90"), span("index", 70, "t-search-80")]
SKEWED = [span("web", 90), span("index", 200, "t-web-90")]  # the clock of the called host is ahead
GAP = [span("web", 90), span("index", 70, "a span that did not fail")]
CIRCLE = [span("a", 1, "t-b-2"), span("b", 2, "t-a-1")]


@pytest.mark.parametrize(
    ("spans", "service"), [(CHAIN, "index"), (SKEWED, "index"), (GAP, "index"), (CIRCLE, "a"), (CHAIN[:1], "web")]
)
def test_the_first_failing_span(spans, service):
    for seed in range(4):
        shuffled = random.Random(seed).sample(spans, len(spans))
        assert first(shuffled).service == service
        assert [origin.service for origin in origins(shuffled)] == [service]


def test_the_message_names_span_trace_and_path():
    (found,) = origins(CHAIN)
    assert found.message == (
        "index: the first failing span of 1 of 1 traces is 'GET /index' (trace t, index <- search <- web)"
    )


def test_a_failing_call_began_in_the_service_that_sends_no_spans():
    (found,) = origins([span("cart", 50), span("cart", 40, "t-cart-50", peer="carrier")])
    assert found.service == "carrier" and "'GET /cart', called by cart" in found.message


def test_most_traces_come_first():
    spans = [span("index", 1, trace=f"i{n}") for n in range(3)] + [span("cache", 1, trace="c")]
    assert [(o.service, o.traces, o.of, o.share) for o in origins(spans)] == [
        ("index", 3, 4, 0.75),
        ("cache", 1, 4, 0.25),
    ]


def test_spans_that_outsiders_can_send_do_not_contradict_those_of_the_team():
    forged = [span("pricing", 1, trace=f"f{n}", source="sentry") for n in range(9)]
    assert [o.service for o in origins([*CHAIN, *forged], {"sentry"})] == ["index"]
    (found,) = origins(forged, {"sentry"})
    assert found.message.endswith("; sentry reports it, where outsiders can write")


def test_an_alert_whose_traces_fail_elsewhere_names_the_origin():
    alert = Record(source="datadog", vendor_id="1", kind="alert", service="web", at=AT, title="5xx errors of web")
    facts = IssueFacts("x", "web", [alert], upstreams=["search"], traces=origins(CHAIN))
    found = EmbeddedAnalyst().analyze(facts)
    assert "The likeliest origin is index: the first failing span of 1 of 1 traces" in found.root_cause
    assert any(row["says"].startswith("suspect (service, 0.95): index") for row in found.evidence)


def test_a_crash_keeps_its_own_cause_and_shows_the_trace():
    inner = {"file": "shop/web.py", "line": 9, "function": "show", "code": 'row["sku"]'}
    crash = {"exception": {"type": "KeyError", "message": "'sku'"}, "frames": [inner]}
    record = Record(source="sentry", vendor_id="1", kind="exception", service="web", at=AT, title="x", crash=crash)
    found = EmbeddedAnalyst().analyze(IssueFacts("x", "web", [record], traces=origins(CHAIN)))
    assert found.cause is Cause.CODE
    assert any("the first failing span" in row["says"] for row in found.evidence)


@pytest.mark.parametrize(
    "ids",
    [
        ("6DCB09B5B57875F334F61AEBED695E2E", "34f61aebed695e2e"),  # 128 bits, and the lower 64
        ("3815767104894033454", "34f453f710d45e2e"),  # decimal, as Datadog's logs have it
    ],
)
def test_one_trace_has_one_key(ids):
    assert trace_key(ids[0]) == trace_key(ids[1])
