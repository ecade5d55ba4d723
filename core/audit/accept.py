"""Resets the head of the audit trail after a backup of the database was restored.

The head then names rows missing in the backup, so it no longer advances. If the chain itself is consistent, an admin
accepts it. The old heads are recorded in the audit row, and the route ``audit_failed`` gets a notification, so
that nobody can truncate the trail silently.
"""

from __future__ import annotations

from filelock import FileLock
from sqlmodel import select

from core.audit import chain, head
from core.audit.chain import ChainVerdict
from core.db import store
from core.models import AuditHead
from core.ops import notify
from core.settings import Settings


def accept(settings: Settings, by: str, reason: str) -> ChainVerdict:
    """Sign the newest row as the head. Refused if the chain is inconsistent or already matches every head."""
    if head.verify(settings).ok:
        return ChainVerdict(False, 0, "nothing to accept: the chain matches every head")
    kept = head.keeper(settings)
    with FileLock(kept.folder / "audit-head.lock"):
        with store.read() as session:
            verdict = chain.verify(session)
        if not verdict.ok:
            return verdict
        _begin_anew(kept, by, reason)
    return head.verify(settings)


def _begin_anew(kept: head.Keeper, by: str, reason: str) -> None:
    with store.write() as session:
        rows = session.exec(select(AuditHead)).all()
        old = {row.keeper: row.line for row in rows} | {"file": _text(kept)}
        chain.record(session, by, "audit_accept", "audit", {"reason": reason, "heads": old})
        notify.announce(session, "audit_failed", f"audit-accepted-{_text(kept)[-16:]}", "accepted", f"{by}: {reason}")
        for row in rows:
            session.delete(row)
    kept.file.unlink(missing_ok=True)
    with store.read() as session:
        last = chain.walk(session)[1]
    assert last is not None, "the row above was recorded"
    head.keep(kept, last)


def _text(kept: head.Keeper) -> str:
    return kept.file.read_text(encoding="ascii", errors="replace").strip() if kept.file.exists() else ""
