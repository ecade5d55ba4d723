"""Combined rows: one issue's run up to a status, and a day of a whole shop."""

from __future__ import annotations

from datetime import timedelta

from sqlmodel import Session

from core.audit import chain
from core.models import ChangeSet, Impact, Issue, Notification, Severity, Stage, StageRun, Status, Verdict, Worker, now
from core.models.kept import PolicyVersion
from core.policy.versions import digest
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
from tests.screens import PLATFORM

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


WRITTEN = {Status.RESOLVED: "merged", Status.WATCHING: "deployed", Status.ROLLING_BACK: "deployed"}


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
                says=text or (f"{stage} in progress" if running else f"{stage} succeeded"),
                ended_at=None if running else start + timedelta(seconds=3),
                result="running" if running else "ok",
            )
        )
    session.flush()


def story(session: Session, status: Status = Status.RESOLVED, *, text: str | None = None, **values) -> Issue:
    """One issue's run up to ``status``, with a row in every table on its way."""
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
        change = change_set(session, made, text, status=WRITTEN.get(status, "reviewed"))
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


def story_of(session: Session, change: ChangeSet) -> Issue:
    return session.get_one(Issue, change.issue_id)


def _delivered(session: Session, status: Status, change: ChangeSet, text: str | None) -> None:
    if status == Status.AWAITING_APPROVAL:
        deployment(session, change, text, environment="preview", status="ready", ended_at=None)
        approval(session, change, text)
    if status in (Status.WATCHING, Status.RESOLVED, Status.ROLLING_BACK):
        deployment(session, change, text, environment="preview", status="ready")
        live = {Status.WATCHING: "watching", Status.RESOLVED: "verified"}.get(status, "rolled_back")
        felt = _felt("rolled_back" if live == "rolled_back" else "fixed", text or story_of(session, change).service)
        ended = {"ended_at": None, "judged": LOOK} if live == "watching" else {}
        deployment(session, change, text, status=live, **felt, **ended)


LOOK = {  # what the latest look of a watch found
    "state": "watching",
    "says": "not enough traffic: 412 requests so far",
    "counts": [{"name": "ZeroDivisionError in average_rating", "before": 268.0, "after": 0.0}],
}
PAST = (  # title, service, template, rationale of the fix
    ("KeyError: 'GONE' in total", "cart", "missing-key", "Skip articles without a price"),
    ("ZeroDivisionError: division by zero in average", "catalog", "zero-division", "No ratings are an average of 0"),
    ("IndexError: list index out of range in first_hit", "search", "index", "No hit is None"),
    ("AttributeError: 'NoneType' has no 'email'", "account", "none-guard", "A guest has no address"),
    ("TypeError: unsupported operand type(s) for +", "pricing", "convert", "Read the surcharge as a number"),
)
DEEDS = (
    ("approve", "issue/1", {"reason": "looks right"}),
    ("resolved", "issue/3", {"sha": "9d03e7c"}),
    ("change_policy", "policy", {"reason": "payment needs a person", "version": 1}),
    ("resolved", "issue/5", {"sha": "71fa00b"}),
    ("roll_back", "deployment/12", {"reason": "customers report wrong totals"}),
    ("escalated", "issue/48", {"reason": "a code change cannot fix this cause"}),
)
CASES = (  # title, service, status, severity, impact, confidence
    ("KeyError: 'GA-1021' in total", "checkout", Status.AWAITING_APPROVAL,
     Severity.MEDIUM, Impact.HIGH, 0.86),
    ("ZeroDivisionError: division by zero in average_rating", "catalog", Status.WATCHING,
     Severity.MEDIUM, Impact.LOW, 0.93),
    ("IndexError: list index out of range in first_hit", "search", Status.FIXING, Severity.MEDIUM, Impact.LOW, 0.91),
    ('TypeError: can only concatenate str (not "int") to str', "pricing", Status.ANALYZING, None, None, None),
    ("p95 latency of search rose from 90 ms to 1.4 s", "search", Status.ESCALATED, Severity.HIGH, Impact.LOW, 0.52),
    ("ConnectionError: payments upstream refused the connection", "payment", Status.ESCALATED,
     Severity.CRITICAL, Impact.HIGH, 0.58),
    ("NameError: name 'basket' is not defined", "cart", Status.SCHEDULED, Severity.LOW, Impact.MEDIUM, 0.68),
    ("UnboundLocalError: cannot access local variable 'user'", "account", Status.ROLLING_BACK,
     Severity.HIGH, Impact.LOW, 0.84),
)  # fmt: skip


