"""The inbox: payloads are stored before the response is sent, and kept within limits of age and size.

A payload counts as read once a cycle has stored all of its records; reading it twice is harmless, because records have
their own identity. Read payloads are kept as evidence until they are too old or the inbox is full; unread payloads are
never removed. If unread payloads alone fill the inbox, new ones are refused with 503.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session, col, delete, func, select, update

from core.db import store
from core.models import Round, now
from core.models.inputs import InputState, Payload
from core.policy.sections import Inputs

PAGE = 100  # payloads of one batch
FLUSH = timedelta(seconds=5)  # refusals of unauthenticated requests are written together at this interval
PAUSE = timedelta(seconds=5)  # minimum time between two cycles that payloads trigger
SLOT = "inbox-"
PRUNE_EVERY = 50  # accepted requests between two checks of size and age


class InboxFull(Exception):
    """The inbox is full of unread payloads; the sender should retry later."""


def put(session: Session, rules: Inputs, payload: Payload, records: int = 1) -> None:
    """Store a payload and count it. Raises InboxFull."""
    most = rules.keep_megabytes * 1_000_000
    waiting = select(func.coalesce(func.sum(Payload.size), 0)).where(col(Payload.taken_at).is_(None))
    if session.exec(waiting).one() + payload.size > most:
        raise InboxFull
    session.add(payload)
    session.flush()
    state = _state(session, payload.input)
    state.accepted, state.last_at = state.accepted + 1, payload.received_at
    refusals.flush(session)
    if payload.id % PRUNE_EVERY == 0:
        prune(session, rules)


def accept(rules: Inputs, payload: Payload) -> None:
    """``put`` in a transaction of its own."""
    with store.write() as session:
        put(session, rules, payload)


def prune(session: Session, rules: Inputs) -> None:
    """Remove read payloads: those that are too old and, if the inbox is too large, the oldest."""
    read = col(Payload.taken_at).is_not(None)
    session.exec(delete(Payload).where(read, col(Payload.taken_at) < now() - timedelta(days=rules.keep_days)))
    room = rules.keep_megabytes * 1_000_000
    rows = session.exec(select(Payload.id, Payload.size).where(read).order_by(col(Payload.id).desc())).all()
    for number, size in rows:
        room -= size
        if room < 0:
            session.exec(delete(Payload).where(read, col(Payload.id) <= number))
            return


def waiting(name: str) -> list[Payload]:
    """A page of this input's unread payloads, oldest first."""
    with store.read() as session:
        rows = select(Payload).where(col(Payload.taken_at).is_(None), Payload.input == name)
        return list(session.exec(rows.order_by(col(Payload.id)).limit(PAGE)))


def take(ids: Sequence[int]) -> None:
    """Mark payloads as read, because all of their records are stored."""
    _set(ids, taken_at=now())


def postpone(ids: Sequence[int], until: datetime) -> None:
    """Set the latest time at which payloads that end within a stack trace are read again."""
    _set(ids, due_at=until)


def _set(ids: Sequence[int], **values: Any) -> None:
    if ids:
        with store.write() as session:
            session.exec(update(Payload).where(col(Payload.id).in_(ids)).values(**values))


def claim() -> str | None:
    """The slot of a cycle for payloads that are due, at most one per PAUSE; None if none are due."""
    with store.read() as session:
        due = (col(Payload.taken_at).is_(None), col(Payload.urgent), col(Payload.due_at) <= now())
        if session.exec(select(Payload.id).where(*due).limit(1)).first() is None:
            return None
        newest = session.exec(select(func.max(Round.started_at)).where(col(Round.slot).startswith(SLOT))).one()
    at = now()
    return None if newest and at - newest < PAUSE else f"{SLOT}{int(at.timestamp())}"


def states(session: Session) -> dict[str, InputState]:
    return {row.input: row for row in session.exec(select(InputState))}


def _state(session: Session, name: str) -> InputState:
    return store.row_of(session, InputState, input=name)


class Refusals:
    """Counts refusals and writes them together, so that an attacker's requests do not cost a transaction each."""

    def __init__(self) -> None:
        self._lock, self._counts = threading.Lock(), Counter[str]()
        self._messages: dict[str, str] = {}
        self._written = now()

    def count(self, name: str, message: str, times: int = 1) -> None:
        with self._lock:
            self._counts[name] += times
            self._messages[name] = message[:300]
            if now() - self._written < FLUSH:
                return
        with store.write() as session:
            self.flush(session)

    def flush(self, session: Session) -> None:
        with self._lock:
            counts, messages = self._counts, self._messages
            self._counts, self._messages, self._written = Counter(), {}, now()
        for name, times in counts.items():
            state = _state(session, name)
            state.refused, state.last_refused_at, state.last_refusal = state.refused + times, now(), messages[name]


refusals = Refusals()
