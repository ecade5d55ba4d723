"""Realistic rows of every table: each function adds one to a session and returns it.

tests/scenes.py combines them: one issue's run, a whole shop. ``text`` replaces every untrusted text, for
attacks.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import count

from sqlmodel import Session

from core.decision.receipt import decide
from core.decision.rules import terms
from core.decision.situation import Situation
from core.models import (
    Analysis,
    Approval,
    Cause,
    ChangeSet,
    Connector,
    Decision,
    Deployment,
    Impact,
    Issue,
    Kind,
    Metric,
    Outcome,
    Review,
    Round,
    Severity,
    Signal,
    TestRun,
    Verdict,
    now,
)
from core.policy.reader import Policy
from core.policy.services import Repository, Service

number = count(1)
CRITICAL = ("checkout", "payment")

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
    """A stored crash, in the form of Crash.model_dump."""
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


def issue(session: Session, *, text: str | None = None, age: timedelta = timedelta(minutes=12), **values) -> Issue:
    serial = next(number)
    first = now() - age
    return add(
        session,
        Issue(
            **{
                "fingerprint": f"fp-{serial}",
                "title": text or f"KeyError: 'GONE' in total (case {serial})",
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
                "occurrences": 20 + serial * 37 % 400,
                "users": 3 + serial * 11 % 60,
                "first_seen": first,
                "last_seen": first + min(age, timedelta(minutes=4)) * 0.9,
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
                "vendor_id": f"event-{next(number)}",
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


@lru_cache(maxsize=64)
def policy(*services: str) -> Policy:
    """A policy with these services, shared by its readers: each new one copies every section's defaults."""
    return Policy(
        repositories={"shop": Repository(remote="/srv/shop.git")},
        services={name: Service(repository="shop", critical=name in CRITICAL) for name in services},
    )


def situation(of: Issue, text: str | None = None, **values) -> Situation:
    """The inputs of the issue's decision; analysis and simplicity follow from its confidence."""
    impact = of.impact or Impact.LOW
    base = Situation(of.service, of.severity or Severity.HIGH, impact, successes=7, outcomes=9, occurrences=148)
    fixed = sum(t["contribution"] for t in terms(base, policy()))
    share = min(1.0, max(0.0, ((of.confidence or 0.86) - fixed) / 0.6))
    return replace(base, **{"analysis": share, "simplicity": share, "service": text or of.service, **values})


def receipt(of: Issue, text: str | None = None) -> dict:
    """The receipt that core/decision/receipt.py writes; ``text`` replaces every text in it."""
    made = json.loads(json.dumps(decide(situation(of, text), policy(of.service)).as_json()))
    return _spoken(made, text) if text else made


def _spoken(value, text: str):
    """Replace every string inside, except the verdict and the fixed values of a Situation."""
    if isinstance(value, dict):
        kept = ("inputs", "verdict", "effect", "severity", "impact")
        return {k: v if k in kept else _spoken(v, text) for k, v in value.items()}
    if isinstance(value, list):
        return [_spoken(v, text) for v in value]
    return text if isinstance(value, str) else value


def decision(session: Session, of: Issue, found: Analysis, text: str | None = None, **values) -> Decision:
    made = receipt(of, text)
    return add(
        session,
        Decision(
            **{
                "issue_id": of.id,
                "analysis_id": found.id,
                "run": of.run,
                "verdict": of.verdict or Verdict(made["verdict"]),
                "confidence": of.confidence or made["confidence"],
                "row": made["row"],
                "needs_approval": made["needs_approval"],
                "receipt": made,
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


SCANS = {  # by the review's result: reachable, and unavailable
    True: [
        {
            "gate": "vulnerabilities",
            "passed": True,
            "done": True,
            "value": 0.0,
            "limit": 0.0,
            "says": "127.0.0.1:8600 (simulated) checked 1 pinned package; the change adds no known vulnerability; "
            "1 known before the change: GHSA-g92j-qhmh-64v2",
        }
    ],
    False: [
        {
            "gate": "vulnerabilities",
            "passed": True,
            "done": False,
            "value": None,
            "limit": 0.0,
            "says": "not scanned: osv: could not be reached at api.osv.dev: it did not respond in time; the change "
            "imports no new package",
        }
    ],
}


def ability(asks: int, says: str) -> dict:
    """The stored gate of new capabilities; ``asks`` of its rows need a person."""
    return {"gate": "capabilities", "passed": not asks, "done": not asks, "value": asks, "limit": 0, "says": says}


def newly(line: int, says: str, path: str = "shop/cart.py") -> dict:
    """One stored row of it."""
    return {"gate": "capabilities", "path": path, "line": line, "severity": "note", "says": says}


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
                *SCANS[passed],
                ability(0, "2 new capabilities, none of which needs a person: condition, constant"),
            ],
            findings=[
                newly(44, text or "new condition in total: price is None"),
                newly(45, text or "newly compares with 'free'"),
                {
                    "gate": "vulnerabilities",
                    "path": "requirements.txt",
                    "line": 1,
                    "severity": "note",
                    "says": "sentry-sdk 2.7.1 has GHSA-g92j-qhmh-64v2 (LOW, CVE-2024-40647; fixed in 2.8.0): Sentry's "
                    "Python SDK unintentionally exposes environment variables to subprocesses",
                },
            ]
            if passed and not text
            else [
                newly(44, text or "new condition in total: price is None"),
                {
                    "gate": text or "complexity",
                    "path": text or "shop/cart.py",
                    "line": 41,
                    "severity": text or "warning",
                    "says": text or "total is too complex (13)",
                },
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
                "key": f"deployment-{next(number)}",
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
                "promote_seconds": 0.8,
                "rollback_seconds": 1.3 if values.get("status") == "rolled_back" else None,
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
                "verdict": of.verdict,
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
                "asks": text or "Release the fix of checkout to production. It is a critical service.",
                "asked_at": asked,
                "expires_at": now() + timedelta(hours=7),
                **values,
            }
        ),
    )


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
                "slot": f"slot-{next(number)}",
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
    session: Session,
    service: str,
    until: datetime,
    minutes: int = 30,
    broken: tuple[int, int] = (12, 18),
    requests: int = 120,
) -> None:
    """Requests, errors and p95 each minute; errors between the minutes ``broken``."""
    for minute in range(minutes):
        at = until - timedelta(minutes=minutes - minute)
        served = requests + 13 * (minute * 7 % 5)
        errors = round(served * 0.22) if broken[0] <= minute < broken[1] else 0
        for name, value in (("requests", served), ("errors", errors), ("p95_ms", 90 + 5 * (minute % 4))):
            session.add(Metric(source="datadog", service=service, name=name, at=at, value=value))
    session.flush()
