"""Sessions of browsers, and API tokens of programs: 256 random bits each, kept as their SHA-256."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from datetime import timedelta

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, select

from core.access import accounts
from core.access.rights import RIGHTS, Actor, Forbidden, IdentityProof
from core.audit import chain
from core.db import store
from core.models import now
from core.models.access import ApiToken, Person, SignIn

PREFIX = "dip_"  # lets secret scanners recognize the tokens
INGEST = f"{PREFIX}in_"  # begins a token with which a service sends (core/access/ingest_tokens.py)
FRESH = timedelta(minutes=1)  # last_used is written at most once in this time


def digest(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()


# --- browsers --------------------------------------------------------------------------------------


def begin(person: str, agent: str, address: str, hours: float) -> str:
    """Begin a session; returns the cookie's value, which is not stored."""
    value = secrets.token_urlsafe(32)
    with store.write() as session:
        session.add(
            SignIn(
                id=digest(value),
                person=person,
                agent=digest(agent),
                address=address[:60],
                expires_at=now() + timedelta(hours=hours),
            )
        )
    return value


def of_cookie(value: str, agent: str) -> str | None:
    """The id of the live session with this cookie in this browser; None without one."""
    with store.read() as session:
        row = _live(session, digest(value))
        return row.id if row and secrets.compare_digest(row.agent, digest(agent)) else None


def actor(session_id: str) -> Actor | None:
    """The person of this session, with their current role; None if it has ended."""
    with store.read() as session:
        person = behind(session, session_id)
    if person is None or person.must_change:
        return None
    return Actor(person.name, person.role, proof=IdentityProof.SESSION)


def person(session_id: str) -> str | None:
    """The name behind a live session, even if the password must be changed first."""
    with store.read() as session:
        found = behind(session, session_id)
    return found.name if found else None


def behind(session: Session, session_id: str) -> Person | None:
    """The person of a live session, if they can sign in; one query, because every script run asks."""
    rows = select(Person).join(SignIn, col(SignIn.person) == Person.name).where(*_alive(session_id))
    return accounts.able(session.exec(rows).first())


def end(session_id: str) -> None:
    with store.write() as session:
        row = _live(session, session_id)
        if row:
            row.ended_at = now()
            chain.record(session, row.person, "sign_out", f"person/{row.person}")


def _live(session: Session, session_id: str) -> SignIn | None:
    return session.exec(select(SignIn).where(*_alive(session_id))).first()


def _alive(session_id: str) -> tuple[ColumnElement[bool] | bool, ...]:
    return SignIn.id == session_id, col(SignIn.ended_at).is_(None), SignIn.expires_at > now()


# --- programs --------------------------------------------------------------------------------------


def issue_token(person: str, label: str, scopes: Iterable[str], days: float, *, by: str) -> str:
    """Create an API token; returns it once. Raises ValueError, also for a person for whom it would not work."""
    wanted = sorted(set(scopes))
    if not wanted or set(wanted) - set(RIGHTS):
        raise ValueError(f"Choose scopes from: {', '.join(RIGHTS)}")
    if not 0 < days <= 366:
        raise ValueError("A token is valid for 1 to 366 days.")
    value = PREFIX + secrets.token_urlsafe(32)
    with store.write() as session:
        found = session.get(Person, person)
        if found is None or accounts.barred(found):
            raise ValueError(f"{person} {accounts.barred(found)}, so a token would not work.{_way_out(found)}")
        beyond = set(wanted) - Actor(found.name, found.role).rights
        if beyond:
            raise ValueError(f"{person} ({found.role.value}) lacks the rights: {', '.join(sorted(beyond))}")
        row = ApiToken(
            person=person,
            label=label[:100],
            secret=digest(value),
            scopes=wanted,
            expires_at=now() + timedelta(days=days),
        )
        session.add(row)
        session.flush()
        chain.record(session, by, "token_issued", f"token/{row.id}", {"person": person, "scopes": wanted})
    return value


def _way_out(person: Person | None) -> str:
    waits = person is not None and not person.disabled and person.password and person.must_change
    return " They sign in at the console and choose a password first." if waits else ""


def of_token(value: str, via: str) -> Actor:
    """The person whom this token acts for. Raises Forbidden, which says what is wrong with the token or its person."""
    with store.read() as session:
        row = session.exec(select(ApiToken).where(ApiToken.secret == digest(value))).first()
        found = session.get(Person, row.person) if row else None
    if row is None or found is None or _dead(row) or accounts.barred(found):
        raise Forbidden(_refusal(value, row, found))
    if row.last_used is None or row.last_used < now() - FRESH:
        with store.write() as session:
            session.get_one(ApiToken, row.id).last_used = now()
    return Actor(
        found.name, found.role, frozenset(row.scopes), f"{via}, token {row.id} ({row.label})", IdentityProof.TOKEN
    )


def _dead(row: ApiToken) -> str:
    if row.revoked_at:
        return f"was revoked on {row.revoked_at:%Y-%m-%d}"
    return f"expired on {row.expires_at:%Y-%m-%d}" if row.expires_at <= now() else ""


def _refusal(value: str, row: ApiToken | None, person: Person | None) -> str:
    """Gives details only for a token that was issued; any other caller could be guessing."""
    if row is not None:
        return f"This token {_dead(row)}." if _dead(row) else (
            f"This token acts for {row.person}, who {accounts.barred(person)}.{_way_out(person)}"
        )  # fmt: skip
    if not value:
        return "No token was sent. Send an API token as: Authorization: Bearer TOKEN"
    if value.startswith(INGEST):
        return "This is an ingest token. It only sends signals; actions need an API token of the People page."
    if not value.startswith(PREFIX):
        return f"This is not an API token of this platform. One begins with {PREFIX}"
    return "This token is unknown. Copy it again, or issue a new one on the People page."


def revoke_token(token_id: int, *, by: str) -> None:
    """Revoke a token. Raises ValueError for an unknown one."""
    with store.write() as session:
        row = session.get(ApiToken, token_id)
        if row is None:
            raise ValueError(f"There is no token {token_id}")
        row.revoked_at = row.revoked_at or now()
        chain.record(session, by, "token_revoked", f"token/{token_id}", {"person": row.person})
