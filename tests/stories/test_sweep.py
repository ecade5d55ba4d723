"""Stories of work that lost its workflow: it is restarted from its last finished step, or a person gets it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from dbos import DBOS
from sqlalchemy import text

from core.access import rights
from core.actions import approvals, deployments, issues
from core.db import store
from core.models import Approval, ChangeSet, Decision, Deployment, Issue, Outcome, Status
from core.ops import durable, restart
from core.stages import sweep
from core.vendors.base import VendorError
from tests.postgres import postgres
from tests.stories.test_flow import SCHEDULED, asked, ended, rows
from tests.stories.world import until
from tests.who import by


def kill(workflow_id: str, status: str = "CANCELLED") -> None:
    """End the workflow from outside, as an operator's tool, a lost recovery or an older version could."""
    durable.cancel(workflow_id)
    schema = "" if store.engine().dialect.name == "sqlite" else "dbos."
    with store.write() as session:
        session.execute(
            text(f"UPDATE {schema}workflow_status SET status = :status WHERE workflow_uuid = :id"),
            {"status": status, "id": workflow_id},
        )


def lose(workflow_id: str) -> None:
    """As after a restore of a backup that is older than the work."""
    kill(workflow_id)
    DBOS.delete_workflow(workflow_id)


def tomorrow() -> dict:
    at = datetime.now(UTC) + timedelta(days=1)
    return {"days": [at.weekday()], "start": f"{at:%H:%M}"}


