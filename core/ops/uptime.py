"""Asks production once a minute whether it works, as its users would: the health path of each production address.

The counts are the KPI "uptime by health checks". It sees an outage without requests, which the share of successful
requests cannot. Of several workers, one asks.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from core.db import store
from core.models.uptime import HealthHour
from core.runtime import Runtime

EVERY = timedelta(seconds=60)
SHOWN = 300  # characters of a fault


def look(rt: Runtime) -> None:
    """Ask each production address that is due."""
    for name, repository in rt.policy.repositories.items():
        if repository.production_url and _claim(name):
            _count(name, rt.probe(repository.production_url + repository.health_path))


def _claim(repository: str) -> bool:
    """Only one process may ask in each interval."""
    with store.write() as session:
        at = store.clock(session)
        newest = session.exec(
            select(HealthHour).where(HealthHour.repository == repository).order_by(col(HealthHour.hour).desc()).limit(1)
        ).first()
        if newest and at - newest.last_at < EVERY:
            return False
        _row(session, repository, at).last_at = at
    return True


def _row(session: Session, repository: str, at: datetime) -> HealthHour:
    hour = at.replace(minute=0, second=0, microsecond=0)
    where = HealthHour.repository == repository, HealthHour.hour == hour
    row = session.exec(select(HealthHour).where(*where)).first() or HealthHour(repository=repository, hour=hour)
    session.add(row)
    return row


def _count(repository: str, fault: str) -> None:
    with store.write() as session:
        row = _row(session, repository, store.clock(session))
        row.checks, row.failed = row.checks + 1, row.failed + bool(fault)
        row.fault = fault[:SHOWN] or row.fault
