"""Read-only queries: their counts compared with rows counted by hand."""

from dataclasses import astuple
from datetime import timedelta

import pytest
from sqlmodel import select

from console.ui import diagram
from core.db import store
from core.models import Deployment, Issue, IssueLink, LinkKind, Outcome, Severity, Status, now
from core.queries import approvals, changes, counting, deployments, issues, outcomes, pipeline
from core.queries.kpis import RunTally
from tests import factories, scenes
from tests.console.sums import judged, sums

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


def test_an_issue_that_is_listed_with_another_one_is_not_counted(console):
    """The headline, the navigation and the inbox name the same number."""
    with store.write() as session:
        own = factories.issue(session, status=Status.ESCALATED)
        explained, taken = (factories.issue(session, status=Status.ESCALATED, assignee=who) for who in (None, "bob"))
        waits = factories.issue(session, status=Status.NEW)
        factories.issue(session, status=Status.ESCALATED, merged_into=own.id)
        for child in (explained, taken, waits):
            session.add(IssueLink(parent_id=own.id, child_id=child.id, kind=LinkKind.SYMPTOM))
    with store.read() as session:
        assert pipeline.by_status(session) == {Status.ESCALATED: 2}
        assert approvals.needs(session) == 2
        assert {issue.id for issue in approvals.escalated(session)} == {own.id, taken.id}
        assert explained.id not in {issue.id for issue in pipeline.journeys(session)}


def test_arrows_count_transitions(console):
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
        (issues.IssueFilter(text="ZeroDivision"), lambda i: "ZeroDivision" in i.title),
        (issues.IssueFilter(text="CHECKOUT"), lambda i: i.service == "checkout"),
        (issues.IssueFilter(text="100%_"), lambda i: False),
        (
            issues.IssueFilter(statuses=(Status.FIXING, Status.WATCHING)),
            lambda i: i.status in ("fixing", "watching"),
        ),
        (issues.IssueFilter(severities=(Severity.CRITICAL,)), lambda i: i.severity == "critical"),
        (
            issues.IssueFilter(service="cart", statuses=(Status.SCHEDULED,)),
            lambda i: (i.service, i.status) == ("cart", "scheduled"),
        ),
    ],
)
def test_filters(shop, wanted, check):
    expected = {i.id for i in shop.exec(select(Issue)) if check(i)}
    assert issues.count(shop, wanted) == len(expected)
    pages = range(1, 2 + len(expected) // issues.PAGE)
    assert {i.id for number in pages for i in issues.page(shop, wanted, number)} == expected


def test_a_story_has_every_part_and_an_ordered_timeline(console):
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


def test_sql_sums_equal_those_of_python(shop):
    since, until = now() - 20 * DAY, now()
    every = shop.exec(select(Outcome)).all()
    found, wanted = outcomes.tally(shop, since, until), sums(every)
    assert found.results == wanted.results and found.runs == len(every)
    assert [found.median, found.saved] == pytest.approx([wanted.median, wanted.saved])
    for name in ("repairs", "detect", "confidence"):
        assert astuple(getattr(found, name)) == pytest.approx(astuple(getattr(wanted, name)))
    assert (found.acted, found.held) == (wanted.acted, wanted.held)
    tenths = [astuple(j) for j in outcomes.judged(shop, since, until)]
    assert tenths == [pytest.approx(astuple(j)) for j in judged(every)]
    assert outcomes.tally(shop, until + DAY, until + 2 * DAY) == RunTally()


@pytest.mark.parametrize("confidence", [0.0, 0.1, 0.3, 0.6, 0.7, 0.8, 0.9, 0.99, 1.0, None])
def test_a_tenth_includes_its_lower_limit(console, confidence):
    with store.write() as session:
        made = scenes.story(session, Status.RESOLVED)
        session.exec(select(Outcome)).one().confidence = confidence
    with store.read() as session:
        [found] = outcomes.judged(session, now() - DAY, now() + DAY)
        assert found.place == judged([session.exec(select(Outcome)).one()])[0].place
        assert made.id


def test_the_parts_of_the_repair(console):
    with store.write() as session:
        for _ in range(2):
            scenes.story(session, Status.RESOLVED)
    with store.read() as session:
        n, parts = outcomes.repair_parts(session, now() - DAY, now() + DAY)
        assert outcomes.repair_parts(session, now() + DAY, now() + DAY) == (0, [])
    told = {p.name: p.seconds for p in parts}
    assert n == 2 and list(told)[0] == "detect" and list(told)[-1] == "waiting"
    assert (told["detect"], told["fix"], told["verify"]) == pytest.approx((20, 3, 3), abs=0.01)
    assert sum(told.values()) == pytest.approx(140, abs=0.01)


def test_runs_by_day_and_one_by_one(shop):
    since, until = now() - 20 * DAY, now()
    counts = outcomes.by_day(shop, since, until)
    assert sum(counts.values()) == len(shop.exec(select(Outcome)).all())
    assert all(len(day) == 10 for day, _ in counts)
    dots = outcomes.latest(shop, since, until)
    assert [d.at for d in dots] == sorted(d.at for d in dots) and len(dots) == sum(counts.values())


@pytest.mark.parametrize("column", [Issue.service, Issue.fingerprint])
def test_distinct_values_equal_those_of_sql(shop, column):
    every = sorted(set(shop.exec(select(column))))
    assert counting.distinct(shop, column) == every
    assert counting.distinct(shop, column, limit=2) == every[:2]


@pytest.mark.parametrize(
    ("number", "says"),
    [(0, "0 signals"), (1, "1 signal"), (10_000, "10,000 signals"), (10_001, "more than 10,000 signals")],
)
def test_a_number_with_its_noun(number, says):
    assert counting.with_noun(number, "signal") == says


def test_requests_come_from_one_source_only(console):
    with store.write() as session:
        factories.metrics(session, "cart", now(), minutes=10, broken=(0, 1))
        other = factories.Metric(source="newrelic", service="cart", name="requests", at=now(), value=1e6)
        session.add(other)
    with store.read() as session:
        requests, errors = outcomes.requests(session, "datadog", now() - DAY, now() + DAY)
        [(service, points)] = pipeline.error_rate(session, "datadog", now() - DAY).items()
    assert requests == sum(point[1] for point in points) and errors == points[0][2]
    assert service == "cart" and len(points) == 10


def test_the_page_offers_a_rollback_exactly_where_the_action_accepts_it(shop):
    """A deployment in alarm can be rolled back, and one that nobody promoted cannot."""
    [live] = [d for d in shop.exec(select(Deployment)).all() if deployments.can_roll_back(shop, d)]
    for status, alarm, offered in (
        ("failed", "neither confirmed nor rolled back", True),
        ("failed", "", False),
        ("ready", "", False),
        ("watching", "", True),
    ):
        made = live.model_copy(update={"status": status, "alarm": alarm})
        assert deployments.can_roll_back(shop, made) is offered, (status, alarm)
