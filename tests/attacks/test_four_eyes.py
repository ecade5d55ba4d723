"""One person who wants to approve the fix that they asked for themselves, by every way around it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlmodel import select

from core import runtime
from core.access.rights import Refused
from core.actions import approvals, issues, triage
from core.db import store
from core.models import Approval, Issue, Signal, Status, now
from core.ops import durable
from core.signals.grouping.correlation import Landscape
from core.stages import group
from tests import factories, scenes, screens, waiting
from tests.access.conftest import console  # noqa: F401 - the fixture
from tests.who import by


def escalated(service: str = "checkout", **values) -> int:
    with store.write() as session:
        return scenes.story(session, Status.ESCALATED, service=service, **values).id


def begun_by_the_platform(issue_id: int) -> None:
    """What a round does with a new issue; nobody asks for it."""
    with store.write() as session:
        durable.begin(session, session.get_one(Issue, issue_id))


def asked_about(issue_id: int) -> tuple[int, str]:
    """The question that the issue's present run comes to, as core/stages/deliver/deploy.py asks it."""
    with store.write() as session:
        issue = session.get_one(Issue, issue_id)
        change = factories.change_set(session, issue)
        asked = factories.approval(session, change, requested_by=issue.requested_by)
        durable.start_in(session, "journey", f"asked-{asked.id}", issue.id, issue.run)
        asked.workflow_id = f"asked-{asked.id}"
        return asked.id, asked.patch_hash


def barred(issue_id: int, person: str = "bob") -> None:
    number, patch = asked_about(issue_id)
    with pytest.raises(Refused, match="Four eyes"):
        approvals.approve(number, actor=by(person), patch_hash=patch, key=f"approve-{number}")
    assert waiting.state(number).state == "pending"


def test_a_run_that_the_platform_starts_later_does_not_forget_who_asked(console):  # noqa: F811
    number = escalated()
    issues.retry(number, actor=by("bob"), key="r")
    with store.write() as session:
        session.get_one(Issue, number).status = Status.ESCALATED
    issues.dismiss(number, actor=by("bob"), reason="it did not come back", key="d")  # so a next signal reopens it
    with store.write() as session:
        issue = session.get_one(Issue, number)
        group._join(session, factories.signal(session, issue), issue, Landscape())
    begun_by_the_platform(number)
    barred(number)


def test_what_a_person_splits_off_is_asked_for_by_them(console):  # noqa: F811
    number = with_two_prints("checkout", "checkout")
    triage.split(number, actor=by("bob"), fingerprints=["second"], key="s")
    [new] = others(number)
    begun_by_the_platform(new)
    barred(new)


def test_what_is_split_off_a_critical_service_stays_critical(console):  # noqa: F811
    """A signal of the same cause may come from another service; its fix would need no approval."""
    number = with_two_prints("checkout", "cart")
    triage.split(number, actor=by("bob"), fingerprints=["second"], key="s")
    [new] = others(number)
    assert runtime.current().policy.is_critical(waiting.issue(new).service)


def test_a_critical_issue_is_not_merged_into_one_that_needs_no_approval(console):  # noqa: F811
    critical, other = escalated("checkout"), escalated("cart")
    with pytest.raises(Refused, match="critical service"):
        triage.merge(critical, actor=by("bob"), into=other, key="m")
    assert waiting.issue(critical).merged_into is None
    assert triage.merge(other, actor=by("bob"), into=critical, key="m2").done


def test_an_issue_that_takes_another_one_in_takes_in_who_asked(console):  # noqa: F811
    mine, other = escalated("checkout"), escalated("checkout")
    issues.retry(mine, actor=by("bob"), key="r")
    with store.write() as session:
        session.get_one(Issue, mine).status = Status.ESCALATED
    triage.merge(mine, actor=by("bob"), into=other, key="m")
    begun_by_the_platform(other)
    barred(other)


def test_somebody_else_s_retry_is_two_people(console):  # noqa: F811
    number = escalated()
    issues.retry(number, actor=by("bob"), key="r")
    with store.write() as session:
        session.get_one(Issue, number).status = Status.ESCALATED
    issues.retry(number, actor=by("approver"), key="r2")
    asked, patch = asked_about(number)
    assert approvals.approve(asked, actor=by("bob"), patch_hash=patch, key="a").done


@pytest.mark.parametrize("way", ["pass_on", "hand_back"])
def test_moving_the_question_does_not_change_who_asked(way, console):  # noqa: F811
    number, _, patch = waiting.question(requested_by="bob", assignee="bob" if way == "hand_back" else None)
    given = {"to": "bob", "reason": "x"} if way == "pass_on" else {"reason": "x"}
    getattr(approvals, way)(number, actor=by("bob"), key="w", **given)
    with pytest.raises(Refused, match="Four eyes"):
        approvals.approve(number, actor=by("bob"), patch_hash=patch, key="a")


@pytest.mark.parametrize("end", ["escalate", "merge"])
def test_an_approval_does_not_outlive_what_it_was_given_for(end, console):  # noqa: F811
    number, issue, patch = waiting.question()
    if end == "escalate":
        issues.escalate(issue, actor=by("bob"), to="ops", reason="x", key="e")
    else:
        triage.merge(issue, actor=by("bob"), into=escalated("checkout"), key="e")
    with pytest.raises(Refused, match="Already rejected"):
        approvals.approve(number, actor=by("approver"), patch_hash=patch, key="a")


def with_two_prints(first: str, second: str) -> int:
    """An issue with signals of two fingerprints, of these two services."""
    number = escalated(first)
    with store.write() as session:
        issue = session.get_one(Issue, number)
        for row in session.exec(select(Signal).where(Signal.issue_id == number)):
            row.fingerprint = issue.fingerprint
        factories.signal(session, issue, service=second, fingerprint="second", at=now() - timedelta(minutes=1))
        factories.signal(session, issue, service=first, fingerprint=issue.fingerprint)
    return number


def others(number: int) -> list[int]:
    with store.read() as session:
        return list(session.exec(select(Issue.id).where(Issue.id > number)).all())


def test_the_demo_s_services_are_as_these_tests_think(console):  # noqa: F811
    policy = runtime.current().policy
    assert policy.is_critical("checkout") and not policy.is_critical("cart") and screens.PLATFORM
    with store.read() as session:
        assert not session.exec(select(Approval)).all()
