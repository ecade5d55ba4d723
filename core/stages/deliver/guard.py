"""The guard: from the moment a deployment may have reached production until it is confirmed, superseded or rolled back.

A fault never ends it. A deployment that can be neither confirmed nor rolled back raises an alarm on every channel and
page, repeated every 15 minutes, with the command for a manual rollback; meanwhile the guard keeps retrying.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable

from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session, col, select, update

from core import runtime
from core.db import store
from core.models import ChangeSet, Deployment, Issue
from core.models.deployment import IN_ALARM
from core.ops import infrastructure, lookout, notify, stage_log
from core.ops.infrastructure import Patience, Result, StepFault
from core.policy.reader import Policy
from core.stages.deliver.ways import by_hand
from core.stages.results import Delivered, Done, WatchResult

log = logging.getLogger(__name__)
REPEAT = 900  # seconds between two alarms of one deployment
FORWARD_SECONDS = 600.0  # a deployment that cannot be finished within this time is rolled back
BROKEN_SECONDS = 30.0  # how long a look that fails by a bug of the platform is retried before the alarm
LIVE = ("pending", "watching", "failed")  # states of a deployment that nobody has confirmed or rolled back


def _not_shipped(fault: StepFault) -> Delivered:
    return Delivered(message=f"The deployment could not be completed: {fault.message}")


def _not_confirmed(fault: StepFault) -> WatchResult:
    return WatchResult("failed", message=f"The watch could not judge the deployment: {fault.message}")


FORWARD = Patience(passing=FORWARD_SECONDS, refused=0.0, broken=0.0, guards=True, end=_not_shipped)
WATCH = Patience(broken=BROKEN_SECONDS, guards=True, end=_not_confirmed)
BACK = Patience(broken=math.inf, guards=True)


def kept(work: Callable[[], Result], issue_id: int, run: int, patience: Patience) -> Result | StepFault:
    """The result of a step, or its failure; a guarded step that succeeds ends the alarm."""

    if patience.guards:
        lookout.guarded.add(issue_id)

    def once() -> Result:
        result = work()
        if patience.guards:
            quiet(issue_id, run)
        return result

    result = infrastructure.answered(once, everything=patience.broken is not None)
    if isinstance(result, StepFault):
        _waits(issue_id, result.message)
    return result


def _waits(issue_id: int, message: str) -> None:
    """Show on the issue what it waits for, if the database is available."""
    try:
        with store.write() as session:
            stage_log.waits(session, issue_id, message)
    except (SQLAlchemyError, OSError):
        log.warning("issue %s waits: %s", issue_id, message)


def _unconfirmed(session: Session, issue_id: int, run: int) -> list[Deployment]:
    return list(
        session.exec(
            select(Deployment)
            .join(ChangeSet, col(ChangeSet.id) == Deployment.change_set_id)
            .where(Deployment.issue_id == issue_id, ChangeSet.run == run, Deployment.environment == "production")
            .where(col(Deployment.status).in_(LIVE))
        )
    )


def alarm(issue_id: int, run: int, message: str) -> Done:
    """Announce on every channel and page that production may serve an unverified build. This step never fails."""
    try:
        with store.write() as session:
            for row in _unconfirmed(session, issue_id, run):
                _sound(session, row, message)
    except (SQLAlchemyError, OSError):
        log.exception("the alarm of issue %s could not be stored", issue_id)
    return Done(ok=True)


def _sound(session: Session, row: Deployment, message: str) -> None:
    row.alarm = message[:1000]
    session.add(row)
    slot = int(store.clock(session).timestamp() // REPEAT)
    issue = session.get_one(Issue, row.issue_id)
    notify.once(session, "unverified", issue, f"unverified-{row.key}-{slot}", body(row, runtime.current().policy))


def body(row: Deployment, policy: Policy) -> str:
    return f"{message(row)} Manual rollback: {by_hand(row, policy)}"


def message(row: Deployment) -> str:
    """The problem, and what the platform does about it."""
    built = f"Deployment {row.vendor_id}" if row.vendor_id else "A deployment"
    return (
        f"{built} of {row.repository} could be neither confirmed nor rolled back: {row.alarm}. "
        "The platform retries at least once a minute."
    )


def quiet(issue_id: int, run: int) -> None:
    """End the alarm: the guard works again."""
    with store.read() as session:
        if not any(row.alarm for row in _unconfirmed(session, issue_id, run)):
            return
    with store.write() as session:
        session.exec(update(Deployment).where(col(Deployment.issue_id) == issue_id).values(alarm=""))


def alarms() -> list[Deployment]:
    """Deployments that may serve production and could be neither confirmed nor rolled back."""
    with store.read() as session:
        return list(session.exec(select(Deployment).where(IN_ALARM, col(Deployment.status).in_(LIVE))))
