"""What holds releases back: a person's stop, a repository's brake, and a freeze of the policy.

A stop holds every release until a person starts them again. The brake holds the automatic releases of one
repository, after a number of failed releases in a row, until a person lifts it. A freeze is a named span of time in
the policy. None of them blocks a rollback.

The rules that read them are in core/stages/deliver/brakes.py.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlmodel import Session, col, func, select

from core.models import Deployment, now
from core.models.deployment import IS_PENDING
from core.models.kept import Hold

EVERYTHING = "*"  # the scope of a stop; a brake has the name of its repository


def standing(session: Session) -> list[Hold]:
    """Every active hold, the stop first."""
    return list(session.exec(select(Hold).where(col(Hold.ended_at).is_(None)).order_by(Hold.scope)))


def of(session: Session, scope: str) -> Hold | None:
    return session.exec(select(Hold).where(Hold.scope == scope, col(Hold.ended_at).is_(None))).first()


def put(session: Session, scope: str, by: str, reason: str) -> Hold:
    made = Hold(scope=scope, by=by, reason=reason[:2000])
    session.add(made)
    session.flush()
    return made


def end(hold: Hold, by: str) -> None:
    hold.ended_by, hold.ended_at = by, now()


# --- the limit of an hour ----------------------------------------------------------------------


def places_taken(session: Session, at: datetime) -> int:
    """Automatic production deployments that count towards the hourly limit: in progress, or started within the hour.

    A deployment that never reached the vendor has returned its place.
    """
    counted = (
        Deployment.environment == "production",
        Deployment.automatic,
        (col(Deployment.status) != "failed") | (col(Deployment.vendor_id) != ""),
    )
    hour = at - timedelta(hours=1)
    recent = select(func.count(col(Deployment.id))).where(*counted, col(Deployment.started_at) >= hour)
    pending = session.exec(select(Deployment.started_at).where(*counted, IS_PENDING))
    return session.exec(recent).one() + sum(started < hour for started in pending)
