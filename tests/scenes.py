"""Rows put together: one issue's journey up to a status, and a day of a whole shop."""

from __future__ import annotations

from datetime import timedelta

from sqlmodel import Session

from core.models import (
    AuditRow,
    ChangeSet,
    Impact,
    Issue,
    Notification,
    Severity,
    Stage,
    StageRun,
    Status,
    Verdict,
    Worker,
    now,
)
from tests.factories import (
    add,
    analysis,
    approval,
    change_set,
    connector,
    decision,
    deployment,
    issue,
    metrics,
    outcome,
    review,
    round_,
    run_of_tests,
    signal,
)
from tests.factories import number as _number

STEPS = (
    Stage.COLLECT,
    Stage.ANALYZE,
    Stage.DECIDE,
    Stage.FIX,
    Stage.REVIEW,
    Stage.TEST,
    Stage.DEPLOY,
    Stage.VERIFY,
    Stage.LEARN,
)
REACHED = {
    Status.NEW: 1,
    Status.ANALYZING: 2,
    Status.DECIDING: 3,
    Status.SCHEDULED: 3,
    Status.ESCALATED: 3,
    Status.DISMISSED: 3,
    Status.FIXING: 4,
    Status.REVIEWING: 5,
    Status.TESTING: 6,
    Status.PREVIEWING: 7,
    Status.AWAITING_APPROVAL: 7,
    Status.QUEUED: 7,
    Status.DEPLOYING: 7,
    Status.WATCHING: 8,
    Status.ROLLING_BACK: 8,
    Status.RESOLVED: 9,
}


def stages(session: Session, of: Issue, reached: int, text: str | None = None) -> None:
    for place, stage in enumerate(STEPS[:reached]):
        start = of.created_at + timedelta(seconds=4 * place)
        running = place == reached - 1 and of.ended_at is None
        session.add(
            StageRun(
                issue_id=of.id,
                run=of.run,
                stage=stage,
                started_at=start,
                says=text or f"{stage} went well",
                ended_at=None if running else start + timedelta(seconds=3),
                result="running" if running else "ok",
            )
        )
    session.flush()


def story(session: Session, status: Status = Status.RESOLVED, *, text: str | None = None, **values) -> Issue:
    """One issue's whole journey up to ``status``, with a row in every table that it has passed."""
    ended = status in (Status.RESOLVED, Status.ESCALATED, Status.DISMISSED)
    values.setdefault("age", timedelta(minutes=12))
    made = issue(
        session,
        text=text,
        status=status,
        **{"ended_at": now() - values["age"] + timedelta(seconds=140) if ended else None, **values},
    )
    reached = REACHED[status]
    signal(session, made, text)
    stages(session, made, reached, text)
    if reached >= 3:
        found = analysis(session, made, text)
        decision(session, made, found, text)
    if reached >= 5:
        change = change_set(session, made, text, status="merged" if status == Status.RESOLVED else "reviewed")
        review(session, change, text)
        run_of_tests(session, change, text)
        _delivered(session, status, change, text)
    if ended:
        outcome(session, made, {Status.RESOLVED: "fixed"}.get(status, "escalated"), text)
        session.add(
            Notification(
                key=f"n-{next(_number)}",
                channel="slack",
                event=text or status,
                issue_id=made.id,
                subject=text or f"#{made.id} {status}",
                state="sent",
                sent_at=made.ended_at,
            )
        )
    session.flush()
    return made


def _delivered(session: Session, status: Status, change: ChangeSet, text: str | None) -> None:
    if status == Status.AWAITING_APPROVAL:
        deployment(session, change, text, environment="preview", status="ready", ended_at=None)
        approval(session, change, text)
    if status in (Status.WATCHING, Status.RESOLVED, Status.ROLLING_BACK):
        deployment(session, change, text, environment="preview", status="ready")
        live = {Status.WATCHING: "watching", Status.RESOLVED: "verified"}.get(status, "rolled_back")
        deployment(session, change, text, status=live)


