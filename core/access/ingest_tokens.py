"""Tokens with which services send their signals: 256 random bits each, kept as their SHA-256.

Such a token can only send: it has no right to read or act. It is valid until it is revoked, because a service must not
stop sending on a date.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta

from sqlmodel import Session, col, select

from core.access.sessions import INGEST, PREFIX, digest
from core.audit import chain
from core.db import store
from core.models import now
from core.models.inputs import IngestToken

LENGTH = len(INGEST) + 43
FRESH = timedelta(minutes=1)  # last_used is written at most once in this time


@dataclass(frozen=True)
class IngestSender:
    """The sender: the token's number, and its service or ``*``."""

    token: int
    service: str


def issue(service: str, label: str = "", *, by: str) -> str:
    """Create a token; returns it once. The caller has checked that the service exists."""
    value = INGEST + secrets.token_urlsafe(32)
    with store.write() as session:
        row = IngestToken(service=service, label=label[:100], secret=digest(value))
        session.add(row)
        session.flush()
        chain.record(session, by, "ingest_token_issued", f"ingest-token/{row.id}", {"service": service})
    return value


def sender(value: str) -> IngestSender | None:
    """The sender with this token; None for an unknown or revoked one."""
    if len(value) != LENGTH or not value.startswith(INGEST):
        return None
    with store.read() as session:
        row = session.exec(
            select(IngestToken).where(IngestToken.secret == digest(value), col(IngestToken.revoked_at).is_(None))
        ).first()
    if row and (row.last_used is None or row.last_used < now() - FRESH):
        with store.write() as session:
            session.get_one(IngestToken, row.id).last_used = now()
    return IngestSender(row.id, row.service) if row else None


def refusal(value: str) -> str:
    """Why a token is not a valid ingest token, as far as its format shows."""
    if not value:
        return "The token is missing. Send it as: Authorization: Bearer TOKEN"
    if value.startswith(INGEST):
        return "The token is unknown or revoked."
    kind = "an API token, which acts for a person" if value.startswith(PREFIX) else "not a token of this platform"
    return f"This is {kind}. Signals need an ingest token: python -m core token ingest SERVICE"


def listed(session: Session) -> list[IngestToken]:
    """Valid tokens first, by service."""
    dead = col(IngestToken.revoked_at).is_not(None)
    return list(session.exec(select(IngestToken).order_by(dead, col(IngestToken.service), col(IngestToken.id))))


def revoke(token_id: int, *, by: str) -> None:
    """Revoke a token. Raises ValueError for an unknown one."""
    with store.write() as session:
        row = session.get(IngestToken, token_id)
        if row is None:
            raise ValueError(f"There is no ingest token {token_id}")
        row.revoked_at = row.revoked_at or now()
        chain.record(session, by, "ingest_token_revoked", f"ingest-token/{token_id}", {"service": row.service})
