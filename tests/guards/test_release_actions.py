"""Each action on releases in each state, checked by the rows stored afterwards."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text

from core.access.rights import Actor, Forbidden, Refused
from core.actions import deployments
from core.cli import cycle
from core.db import store
from core.models import Approval, AuditRow, ChangeSet, Decision, Deployment, Issue, Notification, Review, Status, now
from core.models.access import Role
from core.models.kept import Hold
from core.ops import durable, restart
from core.stages.deliver import holds
from core.stages.deliver.holds import EVERYTHING
from tests import factories
from tests.guards.stored import audited, issue_in, notified, one, refused, rows, stored, workflow
from tests.who import by

STEP = 7  # the preview of every recorded run


def recorded(issue: Issue, status: str = "CANCELLED") -> None:
    """A workflow of the issue that recorded its steps up to the preview and then ended."""
    names = ("analyze.run", "decide.run", "fix.attempts", "fix.run", "review.run", "test.run", "deploy.preview")
    with store.write() as session:
        durable.start_in(session, "journey", issue.workflow_id, issue.id, issue.run)
        for number, name in enumerate(names, start=1):
            session.execute(
                text(
                    "INSERT INTO operation_outputs (workflow_uuid, function_id, function_name, output, serialization)"
                    " VALUES (:workflow, :number, :name, '{}', 'portable_json')"
                ),
                {"workflow": issue.workflow_id, "number": number, "name": name},
            )
    _end(issue.workflow_id, status)


def _end(workflow_id: str, status: str) -> None:
    with store.write() as session:
        given = {"status": status, "id": workflow_id}
        session.execute(text("UPDATE workflow_status SET status = :status WHERE workflow_uuid = :id"), given)


def hold(scope: str = EVERYTHING, **values) -> Hold:
    with store.write() as session:
        made = Hold(scope=scope, **{"by": "platform", "reason": "its last 2 releases failed", **values})
        session.add(made)
    return made


def change_of(issue: Issue, **values) -> ChangeSet:
    """A proved and reviewed change of the issue's current run, with its decision."""
    with store.write() as session:
        issue = session.get_one(Issue, issue.id)
        factories.decision(session, issue, factories.analysis(session, issue))
        made = factories.change_set(session, issue, **values)
        factories.review(session, made)
        return made


def deployed(made: ChangeSet, status: str, **values) -> Deployment:
    with store.write() as session:
        return factories.deployment(session, session.get_one(ChangeSet, made.id), status=status, **values)


def question(made: ChangeSet, state: str) -> Approval:
    with store.write() as session:
        return factories.approval(session, session.get_one(ChangeSet, made.id), state=state)


# --- stop, start, lift -------------------------------------------------------------------------


def test_a_stop_is_stored_announced_and_audited(console):
    receipt = deployments.stop(actor=by("operator"), reason="incident 7", key="k")
    assert receipt.message == "Releases are stopped. Nothing new reaches production."
    [made] = rows(Hold)
    assert (made.scope, made.by, made.reason, made.ended_at) == (EVERYTHING, "operator", "incident 7", None)
    assert [message.body for message in notified("stopped")] == ["operator stopped all releases: incident 7"]
    assert audited("stop") == [("operator", "releases", {"reason": "incident 7", "via": "console"})]
    before = stored()
    assert not deployments.stop(actor=by("operator"), reason="incident 7", key="k").done
    assert (stored(), len(rows(Hold))) == (before, 1)


def test_a_second_stop_and_a_second_start_are_refused(console):
    refused(deployments.start, says="Releases are not stopped.")
    hold(by="ada")
    refused(deployments.stop, says="ada has already stopped releases", reason="x")
    assert deployments.start(actor=by("approver"), key="k").done
    [ended] = rows(Hold)
    assert ended.ended_by == "approver" and ended.ended_at
    assert deployments.stop(actor=by("operator"), reason="again", key="k2").done, "an ended stop does not matter"


@pytest.mark.parametrize("name", ["stop", "start"])
def test_a_stop_covers_all_releases(console, name):
    given = {"reason": "x"} if name == "stop" else {}
    refused(getattr(deployments, name), "shop", says="Only all releases together can be stopped", **given)


