"""Search over everything that a person may open, for the console's palette."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from urllib.parse import quote, urlencode

from sqlalchemy import String, cast
from sqlmodel import Session, col, func, or_, select

from core.access.rights import ADMINISTER, Actor
from core.models import Approval, AuditRow, ChangeSet, Connector, Deployment, Issue
from core.models.access import Person
from core.policy.keys import keys
from core.policy.reader import Policy
from core.queries import documentation

MOST = 8  # results of each kind
NEWEST = 50_000  # rows of the audit trail that are searched
NUMBER = re.compile(r"#?(\d{1,15})")
SHA = re.compile(r"[0-9a-f]{6,40}")


@dataclass(frozen=True)
class SearchHit:
    """A result: ``kind`` and ``title`` for a person, and the address of its page."""

    kind: str
    title: str
    message: str
    address: str


@dataclass(frozen=True)
class SearchScope:
    """What ``person`` may find: pages by their address, and the policy with the words of its form by key."""

    person: Actor
    pages: Collection[str]
    policy: Policy = field(default_factory=Policy)
    labels: Mapping[str, str] = field(default_factory=dict)


Finder = Callable[[Session, str, SearchScope], Iterator[SearchHit]]


def found(session: Session, text: str, scope: SearchScope) -> list[SearchHit]:
    """What matches on the pages of this person, at most MOST of each kind: a number first, documentation last."""
    wanted = " ".join("".join(c if c.isprintable() else " " for c in text).split())[:100]
    if not wanted:
        return []
    finders = (find for page, find in FINDERS if page in scope.pages)
    hits = (hit for find in finders for hit in islice(find(session, wanted, scope), MOST))
    return list({hit.address: hit for hit in hits}.values())


def _number(text: str) -> int:
    match = NUMBER.fullmatch(text)
    return int(match[1]) if match else 0


def _numbered(table: type, drawn: Callable[..., SearchHit]) -> Finder:
    """The row of a table with the number that was typed."""

    def find(session: Session, text: str, _scope: SearchScope) -> Iterator[SearchHit]:
        number = _number(text)
        row = session.get(table, number) if number else None
        return iter([drawn(row)] if row else [])

    return find


def _issues(session: Session, text: str, _scope: SearchScope) -> Iterator[SearchHit]:
    like = [col(Issue.title).icontains(text, autoescape=True), col(Issue.service).icontains(text, autoescape=True)]
    like += [col(Issue.also_affects).icontains(text, autoescape=True)]
    rows = select(Issue).where(or_(*like), col(Issue.merged_into).is_(None)).order_by(col(Issue.last_seen).desc())
    yield from map(_issue, session.exec(rows.limit(MOST)))


def _changes(session: Session, text: str, _scope: SearchScope) -> Iterator[SearchHit]:
    like = col(ChangeSet.title).icontains(text, autoescape=True)
    yield from map(_change, session.exec(select(ChangeSet).where(like).order_by(col(ChangeSet.id).desc()).limit(MOST)))


def _services(_session: Session, text: str, scope: SearchScope) -> Iterator[SearchHit]:
    for name in sorted(one for one in scope.policy.services if text.lower() in one.lower()):
        yield SearchHit("service", name, "its issues", f"/issues?service={quote(name)}")


def _connectors(session: Session, text: str, _scope: SearchScope) -> Iterator[SearchHit]:
    for name in sorted(one for one in session.exec(select(Connector.name)) if text.lower() in one.lower()):
        yield SearchHit("connector", name, "its state", f"/settings?connector={quote(name)}")


def _changes_by_commit(session: Session, text: str, _scope: SearchScope) -> Iterator[SearchHit]:
    if SHA.fullmatch(text.lower()):
        where = col(ChangeSet.head_sha).startswith(text.lower())
        rows = select(ChangeSet).where(where).order_by(col(ChangeSet.id).desc())
        yield from map(_change, session.exec(rows.limit(MOST)))


def _deployments_by_commit(session: Session, text: str, _scope: SearchScope) -> Iterator[SearchHit]:
    if SHA.fullmatch(text.lower()):
        where = col(Deployment.sha).startswith(text.lower())
        rows = select(Deployment).where(where).order_by(col(Deployment.id).desc())
        yield from map(_deployment, session.exec(rows.limit(MOST)))


def _people(session: Session, text: str, _scope: SearchScope) -> Iterator[SearchHit]:
    like = col(Person.name).icontains(text, autoescape=True)
    for person in session.exec(select(Person).where(like).order_by(Person.name).limit(MOST)):
        state = f"{person.role.value}, disabled" if person.disabled else person.role.value
        yield SearchHit("person", person.name, state, f"/people?{urlencode({'name': person.name})}")


def _audit_rows(session: Session, text: str, _scope: SearchScope) -> Iterator[SearchHit]:
    """Rows by actor, action, subject and detail, the newest first; only the newest are looked at."""
    since = (session.exec(select(func.max(col(AuditRow.id)))).one() or 0) - NEWEST
    fields = (col(AuditRow.actor), col(AuditRow.subject), cast(col(AuditRow.detail), String))
    like = [one.icontains(text, autoescape=True) for one in fields]
    like += [col(AuditRow.action).icontains(text.replace(" ", "_"), autoescape=True)]
    rows = select(AuditRow).where(col(AuditRow.id) > since, or_(*like)).order_by(col(AuditRow.id).desc())
    yield from map(_audit_row, session.exec(rows.limit(MOST)))


def _policy_keys(_session: Session, text: str, scope: SearchScope) -> Iterator[SearchHit]:
    """Keys by name, label or description; those that name people are found by admins alone."""
    all_of = _words(text)
    for key in keys(scope.policy):
        label = scope.labels.get(key.name, "")
        said = f"{key.name} {_spoken(key.name)} {label} {key.description}".lower()
        if all(word in said for word in all_of) and (scope.person.may(ADMINISTER) or not key.is_for_admins):
            title = f"{label} ({key.name})" if label else key.name
            yield SearchHit("policy", title, _short(key.value), f"/policy?{urlencode({'setting': key.name})}")


def _documents(_session: Session, text: str, _scope: SearchScope) -> Iterator[SearchHit]:
    """Sections of the documentation: those with the words in a heading first."""
    all_of = _words(text)
    sections = [(doc, one) for doc in documentation.documents().values() for one in doc.sections]
    for doc, one in sections:
        for heading in one.headings:
            if all(word in f"{doc.title} {heading.title}".lower() for word in all_of):
                yield SearchHit("help", heading.title, doc.title, documentation.address(doc.name, heading.anchor))
    for doc, one in sections:
        if all(word in one.text.lower() for word in all_of):
            yield SearchHit("help", one.title, doc.title, documentation.address(doc.name, one.anchor))


def _words(text: str) -> list[str]:
    return text.lower().split()


def _spoken(name: str) -> str:
    return name.replace("_", " ").replace(".", " ")


def _short(value: object) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return text if len(text) <= 60 else f"{text[:60]}…"


def _issue(issue: Issue) -> SearchHit:
    text = f"{issue.where}, {issue.status.value.replace('_', ' ')}".lstrip(", ")
    return SearchHit("issue", f"#{issue.id} {issue.title}", text, f"/issues?issue={issue.id}")


def _approval(asked: Approval) -> SearchHit:
    return SearchHit("approval", f"Approval {asked.id}", asked.asks, f"/approvals?approval={asked.id}")


def _change(change: ChangeSet) -> SearchHit:
    return SearchHit("change", f"Change {change.id}: {change.title}", change.status, f"/codegen?change={change.id}")


def _deployment(made: Deployment) -> SearchHit:
    title = f"Deployment {made.id} of {made.repository}"
    text = f"{made.environment}, {made.status.replace('_', ' ')}, {made.sha[:10]}"
    return SearchHit("deployment", title, text, f"/deployments?deployment={made.id}")


def _audit_row(row: AuditRow) -> SearchHit:
    title = f"Row {row.id}: {row.action.replace('_', ' ')}, {row.subject}"
    return SearchHit("audit", title, f"{row.actor}, {row.at:%Y-%m-%d %H:%M} UTC", f"/audit?row={row.id}")


FINDERS: Sequence[tuple[str, Finder]] = (  # the page that shows what is found, and the finder; in the order of results
    ("issues", _numbered(Issue, _issue)),
    ("approvals", _numbered(Approval, _approval)),
    ("codegen", _numbered(ChangeSet, _change)),
    ("deployments", _numbered(Deployment, _deployment)),
    ("audit", _numbered(AuditRow, _audit_row)),
    ("issues", _issues),
    ("codegen", _changes),
    ("codegen", _changes_by_commit),
    ("deployments", _deployments_by_commit),
    ("issues", _services),
    ("settings", _connectors),
    ("people", _people),
    ("policy", _policy_keys),
    ("audit", _audit_rows),
    ("documentation", _documents),
)
