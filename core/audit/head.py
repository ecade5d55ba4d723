"""The head of the audit chain: its newest row, verified and signed, stored outside the database.

A head only advances: from the row of the last head, over consistent rows. It is stored in DATA_DIR/audit-head,
signed (HMAC-SHA256) with AUDIT_KEY or, without it, with the key in DATA_DIR/audit-key. The database records which host
and folder has a head, and the head that was last sent elsewhere. Each host of a shared database has its own head and
verifies from there, however long it was offline. Anyone who can write to the database and the folder can forge both; a
head that was sent elsewhere (``python -m core audit verify --head LINE``) reveals that.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import os
import re
import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session, select

from core.audit import chain
from core.audit.chain import ChainState, ChainVerdict, Mark
from core.db import store
from core.models import AuditHead, now
from core.models.counted import counted
from core.ops import notify
from core.policy.reader import ConfigurationError
from core.settings import Settings

log = logging.getLogger(__name__)
SHORTEST = 32  # characters of AUDIT_KEY
PATIENCE = 5.0  # seconds that an action waits while another process moves the head
LINE = re.compile(r"audit-head-1 (\d{1,18}) ([0-9a-f]{64}) (\S{20}) ([0-9a-f]{8}) ([0-9a-f]{64})", re.ASCII)


class Distrusted(Exception):
    """(state, message): the head cannot be trusted as a verified row."""


@dataclass(frozen=True)
class Head:
    """A signed row: ``at`` is when, ``key`` identifies the key (8 hex digits) without revealing it."""

    row: int
    hash: str
    at: str
    key: str
    mac: str

    def __str__(self) -> str:
        return f"audit-head-1 {self.row} {self.hash} {self.at} {self.key} {self.mac}"

    def mark(self, source: str = "the head") -> Mark:
        return Mark(self.row, self.hash, source)


def read(text: str) -> Head | None:
    """The head in a line; surrounding text is ignored."""
    found = LINE.search(text)
    return Head(int(found[1]), *found.groups()[1:]) if found else None


def sign(mark: Mark, key: bytes) -> Head:
    at = f"{now():%Y-%m-%dT%H:%M:%SZ}"
    return Head(mark.row, mark.hash, at, _name(key), _mac(key, mark.row, mark.hash, at))


def genuine(head: Head, key: bytes) -> bool:
    """Is it signed with this key?"""
    return bool(key) and hmac.compare_digest(head.mac, _mac(key, head.row, head.hash, head.at))


def _mac(key: bytes, row: int, value: str, at: str) -> str:
    return hmac.new(key, f"audit-head-1 {row} {value} {at}".encode(), hashlib.sha256).hexdigest()


def _name(key: bytes) -> str:
    return hmac.new(key, b"audit-key", hashlib.sha256).hexdigest()[:8]


# --- the folder of the head ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Keeper:
    """One host and folder that keeps a head. ``key`` is empty before the first head, or if it was lost."""

    folder: Path
    name: str
    key: bytes
    own_key: bool  # stored in the folder, not in AUDIT_KEY

    @property
    def file(self) -> Path:
        return self.folder / "audit-head"

    @property
    def key_file(self) -> Path:
        return self.folder / "audit-key"


def keeper(settings: Settings) -> Keeper:
    """Raises ConfigurationError for an AUDIT_KEY that is too short."""
    folder, given = settings.data_dir.resolve(), settings.audit_key.get_secret_value()
    if given and len(given) < SHORTEST:
        raise ConfigurationError(f"AUDIT_KEY needs at least {SHORTEST} characters, e.g. from openssl rand -hex 32")
    return Keeper(folder, f"{socket.gethostname()}:{folder}", given.encode() or _kept_key(folder), not given)


def _kept_key(folder: Path) -> bytes:
    file, begun = folder / "audit-key", folder / "audit-key.new"
    if not file.exists() and begun.exists() and (folder / "audit-head").exists():
        os.replace(begun, file)  # a process died between the first head and its key
    return file.read_bytes().strip() if file.exists() else b""


def _write(path: Path, text: str) -> None:
    """Replace the file atomically, readable only by this account, and safe from a power cut."""
    temporary = path.with_name(f"{path.name}.new")
    _prepare(temporary, text)
    os.replace(temporary, path)


def _prepare(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())


# --- the last head -----------------------------------------------------------------------------------


def _last(session: Session, kept: Keeper) -> Head | Mark | None:
    """The head on disk; a Mark from a version without signatures; None if there never was one. Raises Distrusted."""
    known = session.get(AuditHead, kept.name) is not None
    used = known or (kept.own_key and bool(kept.key))
    if not kept.file.exists():
        if used:
            raise Distrusted(ChainState.HEADLESS, "the head is missing, although this host had one")
        return None
    text = kept.file.read_text(encoding="ascii", errors="replace")
    if not used and (old := re.fullmatch(r"(\d{1,18}) ([0-9a-f]{64})\s*", text)):
        return Mark(int(old[1]), old[2])
    head = read(text)
    if head is None or not genuine(head, kept.key):
        why = "is not signed with our key" if kept.key else "cannot be verified: its key is missing"
        raise Distrusted(ChainState.FORGED, f"the head {why}; the head or the key was replaced")
    return head


def advance(settings: Settings, patience: float = -1) -> ChainVerdict:
    """Verify from the last head to the newest row, and only then sign that one. Raises Timeout."""
    kept = keeper(settings)
    kept.folder.mkdir(parents=True, exist_ok=True)
    with FileLock(kept.folder / "audit-head.lock", timeout=patience):
        try:
            verdict, last, head = _forward(kept)
        except Distrusted as fault:
            state, message = fault.args
            return ChainVerdict(False, 0, message, state)
        if verdict.ok and last and not (isinstance(head, Head) and head.row == last.row):
            keep(kept, last)
    return verdict


def _forward(kept: Keeper) -> tuple[ChainVerdict, Mark | None, Head | Mark | None]:
    with store.read() as session:
        head = _last(session, kept)
        others = _sent(session, kept)
    with store.read() as session:  # a snapshot that is not older than the head
        if isinstance(head, Head):
            return *chain.walk(session, start=head.mark()), head
        return *chain.walk(session, [*others, *([head] if head else [])]), head


def keep(kept: Keeper, last: Mark) -> None:
    """Sign and write the head. The first head creates the key, and the database records that it exists."""
    key = kept.key
    if not key:
        key = secrets.token_hex(32).encode()
        _prepare(kept.key_file.with_name("audit-key.new"), key.decode())
    head = sign(last, key)
    _write(kept.file, str(head))
    if not kept.key:
        os.replace(kept.key_file.with_name("audit-key.new"), kept.key_file)
    with store.read() as session:
        known = session.get(AuditHead, kept.name) is not None
    if not known:
        log.warning("this host now keeps a head of the audit trail: %s", head)
        with store.write() as session:
            session.merge(AuditHead(keeper=kept.name, line=str(head), sent=""))


def advance_quietly(settings: Settings) -> None:
    """After an action. A failure is logged and reported by the next upkeep; it does not undo the action."""
    try:
        verdict = advance(settings, PATIENCE)
    except (OSError, SQLAlchemyError, Timeout, ConfigurationError) as error:
        log.warning("the head of the audit trail was not advanced: %s", error)
    else:
        if not verdict.ok:
            log.error("audit trail %s: %s", verdict.state, verdict.message)


# --- verifying the chain, and sending the head -------------------------------------------------------


def verify(
    settings: Settings, progress: Callable[[int], None] = lambda _: None, given: Head | None = None
) -> ChainVerdict:
    """Verify the whole chain against every known head: this host's, those in the database, and ``given``."""
    kept, fault = keeper(settings), None
    marks = [given.mark("the given head")] if given else []
    with store.read() as session:
        try:
            marks += _sent(session, kept)
            head = _last(session, kept)
            marks += [head.mark() if isinstance(head, Head) else head] if head else []
        except Distrusted as distrusted:
            fault = distrusted.args
    with store.read() as session:
        verdict = chain.verify(session, progress, marks)
    if fault:
        return _both(verdict, *fault)
    if verdict.ok and given and not genuine(given, kept.key):
        message = "the given head names a row of this chain, but is not signed with the key of this host"
        return ChainVerdict(False, verdict.rows, message, ChainState.FORGED)
    heads = f"; {counted(len(marks), 'head')} match" if marks else "; no head is stored yet"
    return ChainVerdict(verdict.ok, verdict.rows, verdict.message + (heads if verdict.ok else ""), verdict.state)


