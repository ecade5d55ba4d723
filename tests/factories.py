"""Believable rows of every table. Each function adds rows to a session and returns them.

``story`` builds one issue's journey up to a status; ``shop`` a whole database as a console would see
it after a day. ``text`` replaces every text that a stranger can write, for attacks.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from itertools import count

from sqlmodel import Session

from core.models import (
    Analysis,
    Approval,
    AuditRow,
    Cause,
    ChangeSet,
    Connector,
    Decision,
    Deployment,
    Impact,
    Issue,
    Kind,
    Metric,
    Notification,
    Outcome,
    Review,
    Round,
    Severity,
    Signal,
    Stage,
    StageRun,
    Status,
    TestRun,
    Verdict,
    Worker,
    now,
)

_number = count(1)

PATCH = """\
diff --git a/shop/cart.py b/shop/cart.py
--- a/shop/cart.py
+++ b/shop/cart.py
@@ -41,9 +41,11 @@ def total(cart, prices):
     \"\"\"Sum of a cart in cents; an unknown article costs nothing.\"\"\"
     amount = 0
     for line in cart.lines:
-        price = prices[line.article]
-        amount += price * line.quantity
+        price = prices.get(line.article)
+        if price is None:
+            continue
+        amount += price * line.quantity
     return amount
 
 
 def discount(cart):
