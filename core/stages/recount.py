"""Counts occurrences of a vendor that reports each one by webhook and also their number since the last poll.

A webhook's signal counts as one. When the vendor's number arrives, the webhook signals that it includes are subtracted,
so that each occurrence counts once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlmodel import Session, col, select

from core.models import Issue, Signal

ALONE = "alone"  # attribute of a webhook's signal that is not included in a polled number yet
LARGEST = 2**31 - 1


@dataclass(frozen=True)
class KnownEvents:
    """The webhook signals of one vendor issue, and the signal that a record repeats."""

    alone: Sequence[Signal]
    same: Signal | None


def recounted(session: Session, rows: Sequence[dict]) -> list[dict]:
    """The rows of new signals with their remaining counts. The count of a signal that is already stored is raised."""
    return [_recounted(session, row) for row in rows]


def _recounted(session: Session, row: dict) -> dict:
    known = _known(session, row["source"], row["vendor_id"])
    if not known.alone:
        return row
    left = max(row["count"] - len(known.alone), 0)
    for signal in known.alone:
        signal.attributes = {name: value for name, value in signal.attributes.items() if name != ALONE}
    if known.same is None:
        return row | {"count": left}
    known.same.count = min(known.same.count + left, LARGEST)
    if known.same.issue_id:
        issue = session.get_one(Issue, known.same.issue_id)
        if issue.counted_by == row["source"]:
            issue.occurrences = min(issue.occurrences + left, LARGEST)
    return row


def _known(session: Session, source: str, name: str) -> KnownEvents:
    """Group by the part of the identity before the colon, which identifies the vendor's issue."""
    group = name.partition(":")[0]
    within = (col(Signal.vendor_id) >= f"{group}:", col(Signal.vendor_id) < f"{group};")
    alone = col(Signal.attributes)[ALONE].as_boolean().is_(True)
    found = session.exec(select(Signal).where(Signal.source == source, *within, alone)).all()
    same = select(Signal).where(Signal.source == source, Signal.vendor_id == name)
    return KnownEvents(found, session.exec(same).first() if found else None)