PAST = (
    ("KeyError: 'GONE' in total", "cart"),
    ("ZeroDivisionError: division by zero in average", "catalog"),
    ("IndexError: list index out of range in first_hit", "search"),
    ("AttributeError: 'NoneType' has no 'email'", "account"),
    ("TypeError: unsupported operand type(s) for +", "pricing"),
)
CASES = (
    (
        "AttributeError: 'NoneType' object has no attribute 'rate'",
        "checkout",
        Status.AWAITING_APPROVAL,
        Severity.HIGH,
    ),
    ("ZeroDivisionError: division by zero in average_rating", "catalog", Status.WATCHING, Severity.MEDIUM),
    ("IndexError: list index out of range in first_hit", "search", Status.FIXING, Severity.MEDIUM),
    ('TypeError: can only concatenate str (not "int") to str', "pricing", Status.ANALYZING, None),
    ("p95 latency of search rose from 90 ms to 1.4 s", "search", Status.ESCALATED, Severity.HIGH),
    (
        "ConnectionError: payments upstream refused the connection",
        "payment",
        Status.ESCALATED,
        Severity.CRITICAL,
    ),
    ("NameError: name 'basket' is not defined", "cart", Status.SCHEDULED, Severity.LOW),
    ("UnboundLocalError: cannot access local variable 'user'", "account", Status.ROLLING_BACK, Severity.HIGH),
)


def shop(session: Session) -> None:
    """A day of a believable shop: ended runs over two weeks, work under way, rounds, connectors, metrics."""
    results = ("fixed",) * 9 + ("escalated", "fixed", "rolled_back", "fixed", "human")
    for place in reversed(range(42)):
        past(session, place, results[place % len(results)])
    for place, (title, service, status, severity) in enumerate(CASES):
        story(
            session,
            status,
            title=title,
            age=timedelta(minutes=3 + place * 4),
            service=service,
            severity=severity,
            impact=Impact.HIGH if service in ("checkout", "payment") else Impact.LOW,
            verdict={
                Status.ESCALATED: Verdict.ESCALATE_HUMAN,
                Status.SCHEDULED: Verdict.SCHEDULE_MAINTENANCE,
                Status.ANALYZING: None,
            }.get(status, Verdict.AUTO_RESOLVE),
            reason={
                Status.AWAITING_APPROVAL: "checkout is critical: a person approves before production.",
                Status.ESCALATED: "No code change of ours cures this cause.",
            }.get(status, "On its way."),
        )
    for name in ("datadog", "newrelic", "github", "cloudwatch"):
        connector(session, name)
    connector(
        session,
        "sentry",
        failures=3,
        error="sentry: 429 Too Many Requests",
        lag_seconds=190.0,
        last_success=now() - timedelta(minutes=3),
        open_until=now() + timedelta(seconds=40),
    )
    for place in range(8):
        round_(session, timedelta(seconds=10 * (8 - place)), result="partial" if place == 5 else "ok")
    for place, service in enumerate(("cart", "checkout", "search")):
        metrics(session, service, now(), broken=(8 + 5 * place, 14 + 5 * place))
    add(session, Worker(executor_id="worker-1", host="local", pid=4711, role="worker"))
    add(session, AuditRow(actor="demo", action="approve", subject="issue/1", detail={"reason": "looks right"}))


def past(session: Session, place: int, result: str) -> Issue:
    """A run that ended ``place`` thirds of a day ago."""
    age = timedelta(hours=2 + 8 * place)
    confidence = 0.62 + 0.37 * ((place * 7) % 10) / 10
    verdict = Verdict.ESCALATE_HUMAN if result in ("escalated", "human") else Verdict.AUTO_RESOLVE
    seconds = 90.0 + 37 * (place % 7) if result == "fixed" else 2600.0 + 300 * (place % 5)
    title, service = PAST[place % len(PAST)]
    made = issue(
        session,
        age=age,
        title=title,
        status=Status.RESOLVED if result in ("fixed", "human") else Status.ESCALATED,
        confidence=confidence,
        verdict=verdict,
        ended_at=now() - age + timedelta(seconds=seconds),
        service=service,
    )
    decision(session, made, analysis(session, made))
    if verdict == Verdict.AUTO_RESOLVE:
        change = change_set(
            session,
            made,
            status="merged" if result == "fixed" else "rolled_back",
            template=("missing-key", "none-guard", "zero-division", "index")[place % 4],
        )
        review(session, change)
        run_of_tests(session, change)
        deployment(session, change, status="verified" if result == "fixed" else "rolled_back")
    outcome(
        session,
        made,
        result,
        total_seconds=seconds,
        detect_seconds=11.0 + place % 9,
        by="demo" if result == "human" else "platform",
    )
    return made
