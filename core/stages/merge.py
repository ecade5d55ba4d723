"""Merge: the pull request of a verified fix. The fix is live and good whether the merge succeeds or not."""

from __future__ import annotations

from datetime import timedelta

from sqlmodel import Session

from core import notify, store
from core.models import ChangeSet, Issue
from core.runtime import Runtime
from core.vendors.base import VendorError

EVERY = 300.0  # seconds between two attempts
FOR = timedelta(days=3)  # then it is left to the person who was told


def attempt(rt: Runtime, issue: Issue, change: ChangeSet) -> tuple[bool, str]:
    """(whether nothing is left to merge, what was done)."""
    if not (rt.host and change.pull_number):
        return True, "no pull request to merge: GitHub is not connected"
    _, repository = rt.repository_of(issue.service)
    try:
        sha = rt.host.merge(repository.github, change.pull_number, change.head_sha)
    except VendorError as error:
        return False, f"pull request {change.pull_number} is not merged yet: {error}"
    return True, f"pull request {change.pull_number} merged as {sha[:8]}"


def outstanding(session: Session, issue: Issue, change: ChangeSet, says: str) -> None:
    """Tell a person once. The issue stays fixed."""
    text = f"The fix is live and verified, but {says}. The platform tries again for {FOR.days} days. {change.pull_url}"
    notify.queue(session, "merge_outstanding", issue, f"merge-{change.id}", text.strip())


def again(rt: Runtime, issue_id: int, run: int, change_id: int) -> dict:
    """Seconds until the next attempt; 0 when it is merged, taken back, or left to a person."""
    with store.read() as session:
        issue, change = session.get_one(Issue, issue_id), session.get_one(ChangeSet, change_id)
        at = store.clock(session)
    if change.status != "deployed":
        return {"seconds": 0.0}
    merged, says = attempt(rt, issue, change)
    if merged:
        with store.write() as session:
            session.get_one(ChangeSet, change_id).status = "merged"
        return {"seconds": 0.0}
    late = issue.ended_at is None or at - issue.ended_at > FOR
    return {"seconds": 0.0 if late else EVERY, "says": says}
