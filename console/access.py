"""Who is signed in and what they may do, read from the database on every script run and again for every action."""

from __future__ import annotations

from contextvars import ContextVar
from datetime import tzinfo

import streamlit as st

from core.access import preferences, sessions
from core.access.rights import ADMINISTER, APPROVE, AUDIT, OPERATE, VIEW, Actor, Forbidden
from core.access.rights import require as _require

__all__ = ["ADMINISTER", "APPROVE", "AUDIT", "OPERATE", "VIEW", "Actor", "Forbidden", "SignedOut", "current",
           "begin_page", "notice", "require", "shown_to"]  # fmt: skip


_shown: ContextVar[Actor | None] = ContextVar("shown", default=None)


class SignedOut(Exception):
    """The session has ended, or was revoked, or there never was one."""


def current() -> Actor:
    """The person signed in by this browser, with their current role. Raises SignedOut."""
    found = sessions.actor(str(st.user.get("session") or ""))
    if found is None:
        raise SignedOut
    if st.session_state.setdefault("person", found.name) != found.name:
        st.session_state.clear()  # a page reconnected by another person shows nothing of the previous one
        raise SignedOut
    return found


def shown_to() -> Actor:
    """The person that this script run draws for, read once: for what is shown, never for what is done."""
    return _shown.get() or current()


def begin_page(right: str) -> None:
    """Ask for the right, and draw for the person who holds it."""
    _shown.set(require(right))


def zone() -> tzinfo:
    """The time zone in which this person reads times."""
    return preferences.of(str(st.user.get("session") or "")).tzinfo


def notice() -> str:
    here = current()
    return f"You act as **{here.name}** ({here.role.value})."


def require(right: str) -> Actor:
    """The signed-in person, if they hold the right. Raises Forbidden or SignedOut."""
    return _require(current(), right)
