"""The component at fault: excess that no callee explains, whatever the names, the order and the missing samples."""

import io
import json
from datetime import timedelta

import pytest

from core.cli import blame
from core.db import store
from core.models import Metric, now
from core.signals import incident
from core.signals.analysis.components import ComponentSeries, Incident, ranked

CALLS = {"web": ["search", "cart"], "search": ["index"], "cart": ["index"], "index": []}
NORMAL = [10.0, 11.0, 9.0, 10.5, 9.5] * 6


def told(rises: dict[str, float], requests: dict[str, float] | None = None, calls=CALLS, metric="latency") -> Incident:
    """Each component rises by so much in samples 3 and 4 of five."""
    sign = -1 if metric == "availability" else 1
    counts = dict.fromkeys(CALLS, 100.0) | (requests or {})
    series = {}
    for name in CALLS:
        up = sign * rises.get(name, 0.0)
        series[name, metric] = ComponentSeries(NORMAL, [10.0, 10.0, 10.0 + up, 10.0 + up, 10.0])
        series[name, "requests"] = ComponentSeries([counts[name]] * 30, [counts[name]] * 5)
    return Incident("web", metric, calls, series)


@pytest.mark.parametrize("metric", ["latency", "error rate", "availability"])
@pytest.mark.parametrize(
    ("rises", "requests", "first"),
    [
        ({"web": 20}, {}, "web"),
        ({"web": 20, "search": 20, "index": 20}, {"cart": 0.001}, "index"),
        ({"web": 20, "search": 20}, {}, "search"),
        ({"web": 20, "search": 20, "index": 5}, {}, "search"),  # the callee's part is small
        ({"web": 5, "search": 50, "cart": 60}, {"web": 1000, "search": 100, "cart": 1}, "search"),  # few requests
    ],
)
def test_the_largest_own_excess_comes_first(metric, rises, requests, first):
    assert ranked(told(rises, requests, metric=metric))[0].name == first


def test_a_callee_is_shared_by_its_callers():
    found = ranked(told({"web": 20, "search": 30, "index": 30}, {"index": 150, "search": 100, "cart": 50}))
    assert found[0].name == "index"
    assert {one.name for one in found if one.share} <= {"index", "search"}


def test_what_does_not_move_with_the_alert_counts_less():
    given = told({"web": 20, "search": 20})
    late = dict(given.series)
    late["cart", "latency"] = ComponentSeries(NORMAL, [50.0, 50.0, 30.0, 10.0, 50.0])
    assert ranked(Incident("web", "latency", CALLS, late))[0].name == "search"


def test_a_rise_within_the_usual_is_no_excess():
    found = {one.name: one for one in ranked(told({"web": 20, "search": 20, "cart": 0.9}))}
    assert found["cart"].share == 0 and "which is usual" in found["cart"].message


def test_an_unknown_call_is_found_by_its_amount():
    cut = CALLS | {"search": []}
    found = ranked(told({"web": 20, "search": 20, "index": 20}, {"cart": 0.001}, calls=cut | {"cart": []}))
    assert found[0].name == "index"


@pytest.mark.parametrize("missing", range(5))
def test_missing_samples_count_for_nothing(missing):
    given = told({"web": 20, "search": 20})
    series = {
        key: ComponentSeries(one.normal, [None if place == missing else v for place, v in enumerate(one.abnormal)])
        for key, one in given.series.items()
    }
    assert ranked(Incident("web", "latency", CALLS, series))[0].name == "search"


@pytest.mark.parametrize("series", [{}, {("web", "latency"): ComponentSeries([], [])}])
def test_without_samples_the_target_is_all_that_is_known(series):
    found = ranked(Incident("web", "latency", {}, series))
    assert [one.name for one in found] == ["web"] and found[0].message == "web: latency was not measured"


def test_a_circle_of_calls_ends():
    assert ranked(told({"web": 20}, calls={"web": ["search"], "search": ["web", "search"]}))[0].name == "web"


# --- the command


def line(**changes) -> dict:
    given = told({"web": 20, "search": 20})
    rows = [
        {"node": node, "metric": metric, "stat": "Sum" if metric == "requests" else "Average",
         "normal": list(one.normal), "abnormal": list(one.abnormal)}
        for (node, metric), one in given.series.items()
    ]  # fmt: skip
    quantile = {"node": "cart", "metric": "latency", "stat": "p99", "normal": NORMAL, "abnormal": [9e9] * 5}
    target = {"node": "web", "metric": "latency", "agg": "Average", "timestamp": 1}
    return {"target": target, "calls": CALLS, "step_s": 300, "series": [*rows, quantile]} | changes