@pytest.mark.parametrize("status", ["CANCELLED", "ERROR", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"])
def test_work_whose_workflow_died_goes_on_from_its_last_step(world, status):
    w = world()
    question = asked(w, w.issue("checkout"))
    kill(question.workflow_id, status)
    assert sweep.sweep(w.rt) == [question.issue_id]
    moved = until(lambda: next((a for a in rows(Approval) if a.workflow_id != question.workflow_id), None))
    assert moved.id == question.id, "the question is the same; only the workflow that asks is new"
    approvals.approve(question.id, actor=by("ada"), patch_hash=question.patch_hash, key="k")
    assert ended(w, question.issue_id, Status.RESOLVED, Status.ESCALATED).status is Status.RESOLVED
    assert len(rows(ChangeSet)) == 1, "nothing is written twice"
    assert w.get(question.issue_id).restarts == 1


def test_an_answer_that_nobody_heard_is_heard_after_the_restart(world, monkeypatch):
    w = world()
    question = asked(w, w.issue("checkout"))
    monkeypatch.setattr(durable, "send_in", lambda *given: None)  # the workflow dies before it hears
    approvals.approve(question.id, actor=by("ada"), patch_hash=question.patch_hash, key="k")
    monkeypatch.undo()
    monkeypatch.setattr("core.repair.engine.repair", None)  # it is not written again
    monkeypatch.setattr("core.stages.review.gates.review", None)
    kill(question.workflow_id)
    sweep.sweep(w.rt)
    issue = ended(w, question.issue_id, Status.RESOLVED, Status.ESCALATED)
    assert issue.status is Status.RESOLVED, issue.reason
    assert len(rows(Approval)) == 1


def test_an_approval_of_dead_work_is_refused_with_the_way_out(world):
    w = world()
    question = asked(w, w.issue("checkout"))
    kill(question.workflow_id)
    given = {"actor": by("ada"), "patch_hash": question.patch_hash}
    with pytest.raises(
        rights.Refused, match="the workflow that requested it was cancelled. The next collection cycle restarts it"
    ):
        approvals.approve(question.id, key="k", **given)
    assert rows(Approval)[0].state == "pending"
    sweep.sweep(w.rt)
    approvals.approve(question.id, key="k2", **given)
    assert ended(w, question.issue_id, Status.RESOLVED, Status.ESCALATED).status is Status.RESOLVED


def test_a_workflow_that_is_missing_is_started_again(world):
    w = world()
    question = asked(w, w.issue("checkout"))
    lose(question.workflow_id)
    assert sweep.sweep(w.rt) == [question.issue_id]
    until(lambda: durable.known(question.workflow_id) and w.get(question.issue_id).status is Status.AWAITING_APPROVAL)
    assert len(rows(ChangeSet)) == 1 and len(rows(Approval)) == 1


def test_a_fork_that_was_counted_but_not_made_is_made(world, monkeypatch):
    w = world()
    question = asked(w, w.issue("checkout"))
    kill(question.workflow_id)
    with monkeypatch.context() as dying:
        dying.setattr(sweep, "_fork", lambda *given: None)
        sweep.sweep(w.rt)
    assert not durable.known(w.get(question.issue_id).workflow_id)
    sweep.sweep(w.rt)
    approvals.approve(question.id, actor=by("ada"), patch_hash=question.patch_hash, key="k")
    assert ended(w, question.issue_id, Status.RESOLVED, Status.ESCALATED).status is Status.RESOLVED
    assert w.get(question.issue_id).restarts == 1


def test_a_watch_whose_workflows_died_is_taken_up_again(world):
    """Both the journey and its release: production is watched to its end, with one deployment."""
    w = world(watch=8)
    number = w.issue()
    ended(w, number, Status.WATCHING)
    kill(w.get(number).workflow_id + "-release")
    kill(w.get(number).workflow_id)
    sweep.sweep(w.rt)
    w.ledger.put("rate_of_fix", 0.4)
    issue = ended(w, number, Status.RESOLVED, Status.ESCALATED)
    assert w.ledger.get("alias") == "dpl_1", issue.reason
    assert len(w.ledger.effects("production")) == 1


def test_after_its_restarts_a_person_gets_it_with_the_reason(world):
    w = world()
    number = asked(w, w.issue("checkout")).issue_id
    for _ in range(sweep.RESTARTS):
        kill(w.get(number).workflow_id, "ERROR")
        sweep.sweep(w.rt)
    kill(w.get(number).workflow_id, "ERROR")
    assert sweep.sweep(w.rt) == [number]
    issue = w.get(number)
    assert issue.status is Status.ESCALATED
    assert issue.reason == "The workflow has failed. It was restarted 3 times without success."
    assert [o.result for o in rows(Outcome)] == ["failed"]
    assert sweep.sweep(w.rt) == []


def test_one_that_cannot_be_mended_keeps_no_other_waiting(world, monkeypatch):
    w = world()
    first, second = asked(w, w.issue("checkout", release="r1")), asked(w, w.issue("checkout", release="r2"))
    for question in (first, second):
        kill(question.workflow_id)
    real = sweep._restart

    def breaks(rt, issue, how):
        if issue.id == first.issue_id:
            raise VendorError("github", "is away")
        return real(rt, issue, how)

    monkeypatch.setattr(sweep, "_restart", breaks)
    assert sweep.sweep(w.rt) == [second.issue_id]
    monkeypatch.undo()


def test_live_and_ended_work_is_left_alone(world):
    w = world()
    question = asked(w, w.issue("checkout"))
    done = ended(w, w.issue(release="r2"), Status.RESOLVED).id
    assert sweep.sweep(w.rt) == []
    assert (w.get(done).restarts, w.get(question.issue_id).restarts) == (0, 0)


def test_where_kestra_runs_the_stages_a_missing_workflow_is_no_fault(world):
    w = world()
    w.rt.settings.kestra_url = "http://kestra.test"
    question = asked(w, w.issue("checkout"))
    lose(question.workflow_id)
    assert sweep.sweep(w.rt) == []


def test_work_of_an_executor_that_nobody_holds_is_taken_up(world):
    w = world()
    question = asked(w, w.issue("checkout"))
    schema = "" if store.engine().dialect.name == "sqlite" else "dbos."
    with store.write() as session:
        session.execute(text(f"UPDATE {schema}workflow_status SET executor_id = 'gone-1'"))
    sweep.sweep(w.rt)
    until(lambda: _executor(question.workflow_id) != "gone-1")
    approvals.approve(question.id, actor=by("ada"), patch_hash=question.patch_hash, key="k")
    assert ended(w, question.issue_id, Status.RESOLVED, Status.ESCALATED).status is Status.RESOLVED


def _executor(workflow_id: str) -> str:
    [found] = durable.client().list_workflows(workflow_ids=[workflow_id], load_input=False)
    return found.executor_id


# --- windows -----------------------------------------------------------------------------------


def scheduled(w) -> int:
    w.ledger.put("finding", SCHEDULED)
    number = ended(w, w.issue(), Status.SCHEDULED).id
    until(lambda: restart.steps(w.get(number).workflow_id)[-1].name == "DBOS.sleep")
    return number


def test_a_window_that_a_new_policy_opens_wakes_what_waits(world):
    w = world(**tomorrow())
    number = scheduled(w)
    assert sweep.sweep(w.rt) == [] and w.get(number).status is Status.SCHEDULED
    at = datetime.now(UTC)
    file = w.settings.platform_file
    opened = file.read_text().split("[maintenance]")[0]
    start = at - timedelta(minutes=5)
    file.write_text(f'{opened}[maintenance]\ndays = [{start.weekday()}]\nstart = "{start:%H:%M}"\nminutes = 60\n')
    sweep.sweep(w.rt)
    assert ended(w, number, Status.RESOLVED, Status.ESCALATED).status is Status.RESOLVED
    assert w.get(number).run == 1 and len(rows(Decision)) == 2, "it is diagnosed again"


def test_start_now_goes_without_the_window(world):
    w = world(**tomorrow())
    number = scheduled(w)
    assert deployments.start_now(number, actor=by("ada"), key="k").done
    assert not deployments.start_now(number, actor=by("ada"), key="k").done
    assert ended(w, number, Status.RESOLVED, Status.ESCALATED).status is Status.RESOLVED
    assert w.get(number).requested_by == "ada"


def test_a_retry_by_a_person_waits_for_no_window(world):
    w = world(**tomorrow())
    w.ledger.put("refuse", "preview")
    w.ledger.put("finding", SCHEDULED)
    number = scheduled(w)
    deployments.start_now(number, actor=by("ada"), key="k")
    ended(w, number, Status.ESCALATED)
    w.ledger.put("refuse", None)
    issues.retry(number, actor=by("ada"), key="r")
    assert ended(w, number, Status.RESOLVED, Status.SCHEDULED).status is Status.RESOLVED


# --- restart from a stage ----------------------------------------------------------------------


def number_of(w, issue_id: int, name: str) -> int:
    return next(step.number for step in restart.steps(w.get(issue_id).workflow_id) if step.name == name)


def test_an_issue_that_broke_is_restarted_from_its_preview(world, monkeypatch):
    w = world()
    real = w.deployer.preview

    def away(*given):
        raise VendorError("vercel", "the certificate has expired", permanent=True)

    monkeypatch.setattr(w.deployer, "preview", away)
    number = ended(w, w.issue(), Status.ESCALATED).id
    assert "the certificate has expired" in w.get(number).reason
    monkeypatch.setattr(w.deployer, "preview", real)
    step = number_of(w, number, "deploy.preview")
    given = {"actor": by("ada"), "step": step, "reason": "the certificate is renewed"}
    assert deployments.restart_from(number, key="k", **given).message == "Restarted from Preview."
    assert not deployments.restart_from(number, key="k", **given).done
    assert ended(w, number, Status.RESOLVED).restarts == 1
    assert len(rows(ChangeSet)) == 1 and w.get(number).run == 1


def test_a_question_that_expired_is_asked_again_by_a_restart(world):
    w = world()
    question = asked(w, w.issue("checkout"))
    issues.escalate(question.issue_id, actor=by("bob"), to="ops", reason="look", key="e")
    ended(w, question.issue_id, Status.ESCALATED)
    until(lambda: restart.ended(question.workflow_id))
    step = number_of(w, question.issue_id, "deploy.ask")
    deployments.restart_from(question.issue_id, actor=by("bob"), step=step, reason="it is fine", key="r")
    again = asked(w, question.issue_id)
    assert (again.id, again.requested_by) != (question.id, question.requested_by)
    approvals.approve(again.id, actor=by("ada"), patch_hash=again.patch_hash, key="k")
    assert ended(w, question.issue_id, Status.RESOLVED, Status.ESCALATED).status is Status.RESOLVED


def test_a_restart_is_refused_while_its_deployment_may_be_live(world):
    w = world(watch=60)
    number = w.issue()
    ended(w, number, Status.WATCHING)
    step = number_of(w, number, "deploy.preview")
    with pytest.raises(rights.Refused, match="may be live"):
        deployments.restart_from(number, actor=by("ada"), step=step, reason="x", key="k")
    assert w.get(number).restarts == 0


# --- release anyway ----------------------------------------------------------------------------


def test_a_patch_that_was_rolled_back_is_released_anyway(world):
    w = world()
    w.ledger.put("rate_of_fix", 0.4)
    number = ended(w, w.issue(), Status.ESCALATED).id
    w.ledger.put("rate_of_fix", 0.0)
    old = w.change(number)
    given = {"actor": by("ada"), "patch_hash": old.patch_hash, "reason": "the errors were another fault's"}
    assert deployments.release_anyway(number, key="k", **given).done
    assert not deployments.release_anyway(number, key="k", **given).done
    issue = ended(w, number, Status.RESOLVED)
    assert (issue.run, issue.status) == (2, Status.RESOLVED)
    made = rows(ChangeSet)[-1]
    assert (made.patch, made.patch_hash, made.run) == (old.patch, old.patch_hash, 2)
    assert [(o.run, o.result) for o in rows(Outcome)] == [(1, "rolled_back"), (2, "fixed")]
    released = rows(Deployment, Deployment.environment == "production")
    assert [(d.status, d.automatic) for d in released] == [("rolled_back", True), ("verified", False)]
    assert len(w.ledger.effects("production")) == 2 and len(w.ledger.effects("pull")) == 1
    [approval] = rows(Approval)
    assert (approval.state, approval.by, approval.reason) == ("approved", "ada", given["reason"])


def test_a_question_that_nobody_answered_is_released_anyway(world, monkeypatch):
    w = world()
    at_once = w.rt.policy.approval.model_copy(update={"expires_minutes": 0})  # shorter than a policy may say
    monkeypatch.setattr(type(w.rt), "policy", w.rt.policy.model_copy(update={"approval": at_once}))
    number = ended(w, w.issue("checkout"), Status.ESCALATED).id
    patch = w.change(number).patch_hash
    deployments.release_anyway(number, actor=by("ada"), patch_hash=patch, reason="I was away", key="k")
    assert ended(w, number, Status.RESOLVED, Status.ESCALATED).run == 2
    until(lambda: w.get(number).status is Status.RESOLVED)


def test_a_held_release_waits_although_it_is_released_anyway(world):
    w = world()
    w.ledger.put("rate_of_fix", 0.4)
    number = ended(w, w.issue(), Status.ESCALATED).id
    deployments.stop(actor=by("ada"), reason="", key="s")
    patch = w.change(number).patch_hash
    deployments.release_anyway(number, actor=by("ada"), patch_hash=patch, reason="x", key="k")
    until(lambda: "stopped all releases" in w.get(number).reason)
    assert len(w.ledger.effects("production")) == 1


def test_the_counters_of_a_new_run_start_anew(world):
    w = world()
    question = asked(w, w.issue("checkout"))
    kill(question.workflow_id)
    sweep.sweep(w.rt)
    issues.escalate(question.issue_id, actor=by("bob"), to="ops", reason="look", key="e")
    issues.retry(question.issue_id, actor=by("bob"), key="r")
    issue: Issue = w.get(question.issue_id)
    assert (issue.restarts, issue.at_once, issue.workflow_id) == (0, True, f"issue-{issue.id}-run-2")


# --- PostgreSQL --------------------------------------------------------------------------------


@pytest.fixture
def postgresql():
    with postgres() as address:
        yield address


def test_work_on_postgresql_goes_on_from_its_last_step(postgresql, world):
    w = world(database=postgresql)
    question = asked(w, w.issue("checkout"))
    kill(question.workflow_id)
    assert sweep.sweep(w.rt) == [question.issue_id]
    until(lambda: rows(Approval)[0].workflow_id != question.workflow_id)
    approvals.approve(question.id, actor=by("ada"), patch_hash=question.patch_hash, key="k")
    assert ended(w, question.issue_id, Status.RESOLVED, Status.ESCALATED).status is Status.RESOLVED
