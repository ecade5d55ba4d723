"""Opinions of several analysts: the pool, what it may not do, and the words that are shown."""

from __future__ import annotations

import pytest

from core.models import TELLABLE, Cause, Impact, Severity
from core.signals.analysis import opinions
from core.signals.analysis.types import Conclusion
from core.vendors.opinion import tempered

CODE, UPSTREAM = Cause.CODE, Cause.UPSTREAM
KNOWN = Conclusion("embedded", "KeyError", CODE, Severity.MEDIUM, Impact.LOW, 0.8, 0.9, "KeyError", "shop.py:2", "look")


def told(name: str, cause: Cause = CODE, confidence: float = 0.8, known: Conclusion = KNOWN, **more) -> Conclusion:
    answer = {"root_cause": f"{name} thinks", "severity": "medium", "impact": "low", "simplicity": 0.9}
    return tempered(name, "gpt", answer | {"cause": cause, "confidence": confidence} | more, known)


def spread(sure: float) -> float:
    """The probability of each other cause."""
    return (1 - sure) / (len(TELLABLE) - 1)


@pytest.mark.parametrize(
    ("said", "cause", "confidence"),
    [
        ([], CODE, 0.8),
        ([(CODE, 0.6)], CODE, 0.7),  # the mean of both
        ([(CODE, 1.0)], CODE, 0.8),  # never surer than the embedded analysis
        ([(CODE, 0.6), (CODE, 0.7)], CODE, 0.7),
        ([(UPSTREAM, 0.6)], CODE, (0.8 + spread(0.6)) / 2),
        ([(UPSTREAM, 0.8)], CODE, (0.8 + spread(0.8)) / 2),  # a tie stays with the embedded analysis
        ([(UPSTREAM, 1.0)], UPSTREAM, (1.0 + spread(0.8)) / 2),
        ([(UPSTREAM, 0.9), (UPSTREAM, 0.9)], UPSTREAM, (1.8 + spread(0.8)) / 3),
        ([(UPSTREAM, 0.9), (CODE, 0.9)], CODE, (1.7 + spread(0.9)) / 3),
        ([(UPSTREAM, 0.0)], CODE, (0.8 + spread(0.0)) / 2),
    ],
)
def test_the_pool(said, cause, confidence):
    found = opinions.combined([*(told(f"m{i}", *one) for i, one in enumerate(said)), KNOWN])
    assert (found.cause, found.confidence) == (cause, round(confidence, 3))


def test_the_probabilities_sum_to_one():
    said = [opinions.opinion_of(one) for one in (told("a", UPSTREAM, 0.37), KNOWN)]
    assert sum(opinions.pool(said).values()) == pytest.approx(1)


def test_no_model_makes_code_of_another_cause():
    known = Conclusion("embedded", "401", Cause.CREDENTIAL, Severity.LOW, Impact.LOW, 0.9, 0.2, "p", next_step="rotate")
    found = opinions.combined([*(told(name, CODE, 1.0, known) for name in "abc"), known])
    assert found.cause is Cause.CREDENTIAL and found.confidence < 0.3 and found.simplicity == 0.2
    assert found.root_cause == "401", "nobody who names the cause but the embedded analysis"


def test_the_worst_severity_and_impact_count():
    found = opinions.combined([told("a", severity="critical"), told("b", impact="high"), KNOWN])
    assert (found.severity, found.impact) == (Severity.CRITICAL, Impact.HIGH)


def test_the_surest_that_agrees_speaks_and_all_are_shown():
    found = opinions.combined(
        [told("kestra", CODE, 0.7), told("openai", CODE, 0.75, next_step="fix it"), told("third", UPSTREAM), KNOWN]
    )
    assert (found.root_cause, found.next_step, found.culprit) == ("openai thinks", "fix it", "shop.py:2")
    assert found.analyst == "kestra, openai, third, embedded"
    said = [row["opinion"] for row in found.evidence if "opinion" in row]
    assert [(one["analyst"], one["cause"], one["confidence"]) for one in said] == [
        ("kestra", CODE, 0.7), ("openai", CODE, 0.75), ("third", UPSTREAM, 0.8), ("embedded", CODE, 0.8),
    ]  # fmt: skip
    assert any(row["says"].startswith("3 of 4 analysts name the cause code; disagreement") for row in found.evidence)


def test_the_weights_of_the_evidence_are_those_of_the_embedded_analysis():
    found = opinions.combined([told("a"), KNOWN])
    assert sum(row["weight"] for row in found.evidence) == sum(row["weight"] for row in KNOWN.evidence)
