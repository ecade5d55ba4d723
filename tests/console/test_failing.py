"""What fails now: which services are shown, in which order, and what each needs."""

from datetime import timedelta

import pytest

from console import process
from console.parts import approval as inbox
from console.parts import failing as part
from core.db import store
from core.models import Deployment, Metric, Severity, Status, now
from core.queries import approvals, failing
from tests import factories, scenes, screens

MINUTE = timedelta(minutes=1)


@pytest.fixture
def console(tmp_path):
    return screens.open_console(tmp_path)


def measured(session, service: str, errors: float, minutes: int = 10, requests: float = 100) -> None:
    latest = now()
    for ago in range(minutes):
        for name, value in (("requests", requests), ("errors", errors)):
            at = latest - ago * MINUTE
            session.add(Metric(source="datadog", service=service, name=name, at=at, value=value))


def found():
    policy = process.policy()[0]
    with store.read() as session:
        return failing.failing(session, policy, now())


@pytest.mark.parametrize(
    ("errors", "ago", "status", "shown"),
    [
        (30, None, None, True),  # errors without an issue
        (0.2, None, None, False),  # fewer than a person would call failing
        (0, 1, Status.FIXING, True),  # the vendor's rate is late, the error is not
        (0, 5, Status.WATCHING, False),  # a measured rate of zero, and the errors have stopped
        (30, 5, Status.WATCHING, True),
        (None, 5, Status.ESCALATED, True),  # nobody measures: the errors themselves count
        (None, 20, Status.ESCALATED, False),
        (None, 1, Status.RESOLVED, False),
        (None, 1, Status.DISMISSED, False),
    ],
)
def test_a_service_is_shown_while_it_fails(console, errors, ago, status, shown):
    with store.write() as session:
        if errors is not None:
            measured(session, "cart", errors)
        if ago is not None:
            factories.issue(session, service="cart", status=status, last_seen=now() - ago * MINUTE)
    services, others = found()
    assert [one.service for one in services] == (["cart"] if shown else [])
    assert list(others) == (["cart"] if errors is not None and not shown else [])


def test_errors_that_have_ended_are_over(console):
    latest = now()
    with store.write() as session:
        for ago in range(60):
            at = latest - ago * timedelta(seconds=5)
            for name, value in (("requests", 10), ("errors", 5 if ago > 14 else 0)):
                session.add(Metric(source="datadog", service="cart", name=name, at=at, value=value))
    services, others = found()
    assert services == [] and list(others) == ["cart"]


def test_the_worst_comes_first(console):
    with store.write() as session:
        measured(session, "cart", 80)
        measured(session, "search", 30)
        measured(session, "catalog", 40)
        factories.issue(session, service="search", severity=Severity.CRITICAL, status=Status.ESCALATED, last_seen=now())
        factories.issue(session, service="catalog", severity=Severity.LOW, status=Status.FIXING, last_seen=now())
    services, _ = found()
    assert [one.service for one in services] == ["search", "catalog", "cart"]
    assert [round(one.rate, 2) for one in services] == [0.3, 0.4, 0.8]


def test_the_worst_issues_are_read_up_to_a_limit(console, monkeypatch):
    monkeypatch.setattr(failing, "MOST", 3)
    with store.write() as session:
        for severity in (None, Severity.LOW, Severity.CRITICAL, Severity.MEDIUM, Severity.HIGH):
            factories.issue(session, service="cart", severity=severity, status=Status.ESCALATED, last_seen=now())
    with store.read() as session:
        issues = failing.still_seen(session, now())["cart"]
    assert [issue.severity for issue in issues] == [Severity.CRITICAL, Severity.HIGH, Severity.MEDIUM]


def test_the_rate_is_that_of_the_last_minutes(console):
    with store.write() as session:
        measured(session, "cart", 0)
        for ago in (0, 1):
            at = now() - ago * MINUTE - timedelta(seconds=1)
            session.add(Metric(source="newrelic", service="cart", name="errors", at=at, value=90))  # another source
        session.add(Metric(source="datadog", service="cart", name="errors", at=now() - MINUTE / 3, value=9))
    (cart,), _ = found()
    assert cart.errors == 9 and cart.rate == pytest.approx(9 / 300, rel=0.4)


def test_releases_of_the_services_repository_are_marked(console):
    with store.write() as session:
        measured(session, "cart", 30)
        change = factories.change_set(session, factories.issue(session, service="cart", status=Status.WATCHING))
        factories.deployment(session, change, status="watching", ended_at=None)
        for row in session.exec(store.select(Deployment)):
            row.ready_at = now() - 4 * MINUTE
            session.add(row)
    (cart,), _ = found()
    assert len(cart.marks) == 1 and cart.marks[0][1].startswith("The platform released ")


@pytest.mark.parametrize(
    ("status", "says"),
    [
        (Status.AWAITING_APPROVAL, "approve or reject the fix"),
        (Status.ESCALATED, "Needs you: </b>only a person knows"),
        (Status.FIXING, "The platform writes a fix."),
    ],
)
def test_each_issue_says_what_it_needs(console, status, says):
    with store.write() as session:
        made = factories.issue(session, service="cart", status=status, last_seen=now(), reason="only a person knows")
        told = part.wants(made)
    assert says in told


def test_a_person_reads_the_next_step_first(console):
    """The rule that escalated it is on the issue's own page."""
    reason = "Row 7: no other row matches. Guards: curable by code. Next step: Renew the <b>key</b>."
    with store.write() as session:
        made = factories.issue(session, service="cart", status=Status.ESCALATED, last_seen=now(), reason=reason)
        drawn = (part.wants(made), part.people([made], 0), inbox.listing([], [made], None))
    for told in drawn:
        assert "Renew the &lt;b&gt;key&lt;/b&gt;." in told and "Row 7" not in told


def test_every_status_that_is_not_settled_has_its_words(console):
    open_ = set(Status) - set(failing.SETTLED) - {Status.AWAITING_APPROVAL, Status.ESCALATED}
    assert set(part.DOES) == open_


def test_nothing_failing_is_said(console):
    assert "Nothing is failing" in part.section([], True, {})
    assert "No data yet" in part.section([], False, {})


def test_the_inbox_counts_what_needs_a_person(console):
    with store.write() as session:
        for status in (Status.ESCALATED, Status.AWAITING_APPROVAL, Status.FIXING, Status.RESOLVED):
            factories.issue(session, status=status)
        factories.issue(session, status=Status.ESCALATED, merged_into=1)
        assert approvals.needs(session) == 2


def test_escalated_issues_of_today_come_worst_first(console):
    with store.write() as session:
        ages = ((Severity.LOW, 1), (Severity.CRITICAL, 2), (Severity.CRITICAL, 2000), (Severity.HIGH, 3))
        for severity, minutes in ages:
            seen = now() - minutes * MINUTE
            factories.issue(session, status=Status.ESCALATED, severity=severity, last_seen=seen)
        order = [issue.severity for issue in approvals.escalated(session)]
    assert order == [Severity.CRITICAL, Severity.HIGH, Severity.LOW, Severity.CRITICAL]


def test_an_escalated_issue_opens_in_the_inbox(console):
    with store.write() as session:
        scenes.shop(session)
    at = screens.visit("approvals", issue="48")
    told = screens.seen(at)
    assert (
        "escalated 48" in told
        and "shown below" in told
        and "Needs you (9)" in str(at.session_state["pages"]["approvals"]._title)
    )
    assert {"Resolve", "Dismiss"} <= {button.label for button in at.button}
