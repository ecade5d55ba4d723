"""Merges the pull request of a verified fix. The fix stays live and verified even if the merge fails."""

from __future__ import annotations

from datetime import timedelta

from sqlmodel import Session

from core.audit import effects
from core.db import store
from core.models import ChangeSet, Issue
from core.ops import notify
from core.runtime import Runtime
from core.stages.context import StepContext
from core.stages.results import Wait
from core.vendors.base import VendorError

EVERY = 300.0  # seconds between two attempts
FOR = timedelta(days=3)  # how long it is retried; afterwards the notified person merges


def attempt(rt: Runtime, issue: Issue, change: ChangeSet) -> tuple[str, str]:
    """(merged, refused or away; a sentence for people). "away": the code host did not respond."""
    if not (rt.host and change.pull_number):
        why = "GitHub is not connected" if rt.host is None else "this fix was published without one"
        return "merged", f"no pull request to merge, because {why}"
    _, repository = rt.repository_of(issue.service)
    try:
        sha = rt.host.merge(repository.github, change.pull_number, change.head_sha)
    except VendorError as error:
        state = "refused" if error.permanent else "away"
        return state, f"pull request {change.pull_number} is not merged yet: {error}"
    with store.write() as session:  # where people merge, that merge has this key already
        seen = {"pull_request": change.pull_number, "sha": sha}
        effects.once(session, "merge", f"issue/{issue.id}", seen, f"issue-{issue.id}-run-{change.run}-merge")
    return "merged", f"pull request {change.pull_number} merged as {sha[:8]}"


def outstanding(session: Session, issue: Issue, change: ChangeSet, message: str) -> None:
    """Notify people once. The issue stays fixed."""
    text = f"The fix is live and verified, but {message}. The platform retries for {FOR.days} days. {change.pull_url}"
    notify.once(session, "merge_outstanding", issue, f"merge-{change.id}", text.strip())


def again(context: StepContext, change_id: int) -> Wait:
    """Seconds until the next attempt; 0 if it is merged, withdrawn, or left to a person."""
    with store.read() as session:
        issue, change = session.get_one(Issue, context.issue_id), session.get_one(ChangeSet, change_id)
        at = store.clock(session)
    if change.status != "deployed":
        return Wait()
    state, message = attempt(context.runtime, issue, change)
    with store.write() as session:
        if state == "merged":
            session.get_one(ChangeSet, change_id).status = "merged"
            return Wait()
        outstanding(session, issue, change, message)  # also for a code host that does not respond
    late = issue.ended_at is None or at - issue.ended_at > FOR
    return Wait(0.0 if late else EVERY, message)
