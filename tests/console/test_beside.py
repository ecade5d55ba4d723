"""What the page of an issue shows beside its errors: the service's error rate, what is usual, and log lines."""

from __future__ import annotations

from datetime import timedelta

import pytest

from console import process
from core.db import store
from core.models import Kind, now
from core.queries import beside, issues
from tests import factories, screens

HOSTILE = "<img src=x onerror=alert(1)>"


def found(issue_id: int, at=None) -> beside.Beside:
    with store.read() as session:
        return beside.beside(session, process.policy()[0], issues.story(session, issue_id), at or now())


def issue_of(session, **values):
    return factories.issue(session, service="cart", **values)


def test_the_chart_covers_the_issue_and_a_quarter_of_an_hour_around_it(console):
    at = now()
    with store.write() as session:
        row = issue_of(session, first_seen=at - timedelta(hours=5), last_seen=at - timedelta(hours=4))
        factories.metrics(session, "cart", at, minutes=400)
        factories.metrics(session, "shop", at, minutes=400)
    shown = found(row.id)
    assert row.first_seen - beside.AROUND <= shown.points[0][0] < row.first_seen
    assert row.last_seen < shown.points[-1][0] <= row.last_seen + beside.AROUND
    assert {point[1] for point in shown.points} <= {120 + 13 * n for n in range(5)}, "one service's requests alone"


@pytest.mark.parametrize(("minutes", "usual"), [(59, None), (60, 0.0), (200, 0.0)])
def test_what_is_usual_is_known_from_an_hour_of_the_day_before(console, minutes, usual):
    at = now()
    begin = at - timedelta(minutes=30)
    with store.write() as session:
        row = issue_of(session, first_seen=begin + beside.AROUND, last_seen=at)
        factories.metrics(session, "cart", begin, minutes=minutes, broken=(0, 0))
        factories.metrics(session, "cart", at, minutes=29, broken=(0, 29))
    assert found(row.id).usual == usual


def test_a_rate_that_one_interval_in_a_hundred_reaches_is_usual(console):
    with store.write() as session:
        factories.metrics(session, "cart", now(), minutes=400, broken=(100, 108))
        assert beside.usual_rates(session, "datadog", now())["cart"] > 0.2
        assert not beside.usual_rates(session, "newrelic", now())


def test_the_logs_of_other_issues_at_the_time_and_the_lines_before_the_crash(console):
    at = now()
    lines = [f"line {n} {HOSTILE}" for n in range(30)]
    with store.write() as session:
        row, other = issue_of(session, first_seen=at, last_seen=at), issue_of(session)
        crash = {"exception": {"type": "KeyError", "message": "x"}, "frames": [], "logs": lines}
        factories.signal(session, row, crash=crash, at=at)
        for title, of, seconds, more in (
            ("near", other, 110, {}),
            ("late", other, 130, {}),
            ("own", row, 10, {}),
            ("crash", other, 10, {"kind": Kind.EXCEPTION}),
            ("elsewhere", other, 10, {"service": "shop"}),
        ):
            factories.signal(
                session,
                of,
                title=f"{title} {HOSTILE}",
                at=at + timedelta(seconds=seconds),
                **{"kind": Kind.LOG, **more},
            )
    shown = found(row.id)
    assert [log.title for log in shown.logs] == [f"near {HOSTILE}"]
    assert list(shown.lines) == lines[-20:]
    tabs = screens.visit("issues", issue=str(row.id))
    assert not tabs.exception


def test_a_slow_service_is_shown_by_its_latency(console):
    at = now()
    with store.write() as session:
        row = issue_of(session, kind=Kind.METRIC, first_seen=at - timedelta(minutes=30), last_seen=at)
        factories.signal(session, row, kind=Kind.METRIC, attributes={"metric": "p95_ms"})
        factories.metrics(session, "cart", at, minutes=400)
    shown = found(row.id)
    assert shown.metric == "p95_ms" and shown.usual == max(value for _, value in shown.values)
    page = screens.seen(screens.visit("issues", issue=row.id))
    assert "95th percentile of the latency around the issue" in page and "error rate around the issue" not in page


def test_lost_traffic_is_shown_with_both_edges_of_the_same_hour_of_the_day_before(console):
    at = now()
    with store.write() as session:
        row = issue_of(session, kind=Kind.METRIC, first_seen=at - timedelta(minutes=30), last_seen=at)
        factories.signal(session, row, kind=Kind.METRIC, attributes={"metric": "requests"})
        factories.metrics(session, "cart", at, minutes=60)
        factories.metrics(session, "cart", at - timedelta(hours=3), minutes=60, requests=10)  # of another hour
        factories.metrics(session, "cart", at - timedelta(days=1) + timedelta(minutes=30), minutes=100)
    shown = found(row.id)
    assert (shown.metric, shown.least, shown.usual) == ("requests", 120.0, 172.0)
    assert "shaded: usual, 120 to 172" in screens.seen(screens.visit("issues", issue=row.id))
