"""The story of one issue in chapters, from the release that broke production to the verified fix."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from core.models import Issue, Kind, Status
from core.models.counted import counted
from core.queries.issues import Story

PROVED = ("proved", "reviewed", "deployed", "merged", "rolled_back")
SERVED = ("watching", "verified", "rolled_back", "superseded")


@dataclass(frozen=True)
class Chapter:
    """One step of the story. ``at`` is None until it has happened; ``address`` is the page that shows it."""

    title: str
    text: str
    at: datetime | None = None
    address: str = ""
    person: bool = False  # it waits for a person


def begun_by(session: Session, service: str, exception: str, since: datetime) -> int | None:
    """The first issue of this service whose errors began after ``since``, and whose title has the exception."""
    where = (Issue.service == service, Issue.kind == Kind.EXCEPTION, col(Issue.first_seen) >= since)
    named = col(Issue.title).contains(exception, autoescape=True)
    return session.exec(select(Issue.id).where(*where, named).order_by(col(Issue.id)).limit(1)).first()


def chapters(story: Story) -> Iterator[Chapter]:
    """What has happened to the issue so far, and the first step that has not."""
    issue = story.issue
    page = f"/issues?issue={issue.id}"
    yield Chapter("The platform sees it", _seen(story), issue.created_at, page)
    if not story.analyses or not story.decisions:
        yield Chapter("It looks for the cause", "Frames, metrics, recent changes and earlier issues are compared.")
        return
    found, decision = story.analyses[-1], story.decisions[-1]
    yield Chapter("It finds the cause", found.root_cause, found.created_at, page)
    because = str(decision.receipt.get("row_says") or "")
    choice = f"{decision.verdict.value} with confidence {decision.confidence:.2f}. {because[:1].upper()}{because[1:]}"
    yield Chapter("It decides", choice, decision.created_at, page)
    yield from _fix(story)


def _seen(story: Story) -> str:
    issue = story.issue
    late = (issue.created_at - issue.first_seen).total_seconds()
    reports = counted(issue.occurrences, "error")
    return f"{issue.title}. {reports} so far are one issue; it was open {late:.0f} s after the first of them."


def _fix(story: Story) -> Iterator[Chapter]:
    issue = story.issue
    if issue.status is Status.ESCALATED and not story.changes:
        yield Chapter("It asks a person", issue.reason, issue.ended_at, f"/issues?issue={issue.id}", person=True)
        return
    change = story.changes[-1].change_set if story.changes else None
    if change is None or change.status not in PROVED:
        yield Chapter("It writes a fix", "Candidates are run in a sandbox against the error and the service's tests.")
        return
    address = f"/codegen?change={change.id}"
    proof = "The new test fails on the old code and passes with the fix; the service's own tests pass."
    yield Chapter("It proves a fix", f"{change.title} {proof}", change.created_at, address)
    yield from _release(story)


def _release(story: Story) -> Iterator[Chapter]:
    issue, page = story.issue, f"/issues?issue={story.issue.id}"
    if story.approvals:
        asked = story.approvals[-1]
        if asked.state == "pending":
            yield Chapter("It asks you", asked.asks, None, f"/approvals?approval={asked.id}", person=True)
            return
        yield Chapter("A person answers", f"{asked.state} by {asked.by or 'nobody'}.", asked.answered_at, page)
    served = [row for row in story.deployments if row.environment == "production" and row.status in SERVED]
    if not served and issue.ended_at is None:
        yield Chapter("It reviews, tests and deploys", "Each gate runs before production is touched.")
        return
    if served:
        row, address = served[-1], f"/deployments?deployment={served[-1].id}"
        yield Chapter("The fix is live", f"Production serves {row.vendor_id}.", row.ready_at, address)
    yield _ending(issue, page)


def _ending(issue: Issue, page: str) -> Chapter:
    if issue.ended_at is None:
        return Chapter("It watches production", "The old error must be gone, and nothing new may rise.")
    took = (issue.ended_at - issue.first_seen).total_seconds()
    title = "It is fixed" if issue.status is Status.RESOLVED else "A person takes over"
    told = f"{issue.reason or issue.resolution}. {took:.0f} s after the first error."
    return Chapter(title, told, issue.ended_at, page)
