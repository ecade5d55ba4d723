"""New errors that a fix of the platform caused: since its release, they crash in lines that the fix changed.

They are linked to the issue of that fix, and start a run as usual.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from sqlmodel import Session, col, select

from core.models import ChangeSet, Deployment, Issue, IssueLink, LinkKind
from core.policy.reader import Policy
from core.signals import patches
from core.stages import linking
from core.stages.crashes import best_crash

SINCE = timedelta(days=1)  # a release that is older has served long enough
CLOCKS = timedelta(seconds=60)  # by which the clocks of vendors may differ
MOST = 20  # releases that are looked at
LEAST_SHA = 7  # digits of a commit that vendors show at least


def link(session: Session, policy: Policy, issue_ids: Iterable[int]) -> None:
    """Link those of these new issues that a fix caused."""
    for issue_id in sorted(issue_ids):
        issue = session.get_one(Issue, issue_id)
        if linking.active(session, issue_id) is None and (made := _caused(session, policy, issue)):
            linking.put(session, made)


def _caused(session: Session, policy: Policy, issue: Issue) -> IssueLink | None:
    crash = best_crash(session, issue.id)
    if crash is None or _older(session, issue):
        return None
    for release, change in _releases(session, policy, issue):
        frame = patches.passes(crash, change.patch, change.test_path)
        if frame and _of_release(issue.release, release):
            message = (
                f"It began after the release of change {change.id}, which changed {frame.file[-120:]}:{frame.line}."
            )
            return IssueLink(
                child_id=issue.id,
                parent_id=release.issue_id,
                kind=LinkKind.FIX,
                change_set_id=change.id,
                reason=message,
            )
    return None


def _older(session: Session, issue: Issue) -> bool:
    """Was the same error known before?"""
    where = Issue.fingerprint == issue.fingerprint, Issue.id != issue.id, Issue.first_seen < issue.first_seen
    return session.exec(select(Issue.id).where(*where).limit(1)).first() is not None


def _releases(session: Session, policy: Policy, issue: Issue) -> list[tuple[Deployment, ChangeSet]]:
    """The fixes of other issues that served when the issue began, the newest first."""
    owners = {policy.services[name].repository for name in issue.affected if name in policy.services}
    began = issue.first_seen
    rows = session.exec(
        select(Deployment, ChangeSet)
        .join(ChangeSet, col(ChangeSet.id) == Deployment.change_set_id)
        .where(Deployment.environment == "production", Deployment.issue_id != issue.id)
        .where(col(Deployment.repository).in_(owners), col(Deployment.ready_at) >= began - SINCE)
        .where(col(Deployment.ready_at) <= began + CLOCKS)
        .order_by(col(Deployment.id).desc())
        .limit(MOST)
    ).all()
    return [row for row in rows if not _gone(row[0], issue)]


def _gone(release: Deployment, issue: Issue) -> bool:
    """Was it rolled back before the issue began?"""
    return bool(release.status == "rolled_back" and release.ended_at and release.ended_at + CLOCKS < issue.first_seen)


def _of_release(named: str | None, release: Deployment) -> bool:
    """Does the error name this release, or none that is a commit?"""
    known = [sha for sha in (release.sha, release.vendor_id) if sha]
    commit = named is not None and len(named) >= LEAST_SHA and all(c in "0123456789abcdef" for c in named.lower())
    return not commit or any(sha.lower().startswith((named or "").lower()) for sha in known)
