"""The overlap drill's plan and its rows; the drill itself is tests/stories/test_demo.py's."""

from __future__ import annotations

import pytest

from core.sandbox import overlap
from core.sandbox.faults import FAULTS

ALL = list(FAULTS.values())


def issue(**values) -> dict:
    told = {"id": 1, "run": 1, "kind": "exception", "service": "cart", "title": "AttributeError: x", "rollbacks": 0}
    return told | {"status": "resolved", "verdict": "AUTO_RESOLVE", "cause": "code", "reason": ""} | values


def world(behaves: bool = True) -> overlap.World:
    return overlap.World(lambda _: 0.0, lambda: [], None, lambda _: behaves, lambda *_: 40.0)


@pytest.mark.parametrize("seed", range(20))
def test_every_fault_is_shipped_once_within_two_minutes(seed):
    times = overlap.plan(ALL, seed)
    assert sorted(fault.name for _, fault in times) == sorted(FAULTS)
    assert [at for at, _ in times] == sorted(at for at, _ in times)
    assert times[0][0] >= 0 and times[-1][0] <= overlap.SPAN
    assert times == overlap.plan(ALL, seed) != overlap.plan(ALL, seed + 1)


def test_every_fault_has_an_issue_of_its_own():
    issues = [
        issue(id=n, service=f.service, title=f"{f.exception}: x" if f.exception else "suggestions are slow",
              kind="exception" if f.exception else "metric")
        for n, f in enumerate(ALL)
    ]  # fmt: skip
    assert [overlap.of(fault, issues)["id"] for fault in ALL] == list(range(len(ALL)))


RIGHT = {
    "cart-address": ({}, True),
    "catalog-campaign": ({"status": "escalated", "rollbacks": 1}, True),
    "carrier-down": ({"status": "escalated", "verdict": "ESCALATE_HUMAN"}, True),
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
    ],
)
def test_a_row_is_right_only_when_decision_outcome_and_rollbacks_are(fault, values, behaves, right):
    told = overlap.row(world(behaves), FAULTS[fault], 0.0, issue(**values))
    assert told["right"] is right and told["fault"] == fault


def test_a_fault_without_an_issue_is_not_right():
    assert overlap.row(world(), FAULTS["cart-address"], 0.0, None)["outcome"] == "not found"
    assert not overlap.row(world(), FAULTS["cart-address"], 0.0, None)["right"]
