"""The list of issues, and everything about one issue."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain

from sqlmodel import Session, col, func, or_, select

from core.db.columns import select_columns
from core.models import (
    Analysis,
    Approval,
    AuditRow,
    ChangeSet,
    Decision,
    Deployment,
    Issue,
    IssueLink,
    Notification,
    Outcome,
    Review,
    Severity,
    Signal,
    StageRun,
    Status,
    TestRun,
)
from core.models.counted import counted
from core.models.following import LineComment, Remark
from core.models.kept import Silence
from core.ops import subscribers
from core.queries import counting, families
from core.queries.families import LinkedIssue
from core.signals import triage_rules

PAGE = 25


@dataclass(frozen=True)
class IssueFilter:
    """The list's filter; an empty field does not filter. ``text`` is searched in title and service."""

    text: str = ""
    statuses: Sequence[Status] = ()
    severities: Sequence[Severity] = ()
    service: str = ""
    sort: str = "newest"


SORTS = {
    "newest": col(Issue.id).desc(),
    "last error": col(Issue.last_seen).desc(),
    "occurrences": col(Issue.occurrences).desc(),
}


def _where(wanted: IssueFilter) -> list:
    clauses = []
    if wanted.text:
        clauses.append(
            or_(
                col(Issue.title).icontains(wanted.text, autoescape=True),
                col(Issue.service).icontains(wanted.text, autoescape=True),
                col(Issue.also_affects).icontains(wanted.text, autoescape=True),
            )
        )
    if wanted.statuses:
        clauses.append(col(Issue.status).in_(wanted.statuses))
    if wanted.severities:
        clauses.append(col(Issue.severity).in_(wanted.severities))
    if wanted.service:
        clauses.append(Issue.of_service(wanted.service))
    return clauses


def count(session: Session, wanted: IssueFilter = IssueFilter()) -> int:
    return session.exec(select(func.count(col(Issue.id))).where(*_where(wanted))).one()


def page(session: Session, wanted: IssueFilter = IssueFilter(), number: int = 1) -> list[Issue]:
    """Page ``number`` (from 1) of the list, in the order of ``wanted.sort``."""
    order = SORTS.get(wanted.sort, SORTS["newest"])
    rows = select(Issue).where(*_where(wanted)).order_by(order, col(Issue.id).desc())
    return list(session.exec(rows.offset((number - 1) * PAGE).limit(PAGE)))


def services(session: Session) -> list[str]:
    return counting.distinct(session, Issue.service)


@dataclass(frozen=True)
class ChangeDetails:
    change_set: ChangeSet
    reviews: Sequence[Review] = ()
    tests: Sequence[TestRun] = ()
    comments: Sequence[LineComment] = ()


@dataclass(frozen=True)
class Story:
    """Everything known about one issue, each list oldest first (signals: latest first)."""

    issue: Issue
    signals: Sequence[Signal] = ()
    signal_count: int = 0
    analyses: Sequence[Analysis] = ()
    decisions: Sequence[Decision] = ()
    changes: Sequence[ChangeDetails] = ()
    approvals: Sequence[Approval] = ()
    deployments: Sequence[Deployment] = ()
    outcomes: Sequence[Outcome] = ()
    stages: Sequence[StageRun] = ()
    audit: Sequence[AuditRow] = ()
    notifications: Sequence[Notification] = ()
    silence: Silence | None = None  # the one that covers its signals now
    parts: Mapping[str, str] = field(default_factory=dict)  # fingerprint -> title of its signals
    absorbed: Sequence[int] = ()  # issues merged into it
    parent: LinkedIssue | None = None
    children: Sequence[LinkedIssue] = ()
    remarks: Sequence[Remark] = ()
    subscribers: Sequence[str] = ()

    @property
    def pending(self) -> Approval | None:
        return next((a for a in self.approvals if a.state == "pending"), None)


LINES = {
    "stages": 100,
    "audit": 50,
    "approvals": 10,
    "notifications": 20,
    "outcomes": 10,
    "remarks": 50,
}  # of a story's timeline


def shortened(story: Story) -> list[str]:
    """The parts of a long story of which the timeline has only the latest lines."""
    return [name for name, most in LINES.items() if len(getattr(story, name)) >= most]


def _of(session: Session, table, issue_id: int, limit: int = 50) -> list:
    """The latest ``limit`` rows of the issue, oldest first."""
    rows = session.exec(select(table).where(table.issue_id == issue_id).order_by(table.id.desc()).limit(limit)).all()
    return list(reversed(rows))


def grouped(session: Session, table, ids: Sequence[int]) -> dict[int, list]:
    """Rows of ``table`` (Review, TestRun or LineComment) by change set, oldest first."""
    found: dict[int, list] = {}
    for row in session.exec(select(table).where(table.change_set_id.in_(ids)).order_by(table.id)):
        found.setdefault(row.change_set_id, []).append(row)
    return found


