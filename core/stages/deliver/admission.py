"""Admission to the lane, in which the releases of a repository go to production one at a time.

A release waits for admission before it enters the lane, so that an approved release can overtake one that waits for
the hourly limit or for business hours. Admission takes one place of the hourly limit; a release that does not deploy
returns its place.
"""

from __future__ import annotations

from sqlmodel import Session, col, select

from core.db import store
from core.decision import windows
from core.models import ENDED, ChangeSet, Deployment, Issue, Status, now
from core.models.counted import counted
from core.ops import notify, stage_log
from core.policy.sections import Guards
from core.stages.context import StepContext
from core.stages.deliver import brakes, holds, rows
from core.stages.results import Done, Lane, Wait

LIMIT_SECONDS = 60.0  # between two checks whether the hourly limit has a free place


def lane(context: StepContext) -> Lane:
    with store.write() as session:
        issue = stage_log.move(session, context.issue_id, Status.QUEUED)
        return Lane(context.runtime.repository_of(issue.service)[0])


def admit(context: StepContext, change_id: int, automatic: bool) -> Wait:
    """Seconds until the next look; at 0, the release is admitted and has a place in the hourly limit.

    A person's approval overrides business hours, the brake and the limit, but not a stop or a freeze.
    """
    rt, issue_id = context.runtime, context.issue_id
    with store.write() as session:
        change = session.get_one(ChangeSet, change_id)
        repository = rt.repository_of(session.get_one(Issue, issue_id).service)[0]
        brakes.brake_if_due(session, rt.policy, repository)
        wait = brakes.on(session, rt.policy, repository, automatic)
        if wait is None and automatic:
            wait = _hours(rt.policy.guards) or _limit(session, issue_id, change_id, rt.policy.guards)
        if wait:
            seconds, reason = wait
            return_places(session, reason, Deployment.change_set_id == change_id)
            stage_log.move(session, issue_id, Status.QUEUED, reason)
            return Wait(seconds, reason)
        _take_place(rows.of(session, change, repository, "production", automatic))
    return Wait()


def _hours(guards: Guards) -> tuple[float, str] | None:
    at = now()
    opens = windows.business_opens(at, guards.business_hours)
    return ((opens - at).total_seconds(), f"Waiting for business hours ({opens:%a %H:%M} UTC)") if opens > at else None


def _limit(session: Session, issue_id: int, change_id: int, guards: Guards) -> tuple[float, str] | None:
    limit = guards.deployments_per_hour
    if _admitted(session, change_id) or holds.places_taken(session, now()) < limit:
        return None
    notify.queue(
        session,
        "rate_limit",
        session.get_one(Issue, issue_id),
        f"limit-{now():%Y%m%d%H}",
        f"{counted(limit, 'automatic deployment')} in an hour. Further ones wait in the queue.",
    )
    return LIMIT_SECONDS, f"Waiting: limit of {counted(limit, 'automatic deployment')} an hour reached"


def _admitted(session: Session, change_id: int) -> bool:
    """Does this change already have a place, taken by a step that died before it returned?"""
    row = session.exec(
        select(Deployment).where(Deployment.change_set_id == change_id, Deployment.environment == "production")
    ).first()
    return row is not None and not _given_back(row)


def _given_back(row: Deployment) -> bool:
    return row.status == "failed" and not row.vendor_id


def _take_place(row: Deployment) -> None:
    """Take a returned place again."""
    if _given_back(row):
        row.status, row.note, row.ended_at, row.started_at = "pending", "", None, now()


def give_back(context: StepContext, change_id: int, why: str) -> Done:
    """Return the place of a change that will not be released."""
    with store.write() as session:
        return_places(session, why, Deployment.change_set_id == change_id)
    return Done(ok=True)


def return_places(session: Session, why: str, *where) -> int:
    """Return the places of the releases ``where`` that never reached the vendor; returns their number."""
    rows = session.exec(
        select(Deployment).where(
            Deployment.environment == "production",
            Deployment.status == "pending",
            Deployment.vendor_id == "",
            *where,
        )
    ).all()
    for row in rows:
        row.status, row.note, row.ended_at = "failed", why[:2000], now()
    return len(rows)


def return_abandoned(session: Session) -> int:
    """Return the places of issues that have ended and will not be released."""
    ended = select(Issue.id).where(col(Issue.status).in_(ENDED))
    return return_places(session, "the issue ended before its release", col(Deployment.issue_id).in_(ended))
