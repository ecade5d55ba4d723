"""The policy as a text with versions: edited with its comments kept, applied, and restored.

platform.toml stays the source of truth and can be edited by hand. Such an edit is detected before the next change and
stored as a version, so that every text that was in force can be restored.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

import tomlkit
from sqlalchemy import event
from sqlmodel import Session, col, func, select

from core.models.kept import PolicyVersion
from core.policy.reader import ConfigurationError, parse_policy

VERSIONS = 20  # of one page of the history


class Stale(Exception):
    """platform.toml is no longer the text that the change was made from."""


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def text_of(path: Path) -> str:
    """The text of platform.toml. Raises ConfigurationError when it cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: {error}") from None


def edited(text: str, changes: Mapping[str, object] | Mapping[tuple[str, ...], object]) -> str:
    """The text with the values of dotted keys ("guards.deployments_per_hour") set, comments and order kept.

    A key whose names may hold dots themselves is given as a tuple.
    """
    document = tomlkit.parse(text)
    for key, value in changes.items():
        *sections, name = key.split(".") if isinstance(key, str) else key
        place = document
        for section in sections:
            place = place.setdefault(section, tomlkit.table(is_super_table=section != sections[-1]))
        place[name] = value
    return tomlkit.dumps(document)


def put_in_force(session: Session, path: Path, text: str, *, by: str, reason: str, based_on: str) -> PolicyVersion:
    """Keep the text as a version and replace the file: both, or neither if the transaction is rolled back.

    ``based_on`` is the digest of the text that the change was made from. Raises Stale when that is not in
    force any more, ConfigurationError when the new text is no policy or the file cannot be replaced.
    """
    parse_policy(text, path.name)
    before = text_of(path)
    if digest(before) != based_on:
        raise Stale("platform.toml has changed since you opened it. Reload the page and review it.")
    if newest_digest(session) != digest(before):
        session.add(PolicyVersion(sha256=digest(before), text=before, by="file", reason="as found on disk"))
        session.flush()
    made = PolicyVersion(sha256=digest(text), text=text, by=by, reason=reason)
    session.add(made)
    session.flush()
    event.listen(session, "after_rollback", lambda _: _write(path, before), once=True)
    _write(path, text)
    return made


def _write(path: Path, text: str) -> None:
    """Replace the file atomically: a reader sees the old text or the new one, also after a power cut."""
    path = path.resolve()
    temporary = path.with_name(f".{path.name}.new")
    try:
        with open(temporary, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(path.stat().st_mode)
        os.replace(temporary, path)
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be replaced: {error.strerror or error}") from None


def newest_digest(session: Session) -> str | None:
    return session.exec(select(PolicyVersion.sha256).order_by(col(PolicyVersion.id).desc()).limit(1)).first()


def versions(session: Session, number: int = 1) -> list[PolicyVersion]:
    """Page ``number`` (from 1) of the history, the latest first."""
    newest = select(PolicyVersion).order_by(col(PolicyVersion.id).desc())
    return list(session.exec(newest.offset((number - 1) * VERSIONS).limit(VERSIONS)))


def count(session: Session) -> int:
    return session.exec(select(func.count(col(PolicyVersion.id)))).one()
