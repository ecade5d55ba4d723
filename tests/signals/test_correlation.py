"""Correlation: joins, refusals, decisions of people, and the command."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta

import pytest

from core.cli import correlate
from core.models import Record
from core.signals.grouping.candidates import Correlator
from core.signals.grouping.correlation import Overrides, match, opened
from core.signals.grouping.fingerprint import fingerprint

AT = datetime(2026, 1, 5, tzinfo=UTC)
STACK = "Traceback (most recent call last):\n  File \"/app/shop/cart.py\", line 4, in add\n    x()\nKeyError: 'sku'"
CRASH = {
    "exception": {"type": "KeyError", "message": "'sku'"},
    "frames": [{"file": "shop/cart.py", "function": "add"}],
}


def record(source="sentry", minutes=0.0, **more) -> Record:
    given = {"vendor_id": source, "kind": "log", "service": "shop", "title": "crash"} | more
    return Record(source=source, at=AT + timedelta(minutes=minutes), **given)


SENTRY = record(kind="exception", crash=CRASH, release="1")
ALERT = {"kind": "alert", "title": "High error rate", "attributes": {"monitor_id": 1}}


def joins(*records: Record, **how) -> list[int]:
    correlator = Correlator(**how)
    return [correlator.place(r).issue_id for r in records]


@pytest.mark.parametrize(
    "other",
    [
        record("datadog", 1, message=STACK, service="shop-prod"),
        record("cloudwatch", 1, message=STACK.replace("/app", "/var/task")),
        record("newrelic", 2, title="KeyError: 'sku'", kind="exception"),
        record("github", 90, kind="report", service="", title="Cart broken", message=f"see\n```\n{STACK}\n```"),
        record("datadog", 3, **ALERT),
    ],
)
def test_one_incident_is_one_issue_for_all_vendors_in_any_order(other):
    assert joins(SENTRY, other) == [1, 1]
    assert joins(other, SENTRY) == [1, 1]


@pytest.mark.parametrize(
    "other",
    [
        record("datadog", 1, message=STACK.replace("in add", "in remove")),
        record("datadog", 1, message=STACK.replace("KeyError", "TypeError")),
        record("datadog", 1, message=STACK, service="partner"),
        record("newrelic", 1, title="KeyError: 'colour'", kind="exception"),
        record("datadog", 60, **ALERT),
        record("datadog", 1, kind="alert", title="Disk almost full"),
        record("datadog", 60 * 24 * 9, title="KeyError: 'sku'"),
    ],
)
def test_similar_records_of_two_faults_stay_separate(other):
    assert joins(SENTRY, other) == [1, 2]


def test_the_shares_sum_to_the_score_and_the_order_of_candidates_does_not_matter():
    new = record("newrelic", 2, title="KeyError: 'sku'", kind="exception")
    issues = [opened(i, r, fingerprint(r)) for i, r in enumerate((SENTRY, record("d", 1, message=STACK)), 1)]
    first, second = (match(new, fingerprint(new), order) for order in (issues, issues[::-1]))
    assert first == second
    assert sum(first.shares.values()) == pytest.approx(first.score)
    assert set(first.shares) == {"type", "message", "service", "time"}


def test_decisions_of_people_take_precedence():
    other = record("datadog", 1, message=STACK.replace("in add", "in remove"))
    one, two = fingerprint(SENTRY).key, fingerprint(other).key
    assert joins(SENTRY, other, overrides=Overrides(merged={two: one})) == [1, 1]
    twin = record("newrelic", 1, title="KeyError: 'sku'", kind="exception")
    split = Overrides(split=frozenset({fingerprint(twin).key}))
    assert joins(SENTRY, twin, twin, overrides=split) == [1, 2, 2]


def run(text: str) -> tuple[int, list[dict], str]:
    out, err = io.StringIO(), io.StringIO()
    status = correlate.correlate(io.BytesIO(text.encode()), out, err)
    return status, [json.loads(line) for line in out.getvalue().splitlines()], err.getvalue()


def test_the_command_answers_in_order():
    lines = [r.model_dump_json() for r in (SENTRY, record("d", 1, message=STACK), record("d", 1, title="other"))]
    status, answers, errors = run("\n".join(lines))
    assert (status, errors, [a["issue"] for a in answers]) == (0, "", [1, 1, 2])
    assert answers[0]["vendor_id"] == "sentry"


def test_the_command_reports_each_invalid_line_and_answers_the_others():
    good = SENTRY.model_dump_json()
    zoneless = good.replace("2026-01-05T00:00:00Z", "2026-01-05T00:00:00")
    status, answers, errors = run("\n".join(["{bad", good, "[1]", "{}", zoneless, "", "[" * 9999, good]))
    assert (status, [a["issue"] for a in answers]) == (1, [1, 1])
    told = [line.split(":")[0] for line in errors.splitlines()]
    assert told == ["line 1", "line 3", "line 4", "line 5", "line 6", "line 7"]
    assert "kind: Field required" in errors and "needs its zone" in errors


def test_the_command_accepts_empty_input():
    status, answers, errors = run("")
    assert (status, answers) == (2, []) and errors.startswith("line 1: ")
