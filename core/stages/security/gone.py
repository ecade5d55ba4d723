"""The end of a finding: its issue ends when the last scan of its repository reports none of its findings any more."""

from __future__ import annotations

from collections.abc import Collection

from sqlmodel import Session, col, select

from core.models import Issue, Kind, Status
from core.ops import stage_log
from core.policy.reader import Policy
from core.stages import learn
from core.stages.group import GONE

OPEN = (Status.NEW, Status.ESCALATED)  # an issue in progress ends by itself, and is looked at after that
REASON = "The scan no longer finds it in what production runs."


def settle(session: Session, policy: Policy, repository: str, prints: Collection[str]) -> list[int]:
    """End the open issues of a repository whose finding is gone; ``prints`` are those of the findings that are left.

    An issue that a person has taken stays with that person.
    """
    services = [name for name, service in policy.services.items() if service.repository == repository]
    issues = session.exec(
        select(Issue).where(
            Issue.kind == Kind.SECURITY,
            col(Issue.service).in_(services),
            col(Issue.status).in_(OPEN),
            col(Issue.assignee).is_(None),
            col(Issue.merged_into).is_(None),
        )
    ).all()
    ended = [issue for issue in issues if issue.fingerprint not in prints]
    for issue in ended:
        _end(session, issue)
    return [issue.id for issue in ended]


def _end(session: Session, issue: Issue) -> None:
    if issue.status is Status.NEW:
        stage_log.move(session, issue.id, Status.DISMISSED, f"The finding is gone and {GONE}")
        return
    learn.resolved(session, issue.id, issue.run, REASON, "platform")
    issue.resolution = REASON
    learn.note(session, issue.id, issue.run, "finding_gone", {"says": REASON})
    stage_log.move(session, issue.id, Status.RESOLVED, REASON)