def shop(session: Session) -> None:
    """A day of a realistic shop: ended runs over two weeks, work in progress, rounds, connectors, metrics."""
    results = ("fixed",) * 9 + ("escalated", "fixed", "rolled_back", "fixed", "human")
    begun = now() - timedelta(days=20)
    add(session, PolicyVersion(sha256=digest(PLATFORM), text=PLATFORM, by="file", reason="as found on disk", at=begun))
    for place in reversed(range(42)):
        past(session, place, results[place % len(results)])
    for place, (title, service, status, severity, impact, confidence) in enumerate(CASES):
        story(
            session,
            status,
            title=title,
            age=timedelta(minutes=3 + place * 4),
            service=service,
            severity=severity,
            impact=impact,
            confidence=confidence,
            verdict={
                Status.ESCALATED: Verdict.ESCALATE_HUMAN,
                Status.SCHEDULED: Verdict.SCHEDULE_MAINTENANCE,
                Status.ANALYZING: None,
            }.get(status, Verdict.AUTO_RESOLVE),
            reason={
                Status.AWAITING_APPROVAL: "checkout is a critical service; a person must approve.",
                Status.ESCALATED: "A code change cannot fix this cause.",
            }.get(status, "In progress."),
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
        round_(session, timedelta(seconds=40 + 300 * (7 - place)), result="partial" if place == 5 else "ok")
    for place, service in enumerate(("cart", "checkout", "catalog")):
        metrics(session, service, now(), broken=(8 + 4 * place, 14 + 4 * place))
    add(session, Worker(executor_id="worker-1", host="local", pid=4711, role="worker"))
    for place, (action, subject, detail) in enumerate(DEEDS):
        chain.record(session, ("demo", "platform")[place % 2], action, subject, detail, key=f"deed-{place}")


LOOKS = (
    (Severity.MEDIUM, Impact.LOW),
    (Severity.HIGH, Impact.LOW),
    (Severity.LOW, Impact.MEDIUM),
    (Severity.MEDIUM, Impact.MEDIUM),
    (Severity.HIGH, Impact.LOW),
)


def past(session: Session, place: int, result: str) -> Issue:
    """A run that ended ``place`` thirds of a day ago, decided as core/decision/receipt.py decides."""
    age = timedelta(hours=2 + 8 * place)
    acts = result not in ("escalated", "human")
    confidence = 0.83 + 0.14 * ((place * 7) % 10) / 10 if acts else 0.44 + 0.15 * ((place * 3) % 10) / 10
    severity, impact = LOOKS[place % len(LOOKS)]
    seconds = 90.0 + 37 * (place % 7) if result == "fixed" else 2600.0 + 300 * (place % 5)
    title, service, template, fix = PAST[place % len(PAST)]
    made = issue(
        session,
        age=age,
        title=title,
        status=Status.RESOLVED if result in ("fixed", "human") else Status.ESCALATED,
        confidence=round(confidence, 4),
        severity=severity,
        impact=impact,
        verdict=Verdict.AUTO_RESOLVE if acts else Verdict.ESCALATE_HUMAN,
        reason=REASONS[result],
        ended_at=now() - age + timedelta(seconds=seconds),
        service=service,
    )
    signal(session, made)
    decision(session, made, analysis(session, made))
    if acts:
        change = change_set(
            session,
            made,
            status="merged" if result == "fixed" else "rolled_back",
            template=template,
            title=fix,
            note="" if result == "fixed" else "The error rate rose; production was rolled back.",
        )
        review(session, change)
        run_of_tests(session, change)
        deployment(session, change, status="verified" if result == "fixed" else "rolled_back", **_felt(result, service))
    _spent(session, made, seconds if result == "fixed" else 140.0)
    outcome(
        session,
        made,
        result,
        total_seconds=seconds,
        detect_seconds=11.0 + place % 9,
        by="demo" if result == "human" else "platform",
    )
    return made


REASONS = {
    "fixed": "Fixed, deployed and verified.",
    "rolled_back": "The fix raised the error rate and was rolled back.",
    "escalated": "The confidence is below the threshold of the policy.",
    "human": "Resolved manually.",
}


SHARES = {Stage.ANALYZE: 0.03, Stage.DECIDE: 0.01, Stage.FIX: 0.22, Stage.REVIEW: 0.11, Stage.TEST: 0.13,
          Stage.DEPLOY: 0.12, Stage.VERIFY: 0.2, Stage.LEARN: 0.02}  # fmt: skip


def _spent(session: Session, of: Issue, seconds: float) -> None:
    """The stages of an ended run, each with its share of ``seconds``."""
    start = of.created_at
    for stage, share in SHARES.items():
        end = start + timedelta(seconds=share * seconds)
        row = {"issue_id": of.id, "run": of.run, "stage": stage, "result": "ok", "says": f"{stage} succeeded"}
        session.add(StageRun(**row, started_at=start, ended_at=end))
        start = end
    session.flush()


def _felt(result: str, service: str) -> dict:
    """Health before and after a deployment that fixed the issue, or a harmful one."""
    before = {"requests": 1210, "errors": 268, "p95_ms": 112, "samples": 20}
    after = {"requests": 1260, "errors": 0 if result == "fixed" else 403, "p95_ms": 96, "samples": 20}
    return {"before": {service: before}, "after": {service: after}}