def test_a_start_wakes_only_queued_releases(console):
    hold(by="ada")
    queued, fixing = issue_in(Status.QUEUED), issue_in(Status.FIXING)
    for issue in (queued, fixing):
        with store.write() as session:
            durable.start_in(session, "journey", issue.workflow_id, issue.id, 1)
    deployments.start(actor=by("approver"), key="k")
    sent = stored()["notifications"]
    assert [(m["destination_uuid"], m["topic"]) for m in sent] == [(queued.workflow_id, durable.WAKE)]


@pytest.mark.parametrize(("standing", "says"), [
    ([], "The brake of shop is not on."),
    ([EVERYTHING], "The brake of shop is not on."),
    (["other"], "The brake of shop is not on."),
])  # fmt: skip
def test_an_inactive_brake_is_not_lifted(console, standing, says):
    for scope in standing:
        hold(scope)
    refused(deployments.lift, "shop", says=says, reason="x")


def test_a_stop_is_not_lifted_as_a_brake(console):
    hold()
    refused(deployments.lift, EVERYTHING, says="is not on", reason="x")


def test_a_brake_is_lifted_by_a_person(console):
    hold("shop")
    assert deployments.lift("shop", actor=by("approver"), reason="it was the database", key="k").done
    [brake] = rows(Hold)
    assert (brake.ended_by, brake.by) == ("approver", "platform")
    detail = {"reason": "it was the database", "brake": "its last 2 releases failed", "via": "console"}
    assert audited("lift") == [("approver", "repository/shop", detail)]


# --- start now ---------------------------------------------------------------------------------


@pytest.mark.parametrize("status", Status)
def test_only_a_scheduled_issue_is_started_now(console, status):
    issue = issue_in(status)
    if status is not Status.SCHEDULED:
        refused(deployments.start_now, issue.id, says=f"The issue is {status}")
        return
    with store.write() as session:
        durable.start_in(session, "journey", issue.workflow_id, issue.id, 1)
    assert deployments.start_now(issue.id, actor=by("operator"), key="k").done
    kept = one(Issue, issue.id)
    assert (kept.at_once, kept.requested_by, kept.run) == (True, "operator", 1)
    assert [m["topic"] for m in stored()["notifications"]] == [durable.WAKE]
    assert [row[:2] for row in audited("start_now")] == [("operator", f"issue/{issue.id}")]


# --- restart -----------------------------------------------------------------------------------


@pytest.mark.parametrize("status", Status)
def test_a_restart_in_each_state(console, status):
    """The workflow is dead: an open issue may be restarted, one that has ended only after an escalation."""
    issue = issue_in(status)
    recorded(issue)
    given = {"step": STEP, "reason": "the disk is mended"}
    if status in (Status.RESOLVED, Status.DISMISSED):
        refused(deployments.restart_from, issue.id, says=f"The issue is {status}. Start a new run", **given)
        return
    assert (
        deployments.restart_from(issue.id, actor=by("operator"), key="k", **given).message == "Restarted from Preview."
    )
    kept = one(Issue, issue.id)
    assert (kept.restarts, kept.run, kept.workflow_id) == (1, 1, f"issue-{issue.id}-run-1-restart-1")
    assert workflow(kept.workflow_id) == "ENQUEUED"
    assert [step.number for step in restart.steps(kept.workflow_id)] == [1, 2, 3, 4, 5, 6]
    detail = {"step": STEP, "stage": "Preview", "reason": "the disk is mended", "via": "console"}
    assert audited("restart_from") == [("operator", f"issue/{issue.id}", detail)]
    before = stored()
    assert not deployments.restart_from(issue.id, actor=by("operator"), key="k", **given).done
    assert stored() == before


def test_live_work_is_not_restarted(console):
    issue = issue_in(Status.TESTING)
    recorded(issue, "PENDING")
    says = "The issue is testing and its workflow is running. Escalate it first."
    refused(deployments.restart_from, issue.id, says=says, step=STEP, reason="x")


@pytest.mark.parametrize("step", [0, 1, 4, 99])
def test_a_step_that_is_not_a_stage_is_refused(console, step):
    issue = issue_in(Status.ESCALATED)
    recorded(issue)
    refused(deployments.restart_from, issue.id, says=f"cannot restart from step {step}", step=step, reason="x")


