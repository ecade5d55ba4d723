"""Who is signed in and what they may do, read from the database on every script run and again for every action."""

from __future__ import annotations

from datetime import tzinfo

import streamlit as st

from core.access import preferences, sessions
from core.access.rights import ADMINISTER, APPROVE, AUDIT, OPERATE, VIEW, Actor, Forbidden
from core.access.rights import require as _require

__all__ = ["ADMINISTER", "APPROVE", "AUDIT", "OPERATE", "VIEW", "Actor", "Forbidden", "SignedOut", "current",
           "notice", "require"]  # fmt: skip


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


def zone() -> tzinfo:
    """The time zone in which this person reads times."""
    return preferences.of(str(st.user.get("session") or "")).tzinfo


def notice() -> str:
    here = current()
    return f"You act as **{here.name}** ({here.role.value})."


def require(right: str) -> Actor:
    """The signed-in person, if they hold the right. Raises Forbidden or SignedOut."""
    return _require(current(), right)
