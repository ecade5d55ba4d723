"""What a person may do about releases: stop and start them, lift a brake, start or restart work, release anyway.

As in core/actions/issues.py, each action is one transaction: the change, its audit row and the message to waiting
workflows.
"""

from __future__ import annotations

from typing import Annotated

from sqlmodel import Session, select

from core import runtime
from core.access.rights import APPROVE, OPERATE, Actor, Refused
from core.actions import approvals, release_again
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
    "nothing new goes to production while it lasts",
    About.RELEASES,
    Dialog(
        "Stop releases",
        "Stop all releases?",
        "Nothing new goes to production until a person starts releases again. What is live stays watched, and is "
        "rolled back if it fails.",
        shortcut="Z",
    ),
)
def stop(
    target: str = EVERYTHING, *, actor: Actor, reason: Annotated[str, why(optional=True)], key: str
) -> ActionResult:
    """Stop all releases. What is in production stays watched, and is rolled back if it fails."""

    def act(session: Session, who: Actor, key: Key) -> str:
        _everything(target)
        if standing := holds.of(session, EVERYTHING):
            raise Refused(f"releases are stopped already, by {standing.by}")
        holds.put(session, EVERYTHING, who.name, reason)
        says = f"{who.name} stopped all releases: {reason}".strip(": ")
        notify.announce(session, "stopped", f"stop-{key}", SUBJECT, says)
        note(session, who, "stop", SUBJECT, key, {"reason": reason})
        return "releases are stopped: nothing new goes to production"

    return once("stop", actor, SUBJECT, key, act, {"reason": reason})


@action(
    APPROVE,
    "it lets releases go to production again",
    About.RELEASES,
    Dialog(
        "Start releases",
        "Start releases again?",
        "What waits goes to production, one release of a repository at a time.",
        shortcut="Z",
        primary=True,
    ),
)
def start(target: str = EVERYTHING, *, actor: Actor, key: str) -> ActionResult:
    """Start releases again; what waited goes on at once."""

    def act(session: Session, who: Actor, key: Key) -> str:
        _everything(target)
        if (standing := holds.of(session, EVERYTHING)) is None:
            raise Refused("releases are not stopped")
        holds.end(standing, who.name)
        notify.announce(session, "stopped", f"start-{key}", SUBJECT, f"{who.name} started releases again")
        note(session, who, "start", SUBJECT, key, {"stopped_by": standing.by})
        _wake_queued(session, str(key))
        return "releases go on"

    return once("start", actor, SUBJECT, key, act, {})


def _everything(target: str) -> None:
    if target != EVERYTHING:
        raise Refused("only all releases can be stopped and started; a repository has its brake")


@action(
    APPROVE,
    "it lets automatic releases go to production again",
    About.REPOSITORY,
    Dialog(
        "Lift the brake",
        "Lift the brake of this repository?",
        "Its automatic releases go on; failed releases are counted anew.",
        shortcut="K",
    ),
)
def lift(repository: str, *, actor: Actor, reason: Annotated[str, why(optional=True)], key: str) -> ActionResult:
    """Lift the brake of a repository; its failed releases are counted anew."""

    def act(session: Session, who: Actor, key: Key) -> str:
        brake = holds.of(session, repository) if repository != EVERYTHING else None
        if brake is None:
            raise Refused(f"the brake of {repository} is not on")
        holds.end(brake, who.name)
        note(session, who, "lift", f"repository/{repository}", key, {"reason": reason, "brake": brake.reason})
        _wake_queued(session, str(key))
        return f"automatic releases of {repository} go on"

    return once("lift", actor, f"repository/{repository}", key, act, {"reason": reason})


def _wake_queued(session: Session, key: str) -> None:
    for issue in session.exec(select(Issue).where(Issue.status == Status.QUEUED)).all():
        durable.wake(session, issue, key)


# --- work --------------------------------------------------------------------------------------


@action(
    OPERATE,
    "it starts work outside of its window, and names the person who asked",
    About.ISSUE,
    Dialog(
        "Start now",
        "Start without the maintenance window?",
        "The issue is diagnosed again and fixed at once; what asks for an approval still does.",
        shortcut="W",
        primary=True,
    ),
)
def start_now(issue_id: int, *, actor: Actor, key: str) -> ActionResult:
    """Let a scheduled issue go on without its maintenance window."""
    with store.read() as session:
        before = session.get(Issue, issue_id)
    asleep = before is not None and restart.asleep(before.workflow_id)

    def act(session: Session, who: Actor, key: Key) -> str:
        issue = get(session, Issue, issue_id, "this issue")
        if issue.status is not Status.SCHEDULED:
            raise Refused(f"the issue is {issue.status}: only a scheduled one can be started now")
        note(session, who, "start_now", issue_id, key, {"scheduled_for": str(issue.scheduled_for)})
        issue.at_once, issue.requested_by, issue.scheduled_for = True, who.name, now()
        restart.wake(session, issue, str(key), asleep, who.name)
        return "it starts now, outside of its window"

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
        "What was recorded before this stage is kept; the stage and all after it run again.",
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
    """Restart the issue's present run from this step of its workflow; what came before is kept."""
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
            raise Refused(f"step {step} is none that the work can restart from")
        _void_questions(session, issue)
        forked.append((issue, restart.count(session, issue)))
        issue.requested_by, issue.assignee = who.name, None
        issue.status, issue.reason = Status.ANALYZING, f"restarted from {chosen.stage} by {who.name}"
        note(session, who, "restart_from", issue_id, key, {"step": step, "stage": chosen.stage, "reason": reason})
        return f"restarted from {chosen.stage}"

    receipt = once("restart_from", actor, f"issue/{issue_id}", key, act, {"step": step, "reason": reason})
    for issue, source in forked:
        restart.fork(source, issue.workflow_id, step)
    return receipt


def _void_questions(session: Session, issue: Issue) -> None:
    """Open questions belong to the work that is left behind."""
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
        "Exactly this patch is tested, deployed and watched once more, with your approval. A stop or a freeze still "
        "holds it.",
        shortcut="Y",
    ),
)
def release_anyway(
    issue_id: int,
    *,
    actor: Actor,
    patch_hash: Annotated[str, Shown(release_again.patch_of)],
    reason: Annotated[str, why("Why is it released anyway?")],
    key: str,
) -> ActionResult:
    """Release exactly the patch that was rolled back, or whose question expired, once more, as a new run."""
    if not reason.strip():
        raise Refused("releasing anyway needs a reason: it is kept in the audit trail")

    def act(session: Session, who: Actor, key: Key) -> str:
        issue = get(session, Issue, issue_id, "this issue")
        old = release_again.releasable(session, issue)
        if old is None:
            raise Refused("there is no proved patch of this issue that was rolled back or whose question expired")
        if old.patch_hash != patch_hash:
            raise Refused("the patch has changed since you saw it; look at the new one first")
        if says := approvals.barred_from(issue.requested_by, issue.service, who, runtime.current().policy):
            raise Refused(says)
        made = release_again.as_new_run(session, issue, old, who, reason)
        durable.start_in(session, "again", issue.workflow_id, issue.id, issue.run, made.id)
        detail = {"patch": patch_hash, "reason": reason, "run": issue.run, "change": old.id}
        note(session, who, "release_anyway", issue_id, key, detail)
        return f"run {issue.run} has started: the patch is tested and released again"

    return once("release_anyway", actor, f"issue/{issue_id}", key, act, {"patch": patch_hash, "reason": reason})
