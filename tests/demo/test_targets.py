"""The rows of a run, and its figures against their targets."""

from __future__ import annotations

import pytest

from core.demo import scoring, targets
from core.demo.faults import FAULTS


def row(fault: str = "cart-address", **values) -> dict:
    told = {"fault": fault, "outcome": "resolved", "seconds": 60.0, "confidence": 0.9, "approval": False}
    return told | values


def figures(*rows: dict) -> dict[str, tuple]:
    return {one["figure"].split(",")[0]: (one["value"], one["met"], one["n"]) for one in targets.measured(rows)}


FIXED, ALONE, SURE, MTTR, LESS = (
    "fixed by the platform", "fixed without a person's approval", "mean confidence of the decisions",
    "MTTR in seconds", "reduction of 2 hours by hand",
)  # fmt: skip


@pytest.mark.parametrize(
    ("rows", "figure", "expected"),
    [
        ([row(), row()], FIXED, (1.0, True, 2)),
        ([row()] * 4 + [row(outcome="escalated")], FIXED, (0.8, True, 5)),
        ([row()] * 3 + [row(outcome="escalated")], FIXED, (0.75, False, 4)),
        ([row(), row("carrier-down", outcome="escalated")], FIXED, (1.0, True, 1)),  # no patch can cure it
        ([row(), row("cart-window", outcome="escalated")], FIXED, (1.0, True, 1)),  # nor this, without a model
        ([row("cart-window")], FIXED, (1.0, True, 1)),
        ([row(), row(approval=True)], ALONE, (0.5, False, 2)),
        ([row(confidence=0.85)], SURE, (0.85, True, 1)),
        ([row(confidence=0.84), row(confidence=None)], SURE, (0.84, False, 1)),
        ([row(seconds=299.0)], MTTR, (299.0, True, 1)),
        ([row(seconds=300.0)], MTTR, (300.0, False, 1)),
        ([row(seconds=504.0)], LESS, (0.93, True, 1)),
        ([row(seconds=505.0)], LESS, (0.9299, False, 1)),
        ([row(seconds=None)], MTTR, (None, False, 0)),
        ([], FIXED, (None, False, 0)),
    ],
)
def test_each_figure_is_stated_against_its_target(rows, figure, expected):
    assert figures(*rows)[figure] == expected


def test_a_line_says_what_was_measured_and_whether_it_is_met():
    met, *_, less = map(targets.line, targets.measured([row(seconds=720.0)]))
    words = "fixed by the platform, of the curable faults 1 target 0.8 n 1 met"
    assert " ".join(met.split()) == words
    assert "0.9" in less and less.endswith("missed")


@pytest.mark.parametrize(
    ("fault", "status", "waited", "behaves", "agents", "right"),
    [
        ("cart-address", "resolved", False, True, False, True),
        ("cart-address", "resolved", False, False, False, False),
        ("cart-address", "escalated", False, None, False, False),
        ("checkout-note", "resolved", False, True, False, False),  # a critical service needs an approval
        ("checkout-note", "resolved", True, True, False, True),
        ("cart-window", "escalated", False, None, False, True),
        ("cart-window", "resolved", True, True, False, False),  # the embedded repairer is not to guess
        ("cart-window", "resolved", True, True, True, True),
        ("cart-window", "resolved", False, True, True, False),
        ("cart-window", "escalated", False, None, True, False),
    ],
)
def test_a_row_is_right_by_the_kind_of_its_fault(fault, status, waited, behaves, agents, right):
    issue = {"status": status, "verdict": "AUTO_RESOLVE", "reason": "", "ended_at": "2026-01-01T00:01:00"}
    told = scoring.scored(FAULTS[fault], issue, 1767225600.0, waited, behaves, agents)
    assert (told["right"], told["seconds"]) == (right, 60.0)


@pytest.mark.parametrize("fault", ["carrier-down", "invoice-vat-unset", "partner-orders"])
def test_what_no_patch_can_cure_must_end_with_a_person(fault):
    issue = {"status": "escalated", "verdict": "ESCALATE_HUMAN", "reason": "", "ended_at": None}
    assert scoring.scored(FAULTS[fault], issue, 0.0, False, None)["right"]
    assert not scoring.scored(FAULTS[fault], issue | {"verdict": "AUTO_RESOLVE"}, 0.0, False, None)["right"]
