"""Search over issues, approvals, changes, deployments, services and connectors, for the console's palette."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from urllib.parse import quote

from sqlmodel import Session, col, or_, select

from core.models import Approval, ChangeSet, Connector, Deployment, Issue

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


def found(session: Session, text: str, services: Collection[str] = ()) -> list[SearchHit]:
    """What matches: a number first, then issues by title and service, changes by title, then commits and names."""
    wanted = " ".join("".join(c if c.isprintable() else " " for c in text).split())[:100]
    if not wanted:
        return []
    hits = [*_by_number(session, wanted), *_issues(session, wanted), *_changes(session, wanted)]
    hits += [*_by_commit(session, wanted.lower()), *_named(session, wanted.lower(), services)]
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


def _changes(session: Session, text: str) -> Iterator[SearchHit]:
    like = col(ChangeSet.title).icontains(text, autoescape=True)
    yield from map(_change, session.exec(select(ChangeSet).where(like).order_by(col(ChangeSet.id).desc()).limit(MOST)))


def _named(session: Session, text: str, services: Collection[str]) -> Iterator[SearchHit]:
    """The issues of a service, and the state of a connector."""
    for name in sorted(one for one in services if text in one.lower())[:MOST]:
        yield SearchHit("service", name, "its issues", f"/issues?service={quote(name)}")
    for name in sorted(one for one in session.exec(select(Connector.name)) if text in one.lower())[:MOST]:
        yield SearchHit("connector", name, "its state", f"/settings?connector={quote(name)}")


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
