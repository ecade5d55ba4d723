"""Finds the release that contains a merge, from deployments, reported changes and release tags."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, col, func, or_, select

from core.db import store
from core.models import Kind, Signal
from core.policy.services import Repository
from core.runtime import Runtime
from core.stages.deliver import scene
from core.stages.workspace import Clone
from core.vendors.base import Deployed

KNOWN = timedelta(days=14)  # how far back earlier releases are searched
MOST = 50  # releases that are compared
SHA = re.compile(r"[0-9a-f]{7,40}")
TAG = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True)
class ReleaseSign:
    """The name of a release, when it was first seen live, and the source that reported it."""

    name: str
    at: datetime
    source: str


def seen(rt: Runtime, name: str, repository: Repository, since: datetime) -> list[ReleaseSign]:
    """Every report of a release since ``since``, oldest first."""
    with store.read() as session:
        signs = [*_tagged(session, rt, name, repository, since)]
    signs += [
        ReleaseSign(made.sha, made.since, source)
        for source, made in _deployed(rt, repository)
        if made.sha and made.since and made.since >= since
    ]
    return sorted(signs, key=lambda sign: sign.at)


def _deployed(rt: Runtime, repository: Repository) -> Iterator[tuple[str, Deployed]]:
    if rt.host and repository.github:
        yield from (("GitHub deployment", made) for made in rt.host.releases(repository.github))
    if rt.vercel and repository.vercel_project and (live := rt.vercel.production(repository.vercel_project)):
        yield "Vercel", live


def _tagged(session: Session, rt: Runtime, name: str, repository: Repository, since: datetime) -> Iterator[ReleaseSign]:
    """Releases named by signals of the repository's services, and changes that a source reported.

    A commit on the main branch, which GitHub reports as a change, is not a release.
    """
    services = scene.services_of(rt, name)
    rows = session.exec(
        select(Signal.release, func.min(Signal.at), func.min(Signal.source))
        .where(
            col(Signal.release).is_not(None),
            col(Signal.at) >= since,
            col(Signal.service).in_(services),
            or_(col(Signal.kind) != Kind.CHANGE, col(Signal.vendor_id).not_like(f"{repository.github}@%")),
        )
        .group_by(col(Signal.release))
        .order_by(func.min(Signal.at).desc())
        .limit(MOST)
    ).all()
    return (ReleaseSign(str(release), at, str(source)) for release, at, source in rows)


def commit_of(found: Clone, name: str) -> str:
    """The commit of a release, from its name: a hash or a tag, possibly after "package@" or "+". Empty if unknown.

    The name is untrusted text, so no other git ref is looked up by it.
    """
    parts = dict.fromkeys([name, name.rpartition("@")[2], name.rpartition("+")[2]])
    wanted = [part for part in parts if SHA.fullmatch(part)]
    tags = [part for part in parts if TAG.fullmatch(part) and ".." not in part]
    wanted += [f"refs/tags/{prefix}{tag}" for tag in tags for prefix in ("", "v")]
    return next(filter(None, found.commits(*wanted)), "") if wanted else ""


def carrying(found: Clone, signs: Sequence[ReleaseSign], sha: str) -> tuple[Deployed, str] | None:
    """The first release whose commit contains ``sha``, and the source that reported it."""
    for sign in signs:
        if (commit := commit_of(found, sign.name)) and found.contains(commit, sha):
            return Deployed(commit, "", "READY", commit, since=sign.at), sign.source
    return None


def known(found: Clone, signs: Sequence[ReleaseSign]) -> bool:
    """Does any report name a commit of this repository? Then later releases are expected to be reported, too."""
    return any(commit_of(found, sign.name) for sign in signs[-MOST:])
