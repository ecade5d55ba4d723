"""Each action on an issue in each state, checked by the rows stored afterwards."""

from __future__ import annotations

import pytest

from core.access.rights import Actor, Forbidden
from core.actions import approvals, issues
from core.actions.registry import Reused
from core.db import store
from core.models import Approval, AuditRow, Issue, Outcome, Status
from core.models.access import Role
from core.models.kept import Ruling
from core.ops import durable
from core.signals import triage_rules
from tests import waiting
from tests.guards.stored import answers_sent, audited, issue_in, notified, one, refused, rows, stored, workflow
from tests.who import by

GIVEN = {
    "escalate": {"to": "ops", "reason": "look at it"},
    "retry": {},
    "resolve": {"how": "restarted it", "cured": True},
    "dismiss": {"reason": "a test"},
}
RUNNING = {Status.DEPLOYING, Status.WATCHING, Status.ROLLING_BACK}
ALLOWED = {
    "escalate": set(Status) - RUNNING - {Status.RESOLVED, Status.DISMISSED},
    "retry": {Status.ESCALATED, Status.DISMISSED},
    "resolve": {Status.ESCALATED},
    "dismiss": {Status.ESCALATED, Status.NEW},
}
AFTER = {
    "escalate": Status.ESCALATED,
    "retry": Status.ANALYZING,
    "resolve": Status.RESOLVED,
    "dismiss": Status.DISMISSED,
}


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("name", GIVEN)
def test_an_action_in_each_state(console, name, status):
    issue, work = issue_in(status), getattr(issues, name)
    if status not in ALLOWED[name]:
        says = "A deployment is in progress" if name == "escalate" and status in RUNNING else f"{status}."
        refused(work, issue.id, says=says, **GIVEN[name])
        return
    assert work(issue.id, actor=by("operator"), key="k", **GIVEN[name]).done
    kept = one(Issue, issue.id)
    assert kept.status is AFTER[name] or name == "retry"
    [(actor, subject, _)] = audited(name)
    assert (actor, subject) == ("operator", f"issue/{issue.id}")
    before = stored()
    assert not work(issue.id, actor=by("operator"), key="k", **GIVEN[name]).done
    assert stored() == before, "the same click again changes nothing"


@pytest.mark.parametrize(
    ("name", "other"),
    [(name, field) for name, given in GIVEN.items() for field in given],
)
def test_a_key_is_bound_to_the_whole_content(console, name, other):
    status = Status.ESCALATED if name != "dismiss" else Status.NEW
    issue, work = issue_in(status), getattr(issues, name)
    assert work(issue.id, actor=by("operator"), key="k", **GIVEN[name]).done
    before, value = stored(), GIVEN[name][other]
    changed = GIVEN[name] | {other: (not value) if isinstance(value, bool) else f"{value}, changed"}
    with pytest.raises(Reused):
        work(issue.id, actor=by("operator"), key="k", **changed)
    assert stored() == before


@pytest.mark.parametrize("actor", [Actor("admin", Role.ADMIN), "admin"])
@pytest.mark.parametrize("name", GIVEN)
def test_an_unauthenticated_name_does_nothing(console, name, actor):
    issue = issue_in(Status.ESCALATED)
    before = {**stored(), "AuditRow": []}
    with pytest.raises(Forbidden, match="This needs an authenticated person"):
        getattr(issues, name)(issue.id, actor=actor, key="k", **GIVEN[name])
    assert {**stored(), "AuditRow": []} == before
    assert [(row.actor, row.action) for row in rows(AuditRow)] == [("admin", "forbidden")]


@pytest.mark.parametrize("name", GIVEN)
def test_an_issue_that_does_not_exist(console, name):
    refused(getattr(issues, name), 404, says="This issue does not exist.", **GIVEN[name])


@pytest.mark.parametrize("reason", ["", "not ours"])
def test_an_escalated_issue_is_assigned_and_remembered(console, reason):
    issue = issue_in(Status.FIXING)
    assert (
        issues.escalate(issue.id, actor=by("operator"), to="ops", reason=reason, key="k").message == "Escalated to ops."
    )
    kept = one(Issue, issue.id)
    assert (kept.status, kept.assignee) == (Status.ESCALATED, "ops")
    assert kept.reason == f"escalated to ops by operator. {reason}".strip()
    assert [(row.result, row.note, row.by, row.run) for row in rows(Outcome)] == [("escalated", reason, "operator", 1)]
    assert [message.body for message in notified("escalated")] == [kept.reason]
    assert audited("escalate") == [("operator", f"issue/{issue.id}", {"to": "ops", "reason": reason, "via": "console"})]


