"""Search over issues, approvals, changes and deployments, for the console's palette."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from sqlmodel import Session, col, or_, select

from core.models import Approval, ChangeSet, Deployment, Issue

MOST = 8  # results of each kind
NUMBER = re.compile(r"#?(\d{1,15})")
SHA = re.compile(r"[0-9a-f]{6,40}")


@dataclass(frozen=True)
class SearchHit:
    """A result: ``kind`` and ``title`` for a person, and the address of its page."""

    kind: str
    title: str
    message: str
    address: str


def found(session: Session, text: str) -> list[SearchHit]:
    """What matches: a number first, then titles and services of issues, then commits."""
    wanted = " ".join("".join(c if c.isprintable() else " " for c in text).split())[:100]
    if not wanted:
        return []
    hits = [*_by_number(session, wanted), *_issues(session, wanted), *_by_commit(session, wanted.lower())]
    return list({hit.address: hit for hit in hits}.values())


def _by_number(session: Session, text: str) -> Iterator[SearchHit]:
    if not (match := NUMBER.fullmatch(text)):
        return
    number = int(match[1])
    if issue := session.get(Issue, number):
        yield _issue(issue)
    if approval := session.get(Approval, number):
        yield SearchHit("approval", f"Approval {number}", approval.asks, f"/approvals?approval={number}")
    if change := session.get(ChangeSet, number):
        yield _change(change)
    if made := session.get(Deployment, number):
        yield _deployment(made)


def _issues(session: Session, text: str) -> Iterator[SearchHit]:
    like = [col(Issue.title).icontains(text, autoescape=True), col(Issue.service).icontains(text, autoescape=True)]
    like += [col(Issue.also_affects).icontains(text, autoescape=True)]
    rows = select(Issue).where(or_(*like), col(Issue.merged_into).is_(None)).order_by(col(Issue.last_seen).desc())
    yield from map(_issue, session.exec(rows.limit(MOST)))


def _by_commit(session: Session, text: str) -> Iterator[SearchHit]:
    if not SHA.fullmatch(text):
        return
    changes = select(ChangeSet).where(col(ChangeSet.head_sha).startswith(text)).order_by(col(ChangeSet.id).desc())
    yield from map(_change, session.exec(changes.limit(MOST)))
    made = select(Deployment).where(col(Deployment.sha).startswith(text)).order_by(col(Deployment.id).desc())
    yield from map(_deployment, session.exec(made.limit(MOST)))


def _issue(issue: Issue) -> SearchHit:
    text = f"{issue.where}, {issue.status.value.replace('_', ' ')}".lstrip(", ")
    return SearchHit("issue", f"#{issue.id} {issue.title}", text, f"/issues?issue={issue.id}")


def _change(change: ChangeSet) -> SearchHit:
    return SearchHit("change", f"Change {change.id}: {change.title}", change.status, f"/codegen?change={change.id}")


def _deployment(made: Deployment) -> SearchHit:
    title = f"Deployment {made.id} of {made.repository}"
    text = f"{made.environment}, {made.status.replace('_', ' ')}, {made.sha[:10]}"
    return SearchHit("deployment", title, text, f"/deployments?deployment={made.id}")
