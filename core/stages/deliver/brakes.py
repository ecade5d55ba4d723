"""Whether a release must wait for a stop, its repository's brake or a freeze; and when the brake is applied.

The brake counts failed releases of one repository and holds its automatic releases. It differs from the guard
"rollbacks in a row" of core/decision/guards.py, which counts the platform's outcomes and makes a decision require
an approval.
"""

from __future__ import annotations

from itertools import takewhile

from sqlmodel import Session, col, func, select

from core.audit import chain
from core.decision import windows
from core.models import Deployment, now
from core.models.kept import Hold
from core.ops import notify
from core.policy.reader import Policy
from core.stages.deliver.holds import EVERYTHING, of, put

LOOK_SECONDS = 60.0  # between two checks whether a hold has ended


def on(session: Session, policy: Policy, repository: str, automatic: bool) -> tuple[float, str] | None:
    """(seconds until the next look, why) if a release of this repository must wait; None if nothing holds it."""
    if stop := of(session, EVERYTHING):
        return LOOK_SECONDS, f"Waiting: {stop.by} stopped all releases{_because(stop.reason)}"
    if automatic and (brake := of(session, repository)):
        return LOOK_SECONDS, f"Waiting: the brake of {repository} is on ({brake.reason})"
    at = now()
    if frozen := windows.freeze(at, policy.guards.freezes, repository):
        return (frozen.end - at).total_seconds(), f"Waiting for the end of the freeze {windows.describe(frozen)}"
    return None


def _because(reason: str) -> str:
    return f": {reason}" if reason else ""


def brake_if_due(session: Session, policy: Policy, repository: str) -> Hold | None:
    """Apply the brake to a repository whose last releases failed, and notify people. None if it is not needed."""
    limit = policy.guards.brake_after_failures
    if not limit or of(session, repository):
        return None
    failed = failed_in_a_row(session, repository, limit)
    if len(failed) < limit:
        return None
    numbers = " and ".join(str(row.issue_id) for row in reversed(failed))
    reason = (
        f"its last {limit} releases failed (issues {numbers})"
        if limit > 1
        else f"its last release failed (issue {numbers})"
    )
    made = put(session, repository, "platform", reason)
    chain.record(session, "platform", "brake", f"repository/{repository}", {"reason": reason}, key=f"brake-{made.id}")
    body = f"Automatic releases of {repository} are on hold: {reason}. They continue when a person lifts the brake."
    notify.announce(session, "brake", f"brake-{made.id}", repository, body)
    return made


def failed_in_a_row(session: Session, repository: str, most: int) -> list[Deployment]:
    """The newest releases, newest first, that failed in or after production, up to the last one that held.

    At most ``most``, and only those since the brake was last lifted. Deployments that never reached the vendor do not
    count.
    """
    lifted = session.exec(select(func.max(Hold.ended_at)).where(Hold.scope == repository)).one()
    rows = session.exec(
        select(Deployment)
        .where(
            Deployment.repository == repository,
            Deployment.environment == "production",
            Deployment.vendor_id != "",
            col(Deployment.status).in_(("verified", "failed", "rolled_back")),
            *([col(Deployment.ended_at) > lifted] if lifted else []),
        )
        .order_by(col(Deployment.id).desc())
        .limit(most)
    )
    return list(takewhile(lambda row: row.status != "verified", rows))