def test_escalating_again_reassigns_the_issue_and_keeps_the_outcome(console):
    issue = issue_in(Status.ESCALATED)
    issues.escalate(issue.id, actor=by("operator"), to="bob", reason="", key="k")
    assert (one(Issue, issue.id).assignee, rows(Outcome)) == ("bob", [])


@pytest.mark.parametrize(("reason", "kept"), [("mine", "mine"), ("", "escalated to ops")])
def test_escalating_rejects_a_pending_approval(console, reason, kept):
    number, issue, patch = waiting.question()
    issues.escalate(issue, actor=by("operator"), to="ops", reason=reason, key="k")
    asked = one(Approval, number)
    assert (asked.state, asked.by, asked.reason) == ("rejected", "operator", kept)
    assert rows(Outcome) == [], "the workflow that receives the answer records it"
    assert answers_sent() == [{"approved": False, "by": "operator", "reason": kept}]
    refused(approvals.approve, number, says="Already rejected by operator", patch_hash=patch)


@pytest.mark.parametrize("state", ["approved", "rejected", "expired"])
def test_escalating_keeps_other_approvals(console, state):
    number, issue, _ = waiting.question()
    other, _, _ = waiting.question()
    with store.write() as session:
        session.get_one(Approval, number).state = state
    issues.escalate(issue, actor=by("operator"), to="ops", reason="x", key="k")
    assert (one(Approval, number).state, one(Approval, other).state) == (state, "pending")
    assert [row.result for row in rows(Outcome)] == ["escalated"]


@pytest.mark.parametrize(("status", "run", "cancelled"), [(Status.FIXING, 1, True), (Status.NEW, 0, False)])
def test_escalating_stops_running_work(console, status, run, cancelled):
    issue = issue_in(status, run=run)
    with store.write() as session:
        durable.start_in(session, "journey", issue.workflow_id, issue.id, run)
    issues.escalate(issue.id, actor=by("operator"), to="ops", reason="x", key="k")
    assert (workflow(issue.workflow_id) == "CANCELLED") is cancelled


def test_a_repeated_click_does_not_stop_a_later_run(console):
    issue = issue_in(Status.FIXING)
    issues.escalate(issue.id, actor=by("operator"), to="ops", reason="x", key="k")
    issues.retry(issue.id, actor=by("operator"), key="r")
    again = one(Issue, issue.id).workflow_id
    assert not issues.escalate(issue.id, actor=by("operator"), to="ops", reason="x", key="k").done
    assert workflow(again) == "ENQUEUED"


def test_a_retry_starts_the_next_run(console):
    issue = issue_in(Status.ESCALATED)
    with store.write() as session:
        triage_rules.know(session, issue.id, "noise", "ada")
    assert issues.retry(issue.id, actor=by("operator"), key="k").message == "Run 2 has started."
    kept = one(Issue, issue.id)
    assert (kept.run, kept.requested_by, workflow(kept.workflow_id)) == (2, "operator", "ENQUEUED")
    assert rows(Ruling) == [], "it is not taken for known any more"
    assert audited("retry")[0][2] == {"run": 2, "via": "console"}


def test_a_merged_issue_is_not_retried(console):
    issue = issue_in(Status.DISMISSED, merged_into=7)
    refused(issues.retry, issue.id, says="merged into issue 7. Start a new run of that one")


@pytest.mark.parametrize(("cured", "status"), [(True, Status.RESOLVED), (False, Status.DISMISSED)])
def test_a_manual_resolution_is_remembered(console, cured, status):
    issue = issue_in(Status.ESCALATED)
    issues.resolve(issue.id, actor=by("operator"), how="restarted it", cured=cured, key="k")
    kept = one(Issue, issue.id)
    assert (kept.status, kept.resolution, kept.reason) == (status, "restarted it", "restarted it (operator)")
    assert [(row.result, row.note, row.by) for row in rows(Outcome)] == [("human", "restarted it", "operator")]
    assert audited("resolve")[0][2] == {"how": "restarted it", "cured": cured, "via": "console"}


@pytest.mark.parametrize("how", ["", " \n"])
def test_a_resolution_needs_a_description(console, how):
    refused(issues.resolve, issue_in(Status.ESCALATED).id, says="Enter how it was resolved", how=how, cured=True)


def test_a_dismissed_issue_is_known_from_then_on(console):
    issue = issue_in(Status.NEW)
    issues.dismiss(issue.id, actor=by("operator"), reason="a test", key="k")
    assert (one(Issue, issue.id).status, one(Issue, issue.id).reason) == (Status.DISMISSED, "a test")
    assert [(r.kind, r.fingerprint, r.reason, r.by) for r in rows(Ruling)] == [
        ("known", issue.fingerprint, "a test", "operator")
    ]
    assert audited("dismiss")[0][2] == {"reason": "a test", "via": "console"}
