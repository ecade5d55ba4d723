"""Tables of people, their sessions, and API tokens.

No password, session or token is stored in plain text. Passwords are stored as argon2id hashes; sessions and tokens,
which are 256 random bits, as SHA-256.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import JSON, ColumnElement, and_, or_
from sqlmodel import Field, SQLModel, col

from core.models.base import _maybe_time, _time, now


class Role(StrEnum):
    VIEWER = "viewer"
    OPERATOR = "operator"
    APPROVER = "approver"
    ADMIN = "admin"


class Person(SQLModel, table=True):
    """Somebody who may sign in: with a password, or (``password`` is empty) through the identity provider."""

    name: str = Field(primary_key=True)  # e-mail address, or a short name
    role: Role
    password: str = ""  # argon2id
    password_at: datetime = _time()
    must_change: bool = False  # somebody else set the password
    failures: int = 0  # in a row
    locked_until: datetime | None = _maybe_time()
    expires_at: datetime | None = _maybe_time()  # end of the account
    disabled: bool = False
    created_at: datetime = _time()
    last_sign_in: datetime | None = _maybe_time()
    zone: str = ""  # time zone of the times on the screen; empty: UTC
    theme: str = ""  # light or dark; empty: as the browser says

    @classmethod
    def active(cls) -> ColumnElement[bool]:
        """The people whose accounts are neither disabled nor ended now."""
        lasts = or_(col(cls.expires_at).is_(None), col(cls.expires_at) > now())
        return and_(col(cls.disabled).is_(False), lasts)


class SignIn(SQLModel, table=True):
    """One browser that a person signed in with."""

    id: str = Field(primary_key=True)  # SHA-256 of the cookie's value
    person: str = Field(foreign_key="person.name", index=True)
    agent: str = ""  # SHA-256 of the browser's User-Agent: a cookie copied to another browser is refused
    address: str = ""
    created_at: datetime = _time()
    expires_at: datetime = _time()
    ended_at: datetime | None = _maybe_time()  # signed out or revoked


class ApiToken(SQLModel, table=True):
    """A program that acts for a person, with part of that person's rights."""

    id: int = Field(default=None, primary_key=True)
    person: str = Field(foreign_key="person.name", index=True)
    label: str  # what it is for
    secret: str = Field(unique=True)  # SHA-256 of the token
    scopes: list = Field(default_factory=list, sa_type=JSON)  # rights, e.g. ["view", "operate"]
    created_at: datetime = _time()
    expires_at: datetime = _time()
    last_used: datetime | None = _maybe_time()
    revoked_at: datetime | None = _maybe_time()
