"""Read-only questions: their counts against rows counted by hand."""

from datetime import timedelta

import pytest
from sqlmodel import select

from console import diagram
from core import store
from core.models import Deployment, Issue, Severity, Status, now
from core.views import changes, deployments, issues, outcomes, pipeline
from tests import factories, scenes

DAY = timedelta(days=1)


@pytest.fixture
def shop(console):
    with store.write() as session:
        scenes.shop(session)
    with store.read() as session:
        yield session


def test_statuses_and_totals(shop):
    every = shop.exec(select(Issue)).all()
    by = pipeline.by_status(shop)
    assert sum(by.values()) == len(every) == 50
    assert by[Status.ESCALATED] == sum(i.status == Status.ESCALATED for i in every)
    assert pipeline.totals(shop, now() - DAY)["issues"] == sum(i.created_at > now() - DAY for i in every)


def test_arrows_count_what_was_taken(console):
    with store.write() as session:
        scenes.story(session, Status.RESOLVED)
        scenes.story(session, Status.AWAITING_APPROVAL)
        scenes.story(session, Status.ROLLING_BACK)
        scenes.story(session, Status.RESOLVED, age=timedelta(days=3))
    with store.read() as session:
        taken = pipeline.arrows(session, now() - DAY)
    assert taken[("analyze", "decide")] == taken[("decide", "fix")] == taken[("fix", "review")] == 3
    assert taken[("preview", "approval")] == 1
    assert taken[("preview", "production")] == taken[("production", "watch")] == 2
    assert (taken[("watch", "learn")], taken[("watch", "rollback")]) == (1, 1)
    assert taken[("decide", "escalate")] == 0


def test_every_arrow_of_the_diagram_is_counted(console):
    with store.read() as session:
        taken = pipeline.arrows(session, now() - DAY)
    drawn = {(arrow.start, arrow.end) for arrow in diagram.ARROWS}
    assert drawn - set(taken) == {("schedule", "analyze")}, "a window's new diagnosis is an analysis like any other"
    assert set(taken) <= drawn and not any(taken.values())


@pytest.mark.parametrize(
    "wanted, check",
    [
        (issues.Filter(text="ZeroDivision"), lambda i: "ZeroDivision" in i.title),
        (issues.Filter(text="CHECKOUT"), lambda i: i.service == "checkout"),
        (issues.Filter(text="100%_"), lambda i: False),
        (
            issues.Filter(statuses=(Status.FIXING, Status.WATCHING)),
            lambda i: i.status in ("fixing", "watching"),
        ),
        (issues.Filter(severities=(Severity.CRITICAL,)), lambda i: i.severity == "critical"),
        (
            issues.Filter(service="cart", statuses=(Status.SCHEDULED,)),
            lambda i: (i.service, i.status) == ("cart", "scheduled"),
        ),
    ],
)
def test_filters(shop, wanted, check):
    expected = {i.id for i in shop.exec(select(Issue)) if check(i)}
    assert issues.count(shop, wanted) == len(expected)
    pages = range(1, 2 + len(expected) // issues.PAGE)
    assert {i.id for number in pages for i in issues.page(shop, wanted, number)} == expected


def test_a_story_holds_every_part_and_its_timeline_is_in_order(console):
    with store.write() as session:
        made = scenes.story(session, Status.RESOLVED)
        scenes.story(session, Status.RESOLVED)
    with store.read() as session:
        told = issues.story(session, made.id)
        assert issues.story(session, 404) is None
    parts = (told.signals, told.analyses, told.decisions, told.changes, told.outcomes)
    assert [len(part) for part in parts] == [1] * 5
    assert len(told.deployments) == 2 and told.changes[0].reviews and told.changes[0].tests
    line = issues.timeline(told)
    assert [e.at for e in line] == sorted(e.at for e in line)
    assert line[0].what == "First error seen" and {"fix", "review", "Outcome: fixed"} <= {e.what for e in line}


def test_statistics_by_template(shop):
    found = changes.statistics(shop)
    assert sum(r["written"] for r in found) == changes.count(shop)
    assert sum(r["rolled_back"] for r in found) == 3


def test_only_the_newest_finished_production_deployment_can_be_rolled_back(shop):
    every = shop.exec(select(Deployment)).all()
    [way_back] = [d for d in every if deployments.can_roll_back(shop, d)]
    done = [d.id for d in every if d.environment == "production" and d.status in ("verified", "watching")]
    assert way_back.id == max(done)


def test_outcomes_follow_the_latest_decision_of_their_run(console):
    with store.write() as session:
        made = scenes.story(session, Status.RESOLVED)
        found = factories.analysis(session, made)
        factories.decision(session, made, found, confidence=0.71)
    with store.read() as session:
        [ended] = outcomes.ended(session, now() - DAY, now() + DAY)
        assert not outcomes.ended(session, now() - 2 * DAY, now() - DAY)
    assert (ended.result, ended.confidence, ended.verdict) == ("fixed", 0.71, "AUTO_RESOLVE")


def test_requests_are_of_one_source_only(console):
    with store.write() as session:
        factories.metrics(session, "cart", now(), minutes=10, broken=(0, 1))
        other = factories.Metric(source="newrelic", service="cart", name="requests", at=now(), value=1e6)
        session.add(other)
    with store.read() as session:
        requests, errors = outcomes.requests(session, "datadog", now() - DAY, now() + DAY)
        [(service, points)] = pipeline.error_rate(session, "datadog", now() - DAY).items()
    assert requests == sum(point[1] for point in points) and errors == points[0][2]
    assert service == "cart" and len(points) == 10
