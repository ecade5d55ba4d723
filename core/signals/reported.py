"""Vendors' reports about a repository's pull requests and deployments, from the stored signals."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from core.models import Kind, Signal


@dataclass(frozen=True)
class EndedPull:
    """A pull request that was merged, or closed without a merge. ``commit`` is the merge commit, empty without one."""

    number: int
    merged: bool
    commit: str
    head: str
    by: str
    at: datetime


def ended_pull(session: Session, repository: str, number: int) -> EndedPull | None:
    """How the pull request ended, from GitHub's webhook; None without a report. The latest end counts."""
    names = [f"{repository}!{number}:{end}" for end in ("merged", "closed")]
    row = session.exec(
        select(Signal)
        .where(Signal.source == "github", col(Signal.vendor_id).in_(names))
        .order_by(col(Signal.at).desc())
        .limit(1)
    ).first()
    if row is None:
        return None
    values = row.attributes
    return EndedPull(number, bool(values["merged"]), values["merge_commit"], values["head"], values["by"], row.at)


def releases(session: Session, repository: str, since: datetime) -> list[Signal]:
    """Deployments, releases and workflow runs of a repository since then, oldest first, without single commits."""
    rows = session.exec(
        select(Signal)
        .where(Signal.source == "github", Signal.kind == Kind.CHANGE, col(Signal.at) >= since)
        .where(col(Signal.vendor_id).startswith(f"{repository}/", autoescape=True))
        .order_by(col(Signal.at))
    )
    return list(rows)
