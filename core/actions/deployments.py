"""Actions on releases: stop and start them, lift a brake, start or restart work, release anyway.

As in core/actions/issues.py, each action is one transaction: the change, its audit row and the message to waiting
workflows.
"""

from __future__ import annotations

from typing import Annotated

from sqlmodel import Session, select

from core import runtime
from core.access.rights import APPROVE, OPERATE, Actor, Refused
from core.actions import answering, release_again
from core.actions.registry import About, ActionResult, Asked, Dialog, Key, Shown, Whole, action, get, note, once, why
from core.db import store
from core.models import Approval, Issue, Status, now
from core.ops import durable, notify, restart
from core.stages.deliver import holds
from core.stages.deliver.holds import EVERYTHING

SUBJECT = "releases"


# --- holds -------------------------------------------------------------------------------------


@action(
    OPERATE,
    "it keeps new releases out of production",
    About.RELEASES,
    Dialog(
        "Stop releases",
        "Stop all releases?",
        "Nothing new reaches production until somebody starts releases again. Live deployments stay watched, and are "
        "rolled back if they fail.",
        shortcut="Z",
    ),
)
def stop(
    target: str = EVERYTHING, *, actor: Actor, reason: Annotated[str, why(optional=True)], key: str
) -> ActionResult:
    """Stop all releases. Live deployments stay watched, and are rolled back if they fail."""

    def act(session: Session, who: Actor, key: Key) -> str:
        _everything(target)
        if standing := holds.of(session, EVERYTHING):
            raise Refused(f"{standing.by} has already stopped releases.")
        holds.put(session, EVERYTHING, who.name, reason)
        message = f"{who.name} stopped all releases: {reason}".strip(": ")
        notify.announce(session, "stopped", f"stop-{key}", SUBJECT, message)
        note(session, who, "stop", SUBJECT, key, {"reason": reason})
        return "Releases are stopped. Nothing new reaches production."

    return once("stop", actor, SUBJECT, key, act, {"reason": reason})


@action(
    APPROVE,
    "it lets releases go to production again",
    About.RELEASES,
    Dialog(
        "Start releases",
        "Start releases again?",
        "Waiting releases go to production, one at a time for each repository.",
        shortcut="Z",
        primary=True,
    ),
)
def start(target: str = EVERYTHING, *, actor: Actor, key: str) -> ActionResult:
    """Start releases again; waiting ones continue at once."""

    def act(session: Session, who: Actor, key: Key) -> str:
        _everything(target)
        if (standing := holds.of(session, EVERYTHING)) is None:
            raise Refused("Releases are not stopped.")
        holds.end(standing, who.name)
        notify.announce(session, "stopped", f"start-{key}", SUBJECT, f"{who.name} started releases again")
        note(session, who, "start", SUBJECT, key, {"stopped_by": standing.by})
        _wake_queued(session, str(key))
        return "Releases have started again."

    return once("start", actor, SUBJECT, key, act, {})


def _everything(target: str) -> None:
    if target != EVERYTHING:
        raise Refused("Only all releases together can be stopped and started. A single repository has its brake.")


@action(
    APPROVE,
    "it lets automatic releases go to production again",
    About.REPOSITORY,
    Dialog(
        "Lift the brake",
        "Lift the brake of this repository?",
        "Its automatic releases continue. The count of failed releases starts again.",
        shortcut="K",
    ),
)
def lift(repository: str, *, actor: Actor, reason: Annotated[str, why(optional=True)], key: str) -> ActionResult:
    """Lift the brake of a repository; the count of its failed releases starts again."""

    def act(session: Session, who: Actor, key: Key) -> str:
        brake = holds.of(session, repository) if repository != EVERYTHING else None
        if brake is None:
            raise Refused(f"The brake of {repository} is not on.")
        holds.end(brake, who.name)
        note(session, who, "lift", f"repository/{repository}", key, {"reason": reason, "brake": brake.reason})
        _wake_queued(session, str(key))
        return f"Automatic releases of {repository} continue."

    return once("lift", actor, f"repository/{repository}", key, act, {"reason": reason})


def _wake_queued(session: Session, key: str) -> None:
    for issue in session.exec(select(Issue).where(Issue.status == Status.QUEUED)).all():
        durable.wake(session, issue, key)


# --- work --------------------------------------------------------------------------------------


