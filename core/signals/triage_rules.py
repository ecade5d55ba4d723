"""People's decisions on signals: merged, split and known fingerprints; silences and planned maintenance."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from sqlmodel import Session, col, delete, select, update

from core.models import Issue, Signal, now
from core.models.kept import Ruling, Silence
from core.signals.grouping import noise
from core.signals.grouping.correlation import Overrides

MERGED, SPLIT, KNOWN = "merged", "split", "known"
LATE = timedelta(days=1)  # how long after a silence a signal from within it may arrive


def overrides(session: Session) -> Overrides:
    """All merges and splits, including those of closed issues."""
    rows = session.exec(select(Ruling).where(col(Ruling.kind).in_((MERGED, SPLIT)))).all()
    return Overrides(
        {row.fingerprint: row.into for row in rows if row.kind == MERGED},
        frozenset(row.fingerprint for row in rows if row.kind == SPLIT),
    )


def context(session: Session) -> noise.Context:
    """What people suppressed: silences, planned maintenance, known errors."""
    rows = session.exec(select(Silence).where(Silence.ends_at > now() - LATE).order_by(col(Silence.id))).all()
    known = session.exec(select(Ruling.fingerprint, Ruling.reason).where(Ruling.kind == KNOWN)).all()
    return noise.Context(
        [
            noise.ActiveSilence(
                r.ends_at, r.service, r.title, r.by, r.starts_at, frozenset(r.prints) if r.issue_id else None
            )
            for r in rows
            if not r.planned
        ],
        [noise.PlannedMaintenance(r.starts_at, r.ends_at, (r.service,), r.title) for r in rows if r.planned],
        dict(known),
    )


def fingerprints(session: Session, issue_id: int) -> frozenset[str]:
    """The fingerprints of an issue's signals, including the issue's own."""
    own = session.exec(select(Issue.fingerprint).where(Issue.id == issue_id)).all()
    found = session.exec(select(Signal.fingerprint).where(Signal.issue_id == issue_id).distinct()).all()
    return frozenset(filter(None, (*own, *found)))


def merge(session: Session, prints: Iterable[str], into: str, issue_id: int, by: str) -> None:
    """From now on, these fingerprints, and those merged into them, count as ``into``."""
    meant = overrides(session).merged.get(into, into)
    prints = set(prints) - {meant}
    forget(session, MERGED, {*prints, meant})
    forget(session, SPLIT, prints)
    session.exec(update(Ruling).where(col(Ruling.into).in_(prints)).values(into=meant, issue_id=issue_id))
    rows = (Ruling(fingerprint=key, kind=MERGED, into=meant, issue_id=issue_id, by=by) for key in sorted(prints))
    session.add_all(rows)


def split(session: Session, prints: Iterable[str], issue_id: int, by: str) -> None:
    """From now on, these fingerprints are a separate issue that no record joins by similarity."""
    first, *others = sorted(prints)
    for kind in (MERGED, SPLIT):
        forget(session, kind, (first, *others))
    session.exec(delete(Ruling).where(col(Ruling.into).in_((first, *others))))
    session.add_all(Ruling(fingerprint=key, kind=SPLIT, issue_id=issue_id, by=by) for key in (first, *others))
    session.add_all(Ruling(fingerprint=key, kind=MERGED, into=first, issue_id=issue_id, by=by) for key in others)


def know(session: Session, issue_id: int, reason: str, by: str) -> None:
    """Mark a dismissed issue as known: its signals are counted and open no issue until a new run."""
    prints = fingerprints(session, issue_id)
    forget(session, KNOWN, prints)
    session.add_all(
        Ruling(fingerprint=key, kind=KNOWN, issue_id=issue_id, reason=reason[:300], by=by) for key in sorted(prints)
    )


def forget(session: Session, kind: str, prints: Iterable[str]) -> None:
    session.exec(delete(Ruling).where(col(Ruling.kind) == kind, col(Ruling.fingerprint).in_(set(prints))))


def unknow(session: Session, issue_id: int) -> None:
    session.exec(delete(Ruling).where(col(Ruling.kind) == KNOWN, col(Ruling.issue_id) == issue_id))


LISTED = 100


def standing(session: Session, *where) -> list[Silence]:
    """Current and planned silences and maintenance, the earliest end first, at most LISTED."""
    rows = select(Silence).where(Silence.ends_at > now(), *where).order_by(col(Silence.ends_at), col(Silence.id))
    return list(session.exec(rows.limit(LISTED)))