"""
TEST = '''"""Regression test for KeyError in shop.cart.total."""

from shop.cart import Cart, Line, total


def test_total_skips_an_unknown_article():
    cart = Cart(lines=[Line("A-17", 2), Line("GONE", 1)])
    assert total(cart, {"A-17": 450}) == 900
'''


def crash(text: str | None = None) -> dict:
    """A stored crash, as Crash.model_dump gives it."""
    return {
        "schema": 1,
        "source": "sentry",
        "service": text or "cart",
        "release": text or "4f1c2ab",
        "exception": {"type": text or "KeyError", "message": text or "'GONE'"},
        "frames": [
            {
                "file": "shop/web.py",
                "line": 88,
                "function": "post_cart",
                "code": "return total(cart, prices)",
                "in_app": True,
                "locals": {"cart": text or "<Cart 7>"},
            },
            {
                "file": text or "shop/cart.py",
                "line": 44,
                "function": text or "total",
                "code": text or "price = prices[line.article]",
                "in_app": True,
                "locals": {text or "line": text or "Line(article='GONE', quantity=1)", "amount": "900"},
            },
        ],
        "traceback": text or "Traceback (most recent call last): ...",
    }


def add(session: Session, row):
    session.add(row)
    session.flush()
    return row


def issue(
    session: Session, *, text: str | None = None, age: timedelta = timedelta(minutes=12), **values
) -> Issue:
    number = next(_number)
    first = now() - age
    return add(
        session,
        Issue(
            **{
                "fingerprint": f"fp-{number}",
                "title": text or f"KeyError: 'GONE' in total (case {number})",
                "because": text or "same exception and in-app frames",
                "service": text or "cart",
                "release": text or "4f1c2ab",
                "pattern": text or "KeyError/missing-key",
                "severity": Severity.HIGH,
                "impact": Impact.LOW,
                "cause": Cause.CODE,
                "confidence": 0.86,
                "verdict": Verdict.AUTO_RESOLVE,
                "reason": text or "The patch is written and reviewed.",
                "run": 1,
                "occurrences": 148,
                "users": 37,
                "first_seen": first,
                "last_seen": first + timedelta(minutes=4),
                "created_at": first + timedelta(seconds=20),
                "assignee": text,
                "resolution": text,
                **values,
            }
        ),
    )


def signal(session: Session, of: Issue, text: str | None = None, **values) -> Signal:
    return add(
        session,
        Signal(
            **{
                "source": text or "sentry",
                "vendor_id": f"event-{next(_number)}",
                "kind": Kind.EXCEPTION,
                "service": of.service,
                "title": text or of.title,
                "message": text or "cart 7 could not be priced",
                "count": 148,
                "users": 37,
                "url": text or "https://sentry.example/issues/17",
                "crash": crash(text),
                "issue_id": of.id,
                "fingerprint": of.fingerprint,
                "at": of.first_seen,
                "received_at": of.created_at,
                **values,
            }
        ),
    )


def analysis(session: Session, of: Issue, text: str | None = None) -> Analysis:
    return add(
        session,
        Analysis(
            issue_id=of.id,
            run=of.run,
            analyst=text or "embedded",
            cause=Cause.CODE,
            severity=of.severity or Severity.HIGH,
            root_cause=text or "total() reads prices[line.article], but the price list has no such article.",
            impact=of.impact or Impact.LOW,
            confidence=0.9,
            simplicity=0.95,
            pattern=text or of.pattern,
            culprit=text or "shop/cart.py:44",
            next_step=text or "",
            evidence=[
                {"says": text or "148 of 148 crashes end in shop/cart.py:44", "weight": 0.4},
                {"says": text or "began 40 s after release 4f1c2ab", "weight": 0.3},
            ],
            created_at=of.created_at + timedelta(seconds=1),
        ),
    )


def receipt(text: str | None = None, fired: bool = False) -> dict:
    return {
        "terms": [
            {"name": text or "analysis", "weight": 0.4, "value": 0.9, "says": text or "embedded analysis"},
            {"name": "history", "weight": 0.3, "value": 0.78, "says": "7 of 9 like it held"},
            {"name": "simplicity", "weight": 0.2, "value": 0.95, "says": "one line in one file"},
            {"name": "low_impact", "weight": 0.1, "value": 0.8, "says": "low impact"},
        ],
        "row": 5,
        "row_says": text or "≥ 0.7, severity high, impact low",
        "guards": [
            {
                "guard": "critical service",
                "fired": fired,
                "says": text or "checkout is critical: a person approves",
            },
            {"guard": "deployments an hour", "fired": False, "says": "1 of 5 used"},
        ],
        "inputs": {"severity": "high", "impact": "low", "service": text or "cart"},
        "flip": text or "confidence below 0.70 would hand it to a person (now 0.86)",
    }


def decision(session: Session, of: Issue, found: Analysis, text: str | None = None, **values) -> Decision:
    return add(
        session,
        Decision(
            **{
                "issue_id": of.id,
                "analysis_id": found.id,
                "run": of.run,
                "verdict": of.verdict or Verdict.AUTO_RESOLVE,
                "confidence": of.confidence or 0.86,
                "row": 5,
                "needs_approval": False,
                "receipt": receipt(text),
                "created_at": of.created_at + timedelta(seconds=2),
                **values,
            }
        ),
    )


def change_set(session: Session, of: Issue, text: str | None = None, **values) -> ChangeSet:
    patch = (
        PATCH
        if text is None
        else f"--- a/{text}\n+++ b/{text}\n@@ -1,2 +1,2 @@ {text}\n-{text}\n+{text} new\n {text}\n"
    )
    return add(
        session,
        ChangeSet(
            **{
                "issue_id": of.id,
                "run": of.run,
                "attempt": 1,
                "generator": text or "embedded",
                "template": text or "missing-key",
                "title": text or "Skip articles without a price",
                "status": "proved",
                "branch": text or f"fix/issue-{of.id}",
                "rationale": text or "The docstring says that an unknown article costs nothing.",
                "base_sha": "4f1c2ab" * 5,
                "head_sha": "9d03e7c1" * 5,
                "patch": patch,
                "patch_hash": hashlib.sha256(patch.encode()).hexdigest(),
                "test_path": text or "tests/test_issue_17.py",
                "test_code": text or TEST,
                "confidence": 0.92,
                "proof": {
                    "fails_before": True,
                    "passes_after": True,
                    "fails_reverted": True,
                    "older_tests_pass": True,
                    "says": [
                        text or "1 failed on 4f1c2ab",
                        "1 passed on 9d03e7c",
                        "1 failed with the patch reverted",
                        "41 older tests passed",
                    ],
                },
                "pull_number": 17,
                "pull_url": text or "https://github.example/shop/pull/17",
                "seconds": 6.4,
                "note": text or "",
                "created_at": of.created_at + timedelta(seconds=9),
                **values,
            }
        ),
    )


def review(session: Session, made: ChangeSet, text: str | None = None, passed: bool = True) -> Review:
    return add(
        session,
        Review(
            change_set_id=made.id,
            passed=passed,
            seconds=2.1,
            created_at=made.created_at + timedelta(seconds=3),
            gates=[
                {"gate": "ruff", "passed": True, "value": 0, "limit": 0, "says": text or ""},
                {"gate": "bandit", "passed": True, "value": 0, "limit": 0, "says": ""},
                {
                    "gate": "complexity",
                    "passed": passed,
                    "value": 4 if passed else 13,
                    "limit": 10,
                    "says": "",
                },
                {"gate": "coverage", "passed": True, "value": 1.0, "limit": 0.8, "says": "of changed lines"},
            ],
            findings=[]
            if passed and not text
            else [
                {
                    "gate": text or "complexity",
                    "path": text or "shop/cart.py",
                    "line": 41,
                    "severity": text or "warning",
                    "says": text or "total is too complex (13)",
                }
            ],
        ),
    )


def run_of_tests(session: Session, made: ChangeSet, text: str | None = None, passed: bool = True) -> TestRun:
    return add(
        session,
        TestRun(
            change_set_id=made.id,
            command=text or "python -m pytest -q",
            passed=passed,
            tests=42,
            failures=0 if passed else 2,
            runner="bubblewrap",
            output=text or "42 passed in 1.83s",
            seconds=3.4,
            created_at=made.created_at + timedelta(seconds=8),
        ),
    )


def deployment(session: Session, made: ChangeSet, text: str | None = None, **values) -> Deployment:
    start = made.created_at + timedelta(seconds=14)
    return add(
        session,
        Deployment(
            **{
                "key": f"deployment-{next(_number)}",
                "issue_id": made.issue_id,
                "change_set_id": made.id,
                "repository": text or "shop",
                "environment": "production",
                "sha": made.head_sha,
                "vendor_id": text or "dpl_9d03",
                "url": text or "https://shop.example",
                "previous_vendor_id": text or "dpl_4f1c",
                "status": "verified",
                "note": text or "",
                "started_at": start,
                "ready_at": start + timedelta(seconds=8),
                "ended_at": start + timedelta(seconds=68),
                "before": {text or "cart": {"requests": 1210, "errors": 268, "p95_ms": 112, "samples": 20}},
                "after": {text or "cart": {"requests": 1260, "errors": 0, "p95_ms": 96, "samples": 20}},
                **values,
            }
        ),
    )


def outcome(session: Session, of: Issue, result: str = "fixed", text: str | None = None, **values) -> Outcome:
    return add(
        session,
        Outcome(
            **{
                "issue_id": of.id,
                "run": of.run,
                "pattern": of.pattern,
                "service": of.service,
                "result": result,
                "by": text or "platform",
                "note": text or "error rate 22 % before, 0 % after",
                "confidence": of.confidence,
                "detect_seconds": 20.0,
                "total_seconds": 140.0,
                "created_at": of.ended_at or now(),
                **values,
            }
        ),
    )


def approval(session: Session, made: ChangeSet, text: str | None = None, **values) -> Approval:
    asked = made.created_at + timedelta(seconds=16)
    return add(
        session,
        Approval(
            **{
                "issue_id": made.issue_id,
                "change_set_id": made.id,
                "workflow_id": f"issue-{made.issue_id}-run-{made.run}",
                "patch_hash": made.patch_hash,
                "asks": text or "checkout is a critical service: may this patch go to production?",
                "asked_at": asked,
                "expires_at": now() + timedelta(hours=7),
                **values,
            }
        ),
    )


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


def connector(session: Session, name: str, **values) -> Connector:
    return add(
        session,
        Connector(
            **{
                "name": name,
                "last_attempt": now(),
                "last_success": now() - timedelta(seconds=8),
                "lag_seconds": 3.0,
                "records": 412,
                **values,
            }
        ),
    )


def round_(session: Session, age: timedelta, **values) -> Round:
    start = now() - age
    return add(
        session,
        Round(
            **{
                "slot": f"slot-{next(_number)}",
                "worker": "worker-1",
                "started_at": start,
                "ended_at": start + timedelta(seconds=1.4),
                "result": "ok",
                "records": 37,
                "issues": 1,
                **values,
            }
        ),
    )


def metrics(
    session: Session, service: str, until: datetime, minutes: int = 30, broken: tuple[int, int] = (12, 18)
) -> None:
    """Requests, errors and p95 each minute; errors between the minutes ``broken``."""
    for minute in range(minutes):
        at = until - timedelta(minutes=minutes - minute)
        requests = 120 + 13 * (minute * 7 % 5)
        errors = round(requests * 0.22) if broken[0] <= minute < broken[1] else 0
        for name, value in (("requests", requests), ("errors", errors), ("p95_ms", 90 + 5 * (minute % 4))):
            session.add(Metric(source="datadog", service=service, name=name, at=at, value=value))
    session.flush()


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
    add(
        session, AuditRow(actor="demo", action="approve", subject="issue/1", detail={"reason": "looks right"})
    )


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