@pytest.mark.parametrize(("status", "vendor", "says"), [
    ("watching", "dpl_9", "may be live"),
    ("pending", "dpl_9", "may be live"),
    ("rolled_back", "dpl_9", "Use Release anyway"),
    ("failed", "dpl_9", "Use Release anyway"),
    ("failed", "", ""),
    ("pending", "", ""),
])  # fmt: skip
def test_a_restart_depends_on_what_reached_production(console, status, vendor, says):
    issue = issue_in(Status.ESCALATED)
    recorded(issue)
    deployed(change_of(issue), status, vendor_id=vendor)
    if says:
        refused(deployments.restart_from, issue.id, says=says, step=STEP, reason="x")
    else:
        assert deployments.restart_from(issue.id, actor=by("operator"), step=STEP, reason="x", key="k").done


def test_a_merged_issue_is_not_restarted(console):
    issue = issue_in(Status.ESCALATED, merged_into=7)
    recorded(issue)
    refused(deployments.restart_from, issue.id, says="merged into issue 7", step=STEP, reason="x")


def test_a_restart_voids_pending_approvals(console):
    issue = issue_in(Status.AWAITING_APPROVAL)
    recorded(issue)
    asked = question(change_of(issue), "pending")
    deployments.restart_from(issue.id, actor=by("operator"), step=STEP, reason="x", key="k")
    assert one(Approval, asked.id).state == "stale"


# --- release anyway ----------------------------------------------------------------------------


def rolled_back(**values) -> tuple[Issue, ChangeSet]:
    issue = issue_in(Status.ESCALATED, **values)
    made = change_of(issue)
    deployed(made, "rolled_back")
    return issue, made


def released_anyway(issue: Issue, made: ChangeSet, says: str) -> None:
    """An approver may release this patch, or is refused with this message."""
    given = {"patch_hash": made.patch_hash, "reason": "x"}
    if says:
        refused(deployments.release_anyway, issue.id, says=says, **given)
    else:
        assert deployments.release_anyway(issue.id, actor=by("approver"), key="k", **given).done


@pytest.mark.parametrize("status", Status)
def test_only_an_escalated_issue_is_released_anyway(console, status):
    issue, made = rolled_back()
    with store.write() as session:
        session.get_one(Issue, issue.id).status = status
    given = {"patch_hash": made.patch_hash, "reason": "another fault"}
    if status is not Status.ESCALATED:
        refused(deployments.release_anyway, issue.id, says="This issue has no proved patch", **given)
        return
    assert deployments.release_anyway(issue.id, actor=by("approver"), key="k", **given).done
    kept = one(Issue, issue.id)
    assert (kept.run, kept.status, workflow(kept.workflow_id)) == (2, Status.ANALYZING, "ENQUEUED")
    new = rows(ChangeSet, ChangeSet.run == 2)[0]
    same = ("patch", "patch_hash", "head_sha", "branch", "pull_number", "commit", "proof")
    assert all(getattr(new, name) == getattr(made, name) for name in same)
    assert [review.passed for review in rows(Review, Review.change_set_id == new.id)] == [True]
    assert [d.needs_approval for d in rows(Decision, Decision.run == 2)] == [True]
    [approval] = rows(Approval)
    assert (approval.state, approval.by, approval.patch_hash) == ("approved", "approver", made.patch_hash)
    before = stored()
    assert not deployments.release_anyway(issue.id, actor=by("approver"), key="k", **given).done
    assert stored() == before


@pytest.mark.parametrize(("deployment", "answer", "may"), [
    ("rolled_back", None, True),
    (None, "expired", True),
    (None, "rejected", False),
    (None, "stale", False),
    (None, None, False),
    ("failed", None, False),
    ("watching", None, False),
    ("verified", "expired", False),
])  # fmt: skip
def test_which_patches_are_released_anyway(console, deployment, answer, may):
    issue = issue_in(Status.ESCALATED)
    made = change_of(issue)
    if deployment:
        deployed(made, deployment)
    if answer:
        question(made, answer)
    released_anyway(issue, made, "" if may else "This issue has no proved patch")


@pytest.mark.parametrize(("vendor_id", "judged", "may"), [
    ("", {"kept_back": True}, True),
    ("", {}, False),
    ("dpl_1", {"kept_back": True}, False),  # it reached production, and was kept back in an earlier attempt
])  # fmt: skip
def test_what_a_rehearsal_kept_back_is_released_anyway(console, vendor_id, judged, may):
    issue = issue_in(Status.ESCALATED)
    made = change_of(issue)
    deployed(made, "failed", vendor_id=vendor_id, judged=judged)
    released_anyway(issue, made, "" if may else "This issue has no proved patch")


