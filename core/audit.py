"""A hash chain of who did what: each row holds the hash of the one before it.

Editing, deleting or reordering a row breaks the chain; cutting off its end is found by the head,
which is kept outside of the database (DATA_DIR/audit-head). The chain is SHA-256 over canonical JSON.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Row
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from core.models import AuditRow, now

GENESIS = "0" * 64
CHUNK = 2000  # rows read at a time
COLUMNS = [
    AuditRow.id, AuditRow.at, AuditRow.actor, AuditRow.action, AuditRow.subject, AuditRow.detail, AuditRow.key,
    AuditRow.previous, AuditRow.hash,
]  # fmt: skip


def digest(row: AuditRow | Row) -> str:
    """SHA-256 of a row's content and the hash before it."""
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
    """Append a row inside the caller's transaction. Raises AlreadyDone when ``key`` was used before."""
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
    """This very action was carried out before; doing it again would be a second effect."""


def save_head(session: Session, data_dir: Path) -> None:
    """Write the newest row's id and hash beside the database, replaced atomically."""
    last = session.exec(select(AuditRow).order_by(col(AuditRow.id).desc()).limit(1)).first()
    if last:
        temporary = data_dir / "audit-head.new"
        temporary.write_text(f"{last.id} {last.hash}\n", encoding="ascii")
        os.replace(temporary, data_dir / "audit-head")


@dataclass(frozen=True)
class Verdict:
    ok: bool
    rows: int
    says: str


def verify(session: Session, data_dir: Path | None = None, told: Callable[[int], None] = lambda _: None) -> Verdict:
    """Walk the whole chain; names the first row that does not fit. ``told`` hears how many rows are done."""
    previous, count = GENESIS, 0
    number, value = _head(data_dir)
    for row in session.connection().execute(select(*COLUMNS).order_by(col(AuditRow.id))).yield_per(CHUNK):
        if row.previous != previous:
            return Verdict(False, count, f"row {row.id} does not follow the row before it: one was removed or moved")
        if row.hash != digest(row):
            return Verdict(False, count, f"row {row.id} was changed after it was written")
        if row.id == number and row.hash == value:
            number = None
        previous, count = row.hash, count + 1
        if count % CHUNK == 0:
            told(count)
    if number is not None:
        return Verdict(False, count, f"the chain ends before row {number}, which the head names: rows were cut off")
    return Verdict(True, count, f"{count:,} rows, each follows the one before it")


def _head(data_dir: Path | None) -> tuple[int | None, str]:
    """(id, hash) of the newest row as kept outside of the database; (None, "") when no head is kept."""
    head = data_dir / "audit-head" if data_dir else None
    if not (head and head.exists()):
        return None, ""
    try:
        number, value = head.read_text(encoding="ascii").split()
        return int(number), value
    except (ValueError, UnicodeDecodeError):
        return -1, "the head cannot be read"
