"""A chain of audit rows, and what somebody can do who writes into its database."""

from __future__ import annotations

from sqlalchemy import text
from sqlmodel import select

from core.audit import chain
from core.db import store
from core.models import AuditRow
from core.settings import Settings


def write(count: int) -> None:
    for number in range(count):
        with store.write() as session:
            chain.record(session, "ada", "approve", f"issue/{number}", {"patch": "f3"})


def sql(*statements: str) -> None:
    with store.write() as session:
        for statement in statements:
            session.connection().execute(text(statement))


def recompute(first: int = 1, most: int = 10**6) -> None:
    """As an attacker would: previous and hash of every row from ``first`` on, so that the chain is whole again."""
    with store.write() as session:
        rows = session.exec(select(AuditRow).order_by(AuditRow.id)).all()
        previous = chain.GENESIS
        for row in rows:
            if first <= row.id < first + most:
                row.previous = previous
                row.hash = chain.digest(row)
            previous = row.hash
            session.add(row)


def files(host: Settings) -> dict[str, bytes]:
    return {name: (host.data_dir / name).read_bytes() for name in ("audit-head", "audit-key")}
