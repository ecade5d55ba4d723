"""Links between issues: a symptom belongs to the crash that explains it, and a new error to the fix that caused it.

A child that its parent explains starts no run of its own while the parent is open. What a person linked or unlinked
stays as the person left it.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlmodel import Session, col, select

from core.models import Issue, IssueLink, Kind, LinkKind, Signal, Status, now
from core.signals.analysis.corroboration import names_of
from core.signals.grouping.candidates import Candidates

PLATFORM = "platform"
HOLDING = (LinkKind.SYMPTOM, LinkKind.PERSON)
OVER = (Status.RESOLVED, Status.DISMISSED)
DEEPEST = 20  # links that are followed from a child to its first parent


def explain(session: Session, index: Candidates, issue_ids: Iterable[int]) -> None:
    """Link the symptoms that these issues are, or that these crashes explain."""
    for issue_id in sorted(issue_ids):
        for child, parent in list(index.explained(issue_id)):
            if attach(session, child, parent):
                index.parents[child] = parent


def attach(session: Session, child_id: int, parent_id: int) -> bool:
    """Link a symptom to the crash that explains it, unless a person decided otherwise."""
    standing, child, parent = active(session, child_id), *(session.get_one(Issue, one) for one in (child_id, parent_id))
    if child.merged_into or parent.merged_into or child.environment.lower() not in names_of(parent.environment):
        return False
    if standing and (standing.kind is not LinkKind.SYMPTOM or standing.by != PLATFORM):
        return False
    if _unlinked(session, child_id, parent_id) or child_id in ancestors(session, parent_id):
        return False
    if standing:
        end(session, standing, PLATFORM, f"Issue {parent_id} explains it better.")
    reason = f"{parent.where} failed with this crash when the alert began."
    put(session, IssueLink(child_id=child_id, parent_id=parent_id, kind=LinkKind.SYMPTOM, reason=reason))
    return True


def put(session: Session, link: IssueLink) -> None:
    session.add(link)
    session.flush()


def end(session: Session, link: IssueLink, by: str, reason: str) -> None:
    link.ended_at, link.ended_by, link.end_reason = now(), by, reason[:500]
    session.add(link)
    session.flush()


def active(session: Session, child_id: int) -> IssueLink | None:
    """The link to the parent of an issue."""
    where = IssueLink.child_id == child_id, col(IssueLink.ended_at).is_(None)
    return session.exec(select(IssueLink).where(*where)).first()


def parents(session: Session, *where) -> dict[int, int]:
    """The explaining parent of each of these issues that has one."""
    rows = (
        select(IssueLink.child_id, IssueLink.parent_id)
        .join(Issue, col(Issue.id) == IssueLink.child_id)
        .where(col(IssueLink.ended_at).is_(None), col(IssueLink.kind).in_(HOLDING), *where)
    )
    return {child: parent for child, parent in session.exec(rows)}


def ancestors(session: Session, issue_id: int) -> list[int]:
    """The issue, its parent, the parent of that, and so on."""
    found = [issue_id]
    while len(found) < DEEPEST and (link := active(session, found[-1])) and link.parent_id not in found:
        found.append(link.parent_id)
    return found


def holding(session: Session, issue: Issue) -> Issue | None:
    """The issue that explains this one, so that it starts no run of its own; core/stages/following.py ends that."""
    link = active(session, issue.id)
    return session.get_one(Issue, link.parent_id) if link and link.kind in HOLDING else None


def confirming(session: Session, issue: Issue) -> list[str]:
    """The sources of the alerts that this issue explains."""
    rows = (
        select(Signal.source)
        .join(IssueLink, col(IssueLink.child_id) == Signal.issue_id)
        .where(IssueLink.parent_id == issue.id, col(IssueLink.ended_at).is_(None), IssueLink.kind == LinkKind.SYMPTOM)
        .where(Signal.kind == Kind.ALERT)
        .distinct()
    )
    return sorted(session.exec(rows))


def explains(session: Session, issue: Issue) -> bool:
    """Does it explain another issue? Then an alert confirms it, however often it was reported."""
    where = IssueLink.parent_id == issue.id, col(IssueLink.ended_at).is_(None), col(IssueLink.kind).in_(HOLDING)
    return session.exec(select(IssueLink.id).where(*where).limit(1)).first() is not None


def _unlinked(session: Session, child_id: int, parent_id: int) -> bool:
    """Did a person unlink the two?"""
    ended = IssueLink.child_id == child_id, IssueLink.parent_id == parent_id, col(IssueLink.ended_by) != PLATFORM
    return session.exec(select(IssueLink.id).where(*ended, col(IssueLink.ended_at).is_not(None))).first() is not None


def waits(parent: Issue) -> str:
    """Why a child does not start."""
    return f"Issue {parent.id} explains it: {parent.title[:120]}. It starts no run of its own."