def with_checks(session: Session, change_sets: Sequence[ChangeSet]) -> list[ChangeDetails]:
    ids = [c.id for c in change_sets]
    reviews, tests, said = (grouped(session, table, ids) for table in (Review, TestRun, LineComment))
    return [ChangeDetails(c, reviews.get(c.id, ()), tests.get(c.id, ()), said.get(c.id, ())) for c in change_sets]


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
        audit=list(
            session.exec(
                select(AuditRow)
                .where(AuditRow.subject == f"issue/{issue_id}")
                .order_by(col(AuditRow.id).desc())
                .limit(LINES["audit"])
            )
        )[::-1],
        analyses=_of(session, Analysis, issue_id, 5),
        decisions=_of(session, Decision, issue_id, 5),
        approvals=_of(session, Approval, issue_id, LINES["approvals"]),
        deployments=_of(session, Deployment, issue_id, 20),
        outcomes=_of(session, Outcome, issue_id, LINES["outcomes"]),
        stages=_of(session, StageRun, issue_id, LINES["stages"]),
        notifications=_of(session, Notification, issue_id, LINES["notifications"]),
        silence=next(iter(triage_rules.standing(session, Silence.issue_id == issue_id)), None),
        parts=parts(session, issue_id),
        absorbed=session.exec(
            select(Issue.id).where(Issue.merged_into == issue_id).order_by(col(Issue.id)).limit(50)
        ).all(),
        parent=next(iter(families.linked(session, IssueLink.child_id == issue_id, IssueLink.parent_id)), None),
        children=families.linked(session, IssueLink.parent_id == issue_id, IssueLink.child_id),
        remarks=_of(session, Remark, issue_id, LINES["remarks"]),
        subscribers=subscribers.of(session, issue_id),
    )


RECENT = 1000  # latest signals that describe an issue's parts


def parts(session: Session, issue_id: int) -> dict[str, str]:
    """The fingerprints of an issue's latest signals, each with a title: the parts it can be split into."""
    latest = (
        select(Signal.fingerprint, Signal.source, Signal.title, Signal.id)
        .where(Signal.issue_id == issue_id)
        .order_by(col(Signal.at).desc())
        .limit(RECENT)
        .subquery()
    )
    c = latest.c
    rows = session.exec(
        select_columns(
            c.fingerprint, func.max(c.title), func.min(c.source), func.count(func.distinct(c.source)), func.count()
        )
        .where(c.fingerprint != "")
        .group_by(c.fingerprint)
        .order_by(func.count().desc(), c.fingerprint)
    )
    return {key: _part(*row) for key, *row in rows}


def _part(title: str, source: str, sources: int, signals: int) -> str:
    more = f" and {sources - 1} more" if sources > 1 else ""
    return f"{title[:120]} ({source}{more}, {counted(signals, 'signal')})"


def mergeable(session: Session, issue: Issue, limit: int = 25) -> dict[int, str]:
    """The issues that this one can be merged into, those of its service first, each with its title."""
    rest = (Issue.id != issue.id, col(Issue.merged_into).is_(None), Issue.status != Status.DISMISSED)
    rows = select(Issue.id, Issue.title, Issue.service, Issue.status).where(*rest)
    found = {}
    for where in ((Issue.of_service(*issue.affected),), ()):
        for number, title, service, status in session.exec(
            rows.where(*where).order_by(col(Issue.id).desc()).limit(limit)
        ):
            found.setdefault(number, f"#{number} {title[:120]} ({service or 'no service'}, {status})")
    return found


@dataclass(frozen=True)
class TimelineEvent:
    """One line of the timeline. ``tone`` is ok, bad, work, wait, person or calm."""

    at: datetime
    what: str
    message: str = ""
    tone: str = "calm"
    by: str = field(default="platform")


QUIET = {"add_note", "subscribe", "unsubscribe"}  # the note itself is a line; a subscription is no event
RESULT_TONES = {"ok": "ok", "failed": "bad", "refused": "bad", "waiting": "wait", "running": "work"}


def timeline(story: Story) -> list[TimelineEvent]:
    """First signal, stages, approvals, people's actions and messages, in the order they happened."""
    first = TimelineEvent(story.issue.first_seen, "First error seen", story.issue.release or "", "bad", "production")
    events = [
        first,
        *map(_of_stage, story.stages),
        *chain.from_iterable(map(_of_approval, story.approvals)),
        *(_of_action(row) for row in story.audit if row.action not in QUIET),
        *(TimelineEvent(row.at, "Note", row.text, "person", row.by) for row in story.remarks),
        *map(_of_message, story.notifications),
        *map(_of_outcome, story.outcomes),
    ]
    return sorted(events, key=lambda event: event.at)


def _of_stage(row: StageRun) -> TimelineEvent:
    title = f"{row.stage} (attempt {row.attempt})" if row.attempt > 1 else row.stage
    return TimelineEvent(row.ended_at or row.started_at, title, row.says, RESULT_TONES.get(row.result, "calm"))


def _of_approval(row: Approval) -> Iterator[TimelineEvent]:
    yield TimelineEvent(row.asked_at, "Approval requested", row.asks, "person")
    if row.answered_at:
        yield TimelineEvent(row.answered_at, f"Approval {row.state}", row.reason, "person", row.by or "platform")


def _of_action(row: AuditRow) -> TimelineEvent:
    reason = str(row.detail.get("reason", ""))
    return TimelineEvent(row.at, row.action.replace("_", " "), reason, "person", row.actor)


def _of_message(row: Notification) -> TimelineEvent:
    return TimelineEvent(row.sent_at or row.created_at, f"{row.channel}: {row.event}", row.subject, "calm")


def _of_outcome(row: Outcome) -> TimelineEvent:
    tone = "ok" if row.result in ("fixed", "human") else "bad"
    return TimelineEvent(row.created_at, f"Outcome: {row.result}", row.note, tone, row.by)