def answered(text: str, batch=False, reasons=False) -> tuple[int, list[str], str]:
    out, err = io.StringIO(), io.StringIO()
    code = blame.answer(io.BytesIO(text.encode()), out, err, batch, reasons)
    return code, out.getvalue().splitlines(), err.getvalue()


def test_one_incident_is_answered_by_a_name_a_line():
    code, lines, _ = answered(json.dumps(line()))
    assert code == 0 and lines[0] == "search" and set(lines) == set(CALLS)


def test_several_incidents_are_answered_by_a_list_each():
    one = json.dumps(line())
    for given, batch in ((f"{one}\n\n{one}\n", False), (one, True)):
        code, lines, _ = answered(given, batch)
        assert code == 0 and {json.loads(text)[0] for text in lines} == {"search"}


def test_the_reasons_are_told():
    _, lines, _ = answered(json.dumps(line()), reasons=True)
    first = json.loads(lines[0])[0]
    assert first["name"] == "search" and first["share"] > 0.9 and "latency went from" in first["says"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("not json", "Invalid JSON"),
        (json.dumps({"series": []}), "target: Field required"),
        (json.dumps(line(calls={"web": "search"})), "calls.web: Input should be a valid array"),
        ("[" * 100_000, "Invalid JSON"),
    ],
)
def test_an_unreadable_incident_is_named(text, says):
    code, lines, errors = answered(f"{text}\n{json.dumps(line())}\n")
    assert code == 1 and json.loads(lines[0]) == [] and json.loads(lines[1])[0] == "search"
    assert errors.startswith("incident 1: ") and says in errors


@pytest.mark.parametrize("missing", ["null", "NaN", "Infinity"])
def test_a_sample_that_is_no_number_is_missing(missing):
    given = line()
    given["series"][0]["abnormal"][0] = "MISSING"
    code, lines, _ = answered(json.dumps(given).replace('"MISSING"', missing))
    assert code == 0 and lines[0] == "search"


def test_no_input_is_an_error():
    assert answered("")[0] == 1


# --- from the store


def test_the_samples_of_a_service_and_its_callees_come_from_the_store(platform):
    began = now() - timedelta(minutes=10)
    with store.write() as session:
        for minute in range(40):
            at = began + timedelta(minutes=minute - 30)
            for service in ("web", "search", "other"):
                slow = 900 if service == "search" and minute >= 30 else 900 if service == "web" and minute >= 30 else 90
                for name, value in (("requests", 100), ("errors", 1), ("p95_ms", slow)):
                    session.add(Metric(source="datadog", service=service, name=name, at=at, value=value))
    with store.read() as session:
        found = incident.stored(session, "datadog", CALLS, "web", incident.LATENCY, began, now())
        alone = incident.stored(session, "datadog", {}, "web", incident.LATENCY, began, now())
    assert alone is None
    assert found and {name for name, _ in found.series} == {"web", "search"}
    assert ranked(found)[0].name == "search"
    assert len(found.series["web", "latency"].abnormal) >= 10


def test_the_intervals_of_a_minute_are_one_sample(platform):
    """OTLP's windows last 20 seconds: requests and errors add up, and the latency is that of the usual interval."""
    began = (now() - timedelta(minutes=10)).replace(second=0, microsecond=0)
    rows = [(0, 100, 0, 90), (20, 200, 40, 95), (40, 0, 0, 900)]  # seconds, requests, errors, p95_ms
    with store.write() as session:
        for service in ("web", "search"):
            for second, *values in rows:
                for name, value in zip(("requests", "errors", "p95_ms"), values, strict=True):
                    at = began + timedelta(seconds=second)
                    session.add(Metric(source="otlp", service=service, name=name, at=at, value=value))
    with store.read() as session:
        slow, failing = (
            incident.stored(session, "otlp", CALLS, "web", metric, began, now())
            for metric in (incident.LATENCY, incident.ERRORS)
        )
    assert slow and failing
    assert [slow.series["web", name].abnormal[:2] for name in ("latency", "requests")] == [[95, None], [300, None]]
    assert failing.series["web", "error rate"].abnormal[0] == 40 / 300
