"""The list of issues, and one issue's whole story."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlmodel import Session, func, or_, select

from core.models import (
    Analysis,
    Approval,
    AuditRow,
    ChangeSet,
    Decision,
    Deployment,
    Issue,
    Notification,
    Outcome,
    Review,
    Severity,
    Signal,
    StageRun,
    Status,
    TestRun,
)
from core.views import counting

PAGE = 25


@dataclass(frozen=True)
class Filter:
    """What the list shows; an empty field does not filter. ``text`` is looked for in title and service."""

    text: str = ""
    statuses: Sequence[Status] = ()
    severities: Sequence[Severity] = ()
    service: str = ""
    sort: str = "newest"


SORTS = {
    "newest": Issue.id.desc(),
    "last error": Issue.last_seen.desc(),
    "occurrences": Issue.occurrences.desc(),
}


def _where(wanted: Filter) -> list:
    clauses = []
    if wanted.text:
        clauses.append(
            or_(
                Issue.title.icontains(wanted.text, autoescape=True),
                Issue.service.icontains(wanted.text, autoescape=True),
            )
        )
    if wanted.statuses:
        clauses.append(Issue.status.in_(wanted.statuses))
    if wanted.severities:
        clauses.append(Issue.severity.in_(wanted.severities))
    if wanted.service:
        clauses.append(Issue.service == wanted.service)
    return clauses


def count(session: Session, wanted: Filter = Filter()) -> int:
    return session.exec(select(func.count(Issue.id)).where(*_where(wanted))).one()


def page(session: Session, wanted: Filter = Filter(), number: int = 1) -> list[Issue]:
    """Page ``number`` (from 1) of the list, in the order of ``wanted.sort``."""
    order = SORTS.get(wanted.sort, SORTS["newest"])
    rows = select(Issue).where(*_where(wanted)).order_by(order, Issue.id.desc())
    return list(session.exec(rows.offset((number - 1) * PAGE).limit(PAGE)))


def services(session: Session) -> list[str]:
    return counting.distinct(session, Issue.service)


@dataclass(frozen=True)
class Change:
    change_set: ChangeSet
    reviews: Sequence[Review] = ()
    tests: Sequence[TestRun] = ()


@dataclass(frozen=True)
class Story:
    """All that is known of one issue, each list oldest first (signals: the latest first)."""

    issue: Issue
    signals: Sequence[Signal] = ()
    signal_count: int = 0
    analyses: Sequence[Analysis] = ()
    decisions: Sequence[Decision] = ()
    changes: Sequence[Change] = ()
    approvals: Sequence[Approval] = ()
    deployments: Sequence[Deployment] = ()
    outcomes: Sequence[Outcome] = ()
    stages: Sequence[StageRun] = ()
    audit: Sequence[AuditRow] = ()
    notifications: Sequence[Notification] = ()

    @property
    def pending(self) -> Approval | None:
        return next((a for a in self.approvals if a.state == "pending"), None)


def _of(session: Session, table, issue_id: int, limit: int = 50) -> list:
    """The latest ``limit`` rows of the issue, oldest first."""
    rows = session.exec(select(table).where(table.issue_id == issue_id).order_by(table.id.desc()).limit(limit)).all()
    return rows[::-1]


def grouped(session: Session, table, ids: Sequence[int]) -> dict[int, list]:
    """Rows of ``table`` (Review or TestRun) by change set, oldest first."""
    found: dict[int, list] = {}
    for row in session.exec(select(table).where(table.change_set_id.in_(ids)).order_by(table.id)):
        found.setdefault(row.change_set_id, []).append(row)
    return found


def with_checks(session: Session, change_sets: Sequence[ChangeSet]) -> list[Change]:
    ids = [c.id for c in change_sets]
    reviews, tests = grouped(session, Review, ids), grouped(session, TestRun, ids)
    return [Change(c, reviews.get(c.id, ()), tests.get(c.id, ())) for c in change_sets]


def story(session: Session, issue_id: int) -> Story | None:
    """The whole story of an issue; None if there is no such issue."""
    issue = session.get(Issue, issue_id)
    if issue is None:
        return None
    return Story(
        issue=issue,
        signals=_of(session, Signal, issue_id, 10)[::-1],
        signal_count=counting.up_to(session, Signal.id, Signal.issue_id == issue_id),
        changes=with_checks(session, _of(session, ChangeSet, issue_id, 10)),
        audit=session.exec(
            select(AuditRow).where(AuditRow.subject == f"issue/{issue_id}").order_by(AuditRow.id).limit(50)
        ).all(),
        analyses=_of(session, Analysis, issue_id, 5),
        decisions=_of(session, Decision, issue_id, 5),
        approvals=_of(session, Approval, issue_id, 10),
        deployments=_of(session, Deployment, issue_id, 20),
        outcomes=_of(session, Outcome, issue_id, 10),
        stages=_of(session, StageRun, issue_id, 100),
        notifications=_of(session, Notification, issue_id, 20),
    )


@dataclass(frozen=True)
class Event:
    """One line of the timeline. ``tone`` is ok, bad, work, wait, person or calm."""

    at: datetime
    what: str
    says: str = ""
    tone: str = "calm"
    by: str = field(default="platform")


RESULT_TONES = {"ok": "ok", "failed": "bad", "refused": "bad", "waiting": "wait", "running": "work"}


def timeline(told: Story) -> list[Event]:
    """First signal, stages, approvals, people's actions and messages, in the order they happened."""
    events = [Event(told.issue.first_seen, "First error seen", told.issue.release or "", "bad", "production")]
    events += [
        Event(
            s.ended_at or s.started_at,
            f"{s.stage} (attempt {s.attempt})" if s.attempt > 1 else s.stage,
            s.says,
            RESULT_TONES.get(s.result, "calm"),
        )
        for s in told.stages
    ]
    events += [Event(a.asked_at, "Approval asked", a.asks, "person") for a in told.approvals]
    events += [
        Event(a.answered_at, f"Approval {a.state}", a.reason, "person", a.by or "platform")
        for a in told.approvals
        if a.answered_at
    ]
    events += [Event(a.at, a.action, str(a.detail.get("reason", "")), "person", a.actor) for a in told.audit]
    events += [
        Event(n.sent_at or n.created_at, f"{n.channel}: {n.event}", n.subject, "calm") for n in told.notifications
    ]
    events += [
        Event(
            o.created_at,
            f"Outcome: {o.result}",
            o.note,
            "ok" if o.result in ("fixed", "human") else "bad",
            o.by,
        )
        for o in told.outcomes
    ]
    return sorted(events, key=lambda event: event.at)