def test_another_patch_is_not_released_anyway(console):
    issue, _ = rolled_back()
    refused(deployments.release_anyway, issue.id, says="The patch has changed", patch_hash="another", reason="x")


@pytest.mark.parametrize("reason", ["", "  "])
def test_releasing_anyway_needs_a_reason(console, reason):
    issue, made = rolled_back()
    says = "Enter a reason"
    refused(deployments.release_anyway, issue.id, says=says, patch_hash=made.patch_hash, reason=reason)


@pytest.mark.parametrize(("service", "asked", "may"), [
    ("checkout", "approver", False), ("checkout", "ada", True), ("checkout", None, True), ("cart", "approver", True),
])  # fmt: skip
def test_four_eyes_apply_to_releasing_anyway(console, service, asked, may):
    issue, made = rolled_back(service=service, requested_by=asked)
    released_anyway(issue, made, "" if may else "Four eyes")


def test_a_patch_whose_review_failed_is_not_released_anyway(console):
    issue, made = rolled_back()
    with store.write() as session:
        factories.review(session, session.get_one(ChangeSet, made.id), passed=False)
    released_anyway(issue, made, "This issue has no proved patch")


# --- all actions -------------------------------------------------------------------------------

GIVEN = {
    "stop": {"reason": "x"},
    "start": {},
    "lift": {"reason": "x"},
    "start_now": {},
    "restart_from": {"step": STEP, "reason": "x"},
    "release_anyway": {"patch_hash": "x", "reason": "x"},
}


@pytest.mark.parametrize("actor", [Actor("admin", Role.ADMIN), "admin"])
@pytest.mark.parametrize("name", GIVEN)
def test_an_unauthenticated_name_does_nothing(console, name, actor):
    issue, _ = rolled_back()
    before = {**stored(), "AuditRow": []}
    with pytest.raises(Forbidden, match="This needs an authenticated person"):
        getattr(deployments, name)(issue.id, actor=actor, key="k", **GIVEN[name])
    assert ({**stored(), "AuditRow": []}, rows(Hold)) == (before, [])
    assert [(row.actor, row.action) for row in rows(AuditRow)] == [("admin", "forbidden")]


@pytest.mark.parametrize("name", ["start_now", "restart_from", "release_anyway"])
def test_an_issue_that_does_not_exist(console, name):
    refused(getattr(deployments, name), 404, says="This issue does not exist.", **GIVEN[name])


def test_a_key_is_bound_to_its_content(console):
    deployments.stop(actor=by("operator"), reason="one", key="k")
    with pytest.raises(Refused, match="already used for the same action with different content"):
        deployments.stop(actor=by("operator"), reason="another", key="k")


def test_one_scope_never_has_two_active_holds(console):
    hold("shop")
    with pytest.raises(Exception, match="UNIQUE"), store.write() as session:
        holds.put(session, "shop", "ada", "again")


def test_messages_of_holds_are_sent_once(console):
    deployments.stop(actor=by("operator"), reason="one", key="k")
    deployments.start(actor=by("approver"), key="k")
    assert [(m.channel, m.repeats) for m in rows(Notification)] == [("slack", 0), ("slack", 0)]


# --- windows where Kestra runs the stages ------------------------------------------------------


@pytest.mark.parametrize(("opens", "at_once", "due"), [(-5, False, True), (60, False, False), (60, True, True)])
def test_kestra_starts_a_scheduled_issue_when_its_window_opens_or_a_person_starts_it(console, opens, at_once, due):
    start = now() + timedelta(minutes=opens)
    window = f'\n[maintenance]\ndays = [{start.weekday()}]\nstart = "{start:%H:%M}"\nminutes = 30\n'
    console.platform_file.write_text(console.platform_file.read_text() + window)
    issue = issue_in(Status.SCHEDULED, scheduled_for=now() + timedelta(days=1))
    if at_once:
        deployments.start_now(issue.id, actor=by("operator"), key="k")
    assert cycle._due() == ([issue.id] if due else [])
    assert one(Issue, issue.id).at_once is at_once
