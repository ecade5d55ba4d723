"""What the team itself released: its deployments and its commits on the main branch, as the vendors report them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from core.models import Signal
from core.models.enums import PENDING
from core.models.signal import IS_CHANGE
from core.policy.reader import Policy
from core.signals import own_commits

MOST = 50  # of one page


@dataclass(frozen=True)
class TeamChange:
    """Every text of it is a stranger's. ``repository`` is the policy's name, or the service that it names."""

    at: datetime
    repository: str
    commit: str
    title: str
    author: str
    url: str
    source: str


def between(session: Session, policy: Policy, since: datetime, until: datetime) -> list[TeamChange]:
    """The latest MOST in the span, newest first; without what the platform itself released."""
    rows = session.exec(
        select(Signal)
        .where(
            Signal.received_at >= since,
            col(Signal.set_aside).is_not(None),
            IS_CHANGE,
            Signal.level != PENDING,
            col(Signal.at) >= since,
            col(Signal.at) < until,
        )
        .order_by(col(Signal.at).desc())
        .limit(MOST)
    ).all()
    ours = own_commits.issues_of(session, [row.release or "" for row in rows], since)
    hosted = {one.github: name for name, one in policy.repositories.items() if one.github}
    return [_change(row, hosted) for row in rows if row.release not in ours]


def _change(row: Signal, hosted: dict[str, str]) -> TeamChange:
    named = str(row.attributes.get("repository") or "")
    where = hosted.get(named) or named or row.service
    author = str(row.attributes.get("author") or "")
    return TeamChange(row.at, where, row.release or "", row.title, author, row.url, row.source)
