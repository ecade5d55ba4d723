"""The figures of a period and of the previous one, computed once a minute for all viewers."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import lru_cache

from sqlmodel import Session

from core.db import store
from core.queries import kpis, outcomes


def figures(
    session: Session, tally: kpis.RunTally, source: str, since: datetime, until: datetime, hourly: float
) -> list[kpis.Figure]:
    deployed, served = outcomes.deployed(session, since, until), outcomes.requests(session, source, since, until)
    return kpis.all_of(tally, deployed, served, hourly)


def before(source: str, since: datetime, days: int, hourly: float) -> list[kpis.Figure]:
    """The figures of the ``days`` before ``since``, which is rounded to the minute."""
    return _before(str(store.engine().url), source, since.replace(second=0, microsecond=0), days, hourly)


@lru_cache(maxsize=32)
def _before(_store: str, source: str, since: datetime, days: int, hourly: float) -> list[kpis.Figure]:
    earlier = since - timedelta(days=days)
    with store.read() as session:
        return figures(session, outcomes.tally(session, earlier, since), source, earlier, since, hourly)