def _both(verdict: ChainVerdict, state: ChainState, message: str) -> ChainVerdict:
    """The verdict for an untrusted head, with the findings of the chain or the other heads."""
    if verdict.ok:
        return ChainVerdict(False, verdict.rows, message, state)
    by_heads = verdict.state in (ChainState.REWRITTEN, ChainState.TRUNCATED)
    return ChainVerdict(False, verdict.rows, f"{message}; {verdict.message}", state if by_heads else verdict.state)


def _sent(session: Session, kept: Keeper) -> list[Mark]:
    """The heads of all hosts in the database. One with this host's key must be signed with it. Raises Distrusted."""
    found = []
    for row in session.exec(select(AuditHead).order_by(AuditHead.keeper)):
        head = read(row.line)
        if head is None or (kept.key and head.key == _name(kept.key) and not genuine(head, kept.key)):
            raise Distrusted(ChainState.FORGED, f"the head of {row.keeper} in the database is not signed with its key")
        found.append(head.mark(f"the head of {row.keeper}"))
    return found


def send_daily(settings: Settings) -> bool:
    """Once a day, send this host's head to the log and the route ``audit_head``; returns whether it was sent now."""
    kept, today = keeper(settings), f"{now():%F}"
    with store.read() as session:
        row = session.get(AuditHead, kept.name)
    if row is None or row.sent == today or not kept.file.exists():
        return False
    line = kept.file.read_text(encoding="ascii").strip()
    with store.write() as session:
        session.merge(AuditHead(keeper=kept.name, line=line, sent=today))
        notify.announce(session, "audit_head", f"audit-head-{today}-{kept.name}", kept.name, line)
    log.info("audit trail head: %s", line)
    return True


def alarm(verdict: ChainVerdict) -> None:
    """Notify the route ``audit_failed`` that verification failed; duplicates are merged."""
    log.error("audit trail %s: %s", verdict.state, verdict.message)
    with store.write() as session:
        key = f"audit-failed-{now():%F}-{hashlib.sha256(verdict.message.encode()).hexdigest()[:16]}"
        notify.announce(session, "audit_failed", key, str(verdict.state), verdict.message)
