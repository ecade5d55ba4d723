"""The overlap drill's plan and rows; tests/stories/test_demo.py runs the drill itself."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.decision.rules import confidence_of, rows, terms
from core.decision.situation import Situation
from core.demo import overlap
from core.demo.faults import FAULTS
from core.demo.setup import SERVICES
from core.demo.traffic import SHARES
from core.models import Impact, Severity
from core.policy.reader import Policy

ALL = list(FAULTS.values())
POLICY = Policy(
    repositories={"shop": {"remote": "https://git.example/shop.git"}},
    services={name: {"repository": "shop", "impact": impact} for name, impact in SERVICES.items()},
)


def issue(**values) -> dict:
    told = {"id": 1, "run": 1, "kind": "exception", "service": "cart", "title": "AttributeError: x", "rollbacks": 0}
    return (
        told
        | {"status": "resolved", "verdict": "AUTO_RESOLVE", "cause": "code", "confidence": 0.9, "reason": ""}
        | values
    )


def world(behaves: bool = True) -> overlap.OverlapWorld:
    return overlap.OverlapWorld(POLICY, lambda _: 0.0, lambda: [], {}, lambda: None, lambda _: behaves, lambda *_: 40.0)


@pytest.mark.parametrize("seed", range(20))
def test_every_fault_is_shipped_once_within_two_minutes(seed):
    times = overlap.plan(ALL, seed)
    assert sorted(fault.name for _, fault in times) == sorted(FAULTS)
    assert [at for at, _ in times] == sorted(at for at, _ in times)
    assert times[0][0] >= 0 and times[-1][0] <= overlap.SPAN
    assert times == overlap.plan(ALL, seed) != overlap.plan(ALL, seed + 1)


KINDS = {"security": "security"}


def test_every_fault_has_its_own_issue():
    issues = [
        issue(id=n, service=f.service, title=f"{f.exception}: x" if f.exception else "suggestions are slow",
              kind=KINDS.get(f.kind, "exception" if f.exception else "metric"))
        for n, f in enumerate(ALL)
    ]  # fmt: skip
    assert [overlap.of(fault, issues)["id"] for fault in ALL] == list(range(len(ALL)))


RIGHT = {
    "cart-address": ({}, True),
    "catalog-campaign": ({"status": "escalated", "rollbacks": 1}, True),
    "carrier-down": ({"status": "escalated", "verdict": "ESCALATE_HUMAN"}, True),
    "sql-injection": ({"kind": "security", "cause": "security"}, True),
}


@pytest.mark.parametrize(
    ("fault", "values", "behaves", "right"),
    [
        *((name, values, behaves, True) for name, (values, behaves) in RIGHT.items()),
        ("cart-address", {}, False, False),
        ("cart-address", {"rollbacks": 1}, True, False),
        ("cart-address", {"status": "escalated"}, True, False),
        ("catalog-campaign", {"status": "escalated"}, True, False),
        ("carrier-down", {"status": "escalated"}, True, False),
        ("vulnerable-pin", {"kind": "security"}, False, False),
        ("vulnerable-pin", {"kind": "security", "status": "escalated"}, True, False),
    ],
)
def test_a_row_is_right_only_if_decision_outcome_and_rollbacks_are(fault, values, behaves, right):
    told = overlap.row(world(behaves), FAULTS[fault], 0.0, issue(**values))
    assert told["right"] is right and told["fault"] == fault


@pytest.mark.parametrize(
    ("fault", "confidence", "decision"),
    [
        ("cart-address", 0.95, "AUTO_RESOLVE"),
        ("cart-address", 0.80, "AUTO_RESOLVE"),
        ("cart-address", 0.79, "ESCALATE_HUMAN"),  # low impact: no row schedules it
        ("checkout-note", 0.80, "AUTO_RESOLVE"),
        ("checkout-note", 0.79, "SCHEDULE_MAINTENANCE"),
        ("checkout-note", 0.59, "ESCALATE_HUMAN"),
        ("carrier-down", 0.95, "ESCALATE_HUMAN"),
        ("cart-address", None, "AUTO_RESOLVE"),
    ],
)
def test_the_right_decision_follows_the_matrix(fault, confidence, decision):
    assert overlap.expected(FAULTS[fault], issue(confidence=confidence), POLICY) == decision


def test_the_drills_matrix_equals_the_products():
    for fault in (fault for fault in ALL if fault.kind in ("code", "backfire", "security")):
        case = Situation(fault.service, Severity.MEDIUM, Impact(SERVICES[fault.service]), analysis=0.9)
        for told in (confidence_of(terms(case, POLICY)), *(n / 100 for n in range(50, 100))):
            row = next(row for row in rows(POLICY) if row.matches(told, case))
            assert overlap.expected(fault, issue(confidence=told), POLICY) == row.verdict, (
                fault.name,
                told,
                row.number,
            )


# the weights of the visitors' requests that fail because of a fault (core/demo/traffic.py)
FAILING = {"catalog-page": 1, "cart-address": 1.5, "account-worth": 1.2, "search-empty": 2.4, "account-tier": 1.2,
           "pricing-badge": 1.2, "search-accents": 1.2, "checkout-note": 1.3, "catalog-campaign": 2.5}  # fmt: skip


@pytest.mark.parametrize(("name", "weight"), FAILING.items())
def test_the_failing_share_of_a_fault_is_that_of_the_visitors_requests(name, weight):
    fault = FAULTS[name]
    whole = sum(share for path, share, _ in SHARES if path.split("/")[1] == fault.service)
    assert fault.fails == pytest.approx(weight / whole, abs=0.01)


@pytest.mark.parametrize("status", ["awaiting_approval", "scheduled", "watching"])
def test_the_person_acts_by_the_status_of_an_issue(status):
    done = []
    answers = {
        "awaiting_approval": lambda n: done.append(("approve", n)),
        "scheduled": lambda n: done.append(("now", n)),
    }
    overlap._answer(replace(world(), issues=lambda: [issue(id=7, status=status)], answers=answers))
    assert done == {"awaiting_approval": [("approve", 7)], "scheduled": [("now", 7)]}.get(status, [])


QUEUED = {"status": "queued", "reason": "Waiting: limit of 5 automatic deployments an hour reached"}


def test_the_limit_is_raised_only_after_releases_waited_for_it(monkeypatch):
    monkeypatch.setattr(overlap, "QUIET", 0.0)
    monkeypatch.setattr(overlap, "SPAN", 0.0)
    monkeypatch.setattr(overlap.time, "sleep", lambda _: None)
    states, raised = [QUEUED], []
    demo = replace(world(), issues=lambda: [issue(**states[-1])],
                   raise_limit=lambda: raised.append(states.append({"status": "resolved"})))  # fmt: skip
    (told,) = overlap.run(demo, [FAULTS["cart-address"]], 1)
    assert len(raised) == 1 and told["queued"] and told["right"]


@pytest.mark.parametrize(
    ("values", "found"),
    [
        (QUEUED, True),
        (QUEUED | {"status": "resolved"}, False),
        (QUEUED | {"reason": "Waiting for the fix of issue 2"}, False),
    ],
)
def test_which_issue_waits_for_the_limit(values, found):
    assert overlap.limited(issue(**values)) is found


def test_a_fault_without_an_issue_is_not_right():
    assert overlap.row(world(), FAULTS["cart-address"], 0.0, None)["outcome"] == "not found"
    assert not overlap.row(world(), FAULTS["cart-address"], 0.0, None)["right"]
