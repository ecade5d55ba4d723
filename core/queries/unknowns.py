"""What the platform does not know about an issue: the evidence that is missing, from stored facts alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from core.models import ENDED, Cause, Connector, Kind, Metric, Signal
from core.models.inputs import ServiceCall
from core.policy.reader import Policy
from core.queries.issues import Story
from core.signals.analysis.suspects import commit_of
from core.stages.crashes import best_crash

AROUND = timedelta(minutes=15)  # of the first error, in which metrics show its effect
NOW = timedelta(minutes=5)
STEPS = {
    "fails_before": "that the new test fails on the old code",
    "passes_after": "that it passes on the fixed code",
    "fails_reverted": "that it fails again without the patch",
    "older_tests_pass": "that all older tests still pass",
}


def unknowns(session: Session, policy: Policy, story: Story, at: datetime) -> list[str]:
    """Sentences for a person, the place of the error first, then its cause, its effect, and the fix."""
    parts = (_place(session, policy, story), _cause(session, story), _effect(session, policy, story, at), _fix(story))
    return [message for part in parts for message in part] + list(_unread(session))


def _place(session: Session, policy: Policy, story: Story) -> Iterator[str]:
    issue, crash = story.issue, best_crash(session, story.issue.id)
    if issue.service not in policy.services:
        yield f"Which repository runs it: {issue.service or 'the service'} is not in platform.toml."
    if crash is None or not crash.frames:
        yield "Which line fails: no report has a stack trace."
    elif not any(frame.locals for frame in crash.frames):
        yield "Which input fails: no report has the values of local variables."
    if not issue.release:
        yield "Since which version it fails: the first report names no release."
    elif not commit_of(issue.release):
        yield f"Which commit fails: the release {issue.release} names none."


def _cause(session: Session, story: Story) -> Iterator[str]:
    if not story.analyses:
        yield "The cause: the issue has not been analyzed."
        return
    found = story.analyses[-1]
    if found.cause is Cause.UNKNOWN:
        yield "The kind of cause: no evidence shows whether it is code, data or an upstream service."
    if not any(isinstance(row, Mapping) and row.get("change") for row in found.evidence):
        yield "Which change caused it: no stored change is among the strongest suspects."
    if not _has_logs(session, story):
        yield "What the service logged: no log lines are stored with this issue."
    if not _traced(session, story.issue.service):
        yield f"What {story.issue.service or 'the service'} calls: no trace of it is stored."


def _has_logs(session: Session, story: Story) -> bool:
    if any((signal.crash or {}).get("logs") for signal in story.signals):
        return True
    where = Signal.issue_id == story.issue.id, Signal.kind == Kind.LOG
    return session.exec(select(Signal.id).where(*where).limit(1)).first() is not None


def _traced(session: Session, service: str) -> bool:
    where = (col(ServiceCall.caller) == service) | (col(ServiceCall.callee) == service)
    return session.exec(select(ServiceCall.id).where(where).limit(1)).first() is not None


def _effect(session: Session, policy: Policy, story: Story, at: datetime) -> Iterator[str]:
    issue, source = story.issue, policy.watch.source
    if not issue.users:
        yield "How many users it affects: no report counts them."
    if not _measured(session, source, issue.service, issue.first_seen - AROUND, issue.first_seen + AROUND):
        yield f"How many requests failed at its start: {source} has no figures of the service for that time."
    if issue.status not in ENDED and not _measured(session, source, issue.service, at - NOW, at):
        yield f"How many requests fail now: {source} has no figures of the service for the last 5 minutes."


def _measured(session: Session, source: str, service: str, since: datetime, until: datetime) -> bool:
    where = Metric.source == source, Metric.service == service, Metric.name == "requests"
    between = col(Metric.at) >= since, col(Metric.at) <= until
    return session.exec(select(Metric.id).where(*where, *between).limit(1)).first() is not None


def _fix(story: Story) -> Iterator[str]:
    written = [found.change_set for found in story.changes if found.change_set.run == story.issue.run]
    if written and written[-1].head_sha:
        yield from (f"For the fix, {message}: this was not run." for step, message in STEPS.items()
                    if step not in written[-1].proof)  # fmt: skip
        if written[-1].proof.get("open"):
            yield "Whether the fixed result is right: nothing in the program says which result is meant."
    live = [one for one in story.deployments if one.environment == "production"]
    if live and live[-1].status == "watching":
        yield f"Whether the release works: its watch is not decided. {live[-1].judged.get('says', '')}".strip()


def _unread(session: Session) -> Iterator[str]:
    rows = session.exec(select(Connector).where(col(Connector.error).is_not(None)).order_by(Connector.name)).all()
    for row in rows:
        since = f"since {row.last_success:%Y-%m-%d %H:%M} UTC" if row.last_success else "at any time"
        yield f"What {row.name} reports: it could not be read {since}."