@action(
    OPERATE,
    "it starts work outside its window, and records the person who requested it",
    About.ISSUE,
    Dialog(
        "Start now",
        "Start outside the maintenance window?",
        "The issue is analyzed again and fixed now. Fixes that need approval still need it.",
        shortcut="W",
        primary=True,
    ),
)
def start_now(issue_id: int, *, actor: Actor, key: str) -> ActionResult:
    """Start a scheduled issue now, outside its maintenance window."""
    with store.read() as session:
        before = session.get(Issue, issue_id)
    asleep = before is not None and restart.asleep(before.workflow_id)

    def act(session: Session, who: Actor, key: Key) -> str:
        issue = get(session, Issue, issue_id, "this issue")
        if issue.status is not Status.SCHEDULED:
            raise Refused(f"The issue is {issue.status}. Only a scheduled issue can be started now.")
        note(session, who, "start_now", issue_id, key, {"scheduled_for": str(issue.scheduled_for)})
        issue.at_once, issue.requested_by, issue.scheduled_for = True, who.name, now()
        restart.wake(session, issue, str(key), asleep, who.name)
        return "The issue starts now, outside its window."

    receipt = once("start_now", actor, f"issue/{issue_id}", key, act, {})
    if receipt.done and asleep and before:
        durable.cancel(before.workflow_id)
    return receipt


@action(
    OPERATE,
    "it starts work, and may lead to a release",
    About.ISSUE,
    Dialog(
        "Restart",
        "Restart from which stage?",
        "Results of earlier stages are kept. This stage and all later ones run again.",
        shortcut="T",
    ),
    command="restart",
)
def restart_from(
    issue_id: int,
    *,
    actor: Actor,
    step: Annotated[Whole, Asked("Stage", "one", "Choose the stage to restart from.", options=restart.choices)],
    reason: Annotated[str, why(optional=True)],
    key: str,
) -> ActionResult:
    """Restart the issue's current run from this step of its workflow; earlier results are kept."""
    with store.read() as session:
        before = session.get(Issue, issue_id)
    recorded = restart.steps(before.workflow_id) if before else []
    dead = restart.ended(before.workflow_id) if before else ""
    forked: list[tuple[Issue, str]] = []

    def act(session: Session, who: Actor, key: Key) -> str:
        issue = get(session, Issue, issue_id, "this issue")
        if refusal := release_again.no_restart(session, issue, dead):
            raise Refused(refusal)
        chosen = next((one for one in recorded if one.number == step and one.stage), None)
        if chosen is None:
            raise Refused(f"The run cannot restart from step {step}.")
        _void_questions(session, issue)
        forked.append((issue, restart.count(session, issue)))
        issue.requested_by, issue.assignee = who.name, None
        issue.status, issue.reason = Status.ANALYZING, f"restarted from {chosen.stage} by {who.name}"
        note(session, who, "restart_from", issue_id, key, {"step": step, "stage": chosen.stage, "reason": reason})
        return f"Restarted from {chosen.stage}."

    receipt = once("restart_from", actor, f"issue/{issue_id}", key, act, {"step": step, "reason": reason})
    for issue, source in forked:
        restart.fork(source, issue.workflow_id, step)
    return receipt


def _void_questions(session: Session, issue: Issue) -> None:
    """Void pending approvals, which belong to the abandoned work."""
    for row in session.exec(select(Approval).where(Approval.issue_id == issue.id, Approval.state == "pending")).all():
        row.state = "stale"


# --- release anyway ----------------------------------------------------------------------------


@action(
    APPROVE,
    "it releases a patch to production",
    About.ISSUE,
    Dialog(
        "Release anyway",
        "Release this patch again?",
        "Exactly this patch is tested, deployed and watched again, with your approval. A stop or a freeze still "
        "applies.",
        shortcut="Y",
    ),
)
def release_anyway(
    issue_id: int,
    *,
    actor: Actor,
    patch_hash: Annotated[str, Shown(release_again.patch_of)],
    reason: Annotated[str, why("Why release it anyway?")],
    key: str,
) -> ActionResult:
    """Release the patch that was rolled back, or whose approval expired, again as a new run."""
    if not reason.strip():
        raise Refused("Enter a reason. It is recorded in the audit trail.")

    def act(session: Session, who: Actor, key: Key) -> str:
        issue = get(session, Issue, issue_id, "this issue")
        old = release_again.releasable(session, issue)
        if old is None:
            raise Refused("This issue has no proved patch that was rolled back or whose approval expired.")
        if old.patch_hash != patch_hash:
            raise Refused("The patch has changed since you saw it. Review the new patch first.")
        policy = runtime.current().policy
        if message := answering.barred_from(issue.requested_by, policy.worst_of(issue.affected), who, policy):
            raise Refused(message)
        made = release_again.as_new_run(session, issue, old, who, reason)
        durable.start_in(session, "again", issue.workflow_id, issue.id, issue.run, made.id)
        detail = {"patch": patch_hash, "reason": reason, "run": issue.run, "change": old.id}
        note(session, who, "release_anyway", issue_id, key, detail)
        return f"Run {issue.run} has started. The patch is tested and released again."

    return once("release_anyway", actor, f"issue/{issue_id}", key, act, {"patch": patch_hash, "reason": reason})
