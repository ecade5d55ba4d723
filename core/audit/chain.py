"""A hash chain of who did what: each row holds the hash of the previous row.

The chain is SHA-256 over canonical JSON. Anyone who can write to the database can recompute it. Signed heads, which
are stored outside the chain (core/audit/head.py), therefore detect what the chain alone cannot: a removed end, and
rows that were rewritten together with all later hashes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Row
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from core.models import AuditRow, now
from core.models.counted import counted

GENESIS = "0" * 64
CHUNK = 2000  # rows read at a time
COLUMNS = [
    AuditRow.id, AuditRow.at, AuditRow.actor, AuditRow.action, AuditRow.subject, AuditRow.detail, AuditRow.key,
    AuditRow.previous, AuditRow.hash,
]  # fmt: skip


def digest(row: AuditRow | Row) -> str:
    """SHA-256 of a row's content and the previous hash."""
    content = [row.at.isoformat(), row.actor, row.action, row.subject, row.detail, row.key, row.previous]
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def record(
    session: Session,
    actor: str,
    action: str,
    subject: str,
    detail: dict | None = None,
    key: str | None = None,
) -> AuditRow:
    """Append a row inside the caller's transaction. Raises AlreadyDone if ``key`` was used before."""
    if key and session.exec(select(AuditRow).where(AuditRow.key == key)).first():
        raise AlreadyDone(key)
    last = session.exec(select(AuditRow).order_by(col(AuditRow.id).desc()).limit(1)).first()
    row = AuditRow(
        at=now(),
        actor=actor,
        action=action,
        subject=subject,
        detail=detail or {},
        key=key,
        previous=last.hash if last else GENESIS,
    )
    row.hash = digest(row)
    session.add(row)
    try:
        session.flush()
    except IntegrityError:
        raise AlreadyDone(key) from None
    return row


class AlreadyDone(Exception):
    """This action was already carried out; repeating it would have a second effect."""


class ChainState(StrEnum):
    """The result of a verification of the chain."""

    WHOLE = "whole"
    EDITED = "edited"
    REORDERED = "reordered"
    REMOVED = "removed"
    TRUNCATED = "truncated"
    REWRITTEN = "rewritten"
    FORGED = "rewritten with its head"  # the head is not signed with this host's key
    HEADLESS = "head missing"


@dataclass(frozen=True)
class ChainVerdict:
    ok: bool
    rows: int
    message: str
    state: ChainState = ChainState.WHOLE


@dataclass(frozen=True)
class Mark:
    """A row's number and hash, stored outside the chain; ``source`` is its name in messages."""

    row: int
    hash: str
    source: str = "the head"


class _Broken(Exception):
    """(state, message) of the first inconsistent row."""


def verify(
    session: Session, progress: Callable[[int], None] = lambda _: None, marks: Iterable[Mark] = ()
) -> ChainVerdict:
    """Verify the whole chain; the verdict names the first inconsistent row. ``progress`` gets the rows so far."""
    return walk(session, marks, progress)[0]


def walk(
    session: Session,
    marks: Iterable[Mark] = (),
    progress: Callable[[int], None] = lambda _: None,
    start: Mark | None = None,
) -> tuple[ChainVerdict, Mark | None]:
    """(verdict, mark of the last row) of the rows from ``start`` on, or of all.

    ``start`` is a row that was verified earlier; it must be unchanged.
    """
    kept = sorted([*marks, start] if start else marks, key=lambda mark: mark.row)
    count = 0
    last: Mark | None = None
    try:
        for row in _linked(session, start, kept):
            count, last = count + 1, Mark(row.id, row.hash)
            if count % CHUNK == 0:
                progress(count)
    except _Broken as broken:
        state, message = broken.args
        return ChainVerdict(False, count, message, state), last
    return ChainVerdict(True, count, f"{counted(count, 'row')} verified; the chain is intact"), last


def _linked(session: Session, start: Mark | None, marks: list[Mark]) -> Iterator[Row]:
    """The consistent rows, in order. Raises _Broken at the first inconsistent one."""
    query = select(*COLUMNS).order_by(col(AuditRow.id))
    if start:
        query = query.where(col(AuditRow.id) >= start.row)
    before, previous, left = 0, None if start else GENESIS, list(marks)
    for row in session.connection().execute(query).yield_per(CHUNK):
        if previous is not None and row.previous != previous:
            raise _Broken(*_break(session, row, before))
        if row.hash != digest(row):
            raise _Broken(ChainState.EDITED, f"row {row.id} was changed after it was written")
        while left and left[0].row <= row.id:
            _fits(row, left.pop(0))
        before, previous = row.id, row.hash
        yield row
    if left:
        mark = left[0]
        raise _Broken(ChainState.TRUNCATED, f"the chain ends before row {mark.row}, which {mark.source} names: "
                                       "rows were removed")  # fmt: skip


def _fits(row: Row, mark: Mark) -> None:
    if (row.id, row.hash) != (mark.row, mark.hash):
        message = f"row {mark.row} is not the row that {mark.source} names"
        raise _Broken(
            ChainState.REWRITTEN, f"{message}: earlier rows were changed or removed, and the hashes recomputed"
        )


def _break(session: Session, row: Row, before: int) -> tuple[ChainState, str]:
    """Why a row does not follow the previous one, as far as the remaining rows show."""
    elsewhere = session.exec(select(AuditRow.id).where(AuditRow.hash == row.previous)).first()
    follows = f"row {row.id} does not follow row {before}" if before else f"row {row.id} is not the first row"
    if elsewhere is not None:
        return ChainState.REORDERED, f"{follows} but row {elsewhere}: rows were reordered"
    if row.id > before + 1:
        return ChainState.REMOVED, f"{follows}: rows before it were removed"
    return ChainState.EDITED, f"{follows}: row {before} was changed after it was written, and its hash with it"
