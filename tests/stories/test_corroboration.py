"""Corroboration along the whole journey: late metrics, the door to production, the policy, and a second diagnosis."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from core.actions import approvals
from core.cli import stage
from core.db import store
from core.models import Decision, Deployment, StageRun, Status
from core.ops.stage_log import Entry
from core.stages import corroborate, decide
from core.stages.context import DeployPass, StageContext
from core.stages.deliver import deploy, release_checks
from tests.stories.test_flow import SCHEDULED, asked, ended, rows
from tests.stories.world import until
from tests.who import by


@pytest.fixture
def hasty(monkeypatch):
    """Looks for late metrics more often."""
    monkeypatch.setattr(corroborate, "LOOK", 0.1)


def test_late_metrics_are_waited_for_and_nobody_is_asked(world, hasty):
    w = world(wait=60)
    number = w.issue(failed=0)
    waiting = until(lambda: w.get(number) if "Waits for late metrics" in w.get(number).reason else None)
    assert waiting.status is not Status.AWAITING_APPROVAL and w.ledger.effects("preview")
    assert "none of 200 requests failed" in waiting.reason
    w.fares("pricing", 20)
    issue = ended(w, number, Status.RESOLVED, Status.ESCALATED, Status.AWAITING_APPROVAL)
    assert issue.status is Status.RESOLVED, issue.reason
    assert [d.needs_approval for d in rows(Decision)] == [True, False]
    assert [(s.stage, s.attempt) for s in rows(StageRun, StageRun.stage == "decide")] == [("decide", 1), ("decide", 2)]
    assert rows(Deployment, Deployment.environment == "production")[0].automatic


def test_the_wait_ends_with_a_question(world, hasty):
    w = world(wait=0.5)
    number = w.issue(failed=0)
    question = asked(w, number)
    assert "No metric or log of pricing shows these failures" in question.asks
    assert "Waits for" not in question.asks
    w.fares("pricing", 20)  # too late: the person is asked already
    approvals.approve(question.id, actor=by("ada"), patch_hash=question.patch_hash, key="k1")
    assert ended(w, number, Status.RESOLVED, Status.ESCALATED).status is Status.RESOLVED


def test_nobody_waits_where_a_person_is_asked_anyway(world, hasty):
    w = world(wait=600)
    asked(w, w.issue("checkout", failed=0))
    assert len(rows(Decision)) == 1


def test_nobody_waits_where_nothing_can_come(world, hasty):
    w = world(wait=600)
    w.rt.sources = []
    asked(w, w.issue())


def test_a_policy_that_grew_stricter_during_the_wait_holds(world, hasty):
    w = world(wait=60)
    number = w.issue(failed=0)
    until(lambda: "Waits for late metrics" in w.get(number).reason)
    path = w.settings.platform_file
    path.write_text(path.read_text().replace("[guards]\n", "[guards]\nminimum_occurrences = 99\n").replace(
        "\nminimum_occurrences = 2\n", "\n"))  # fmt: skip
    w.fares("pricing", 20)
    issue = ended(w, number, Status.ESCALATED, Status.RESOLVED)
    assert issue.status is Status.ESCALATED and "the minimum is 99" in issue.reason
    assert not w.ledger.effects("production")


@pytest.mark.parametrize("key", ["[corroboration]\nrequired = false", "[services.pricing]\ncorroboration = false"])
def test_a_policy_may_waive_it(world, key):
    w = world()
    path = w.settings.platform_file
    section = key.split("\n")[0]
    path.write_text(path.read_text().replace(section, key))
    issue = ended(w, w.issue(failed=0), Status.RESOLVED, Status.AWAITING_APPROVAL, Status.ESCALATED)
    assert issue.status is Status.RESOLVED, issue.reason
    assert rows(Decision)[0].receipt["inputs"]["corroborated"] is False


def test_a_scheduled_fix_needs_it_too(world):
    at = datetime.now(UTC) - timedelta(minutes=5)
    w = world(days=[at.weekday()], start=f"{at:%H:%M}")
    w.ledger.put("finding", SCHEDULED)
    asked(w, w.issue(failed=0))
    assert not w.ledger.effects("production")


def test_a_later_diagnosis_judges_it_anew(world):
    """What the first diagnosis saw does not speak for the second: the newest decision stands at the door."""
    soon = datetime.now(UTC) + timedelta(days=1)
    w = world(days=[soon.weekday()], start=f"{soon:%H:%M}")
    w.ledger.put("finding", SCHEDULED)
    issue = ended(w, w.issue(), Status.SCHEDULED)
    w.rt.sources = []
    told = decide.run(StageContext(w.rt, issue.id, issue.run, 2, Entry()))
    assert told.needs_approval and [d.needs_approval for d in rows(Decision)] == [False, True]


@pytest.mark.parametrize("receipt", [{}, {"inputs": {}}, {"inputs": {"service": "pricing"}}])
def test_a_decision_of_an_older_version_does_not_pass_the_door(world, receipt):
    """It was taken before reports had to be corroborated, and has waited in the queue since."""
    w = world(limit=0)
    issue = ended(w, w.issue(), Status.QUEUED)
    change = w.change(issue.id)
    with store.write() as session:
        assert release_checks.missing(session, issue.id, issue.run, change, w.rt.policy) == []
        session.exec(store.select(Decision)).one().receipt = receipt
    context = StageContext(w.rt, issue.id, issue.run, DeployPass.PRODUCTION, Entry())
    told = deploy.production(context, change.id, True)
    assert not told.ok and "this exact patch lacks a person's approval" in told.message
    assert not w.ledger.effects("production")


@pytest.mark.parametrize(("failed", "needs"), [(0, True), (20, False)])
def test_kestras_workers_decide_alike(world, failed, needs):
    w = world()
    number = w.issue(failed=failed)
    ended(w, number, Status.RESOLVED, Status.AWAITING_APPROVAL)
    given = type("Given", (), {"issue": number})()
    assert stage._needs_approval(given) is needs
