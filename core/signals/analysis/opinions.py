"""Combines the conclusions of several analysts into one. Pure.

The rule is a linear opinion pool with equal weights (Stone, "The opinion pool", Annals of Mathematical Statistics 32,
1961). An analyst that is ``c`` sure of its cause gives that cause the probability ``c``; the rest, ``1 - c``, is spread
evenly over the other causes. The pool is the mean of these distributions. Its largest probability names the cause and
is the confidence. So agreement gives the mean of the confidences, and each analyst that names another cause takes
almost its whole share away.

The embedded analysis is the ceiling: no opinion makes it surer, a fix simpler, or a cause outside the code curable.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from statistics import fmean

from core.models import TELLABLE, Cause, Impact, Severity
from core.models.counted import counted
from core.signals.analysis.types import Conclusion, Opinion


def opinion_of(found: Conclusion) -> Opinion:
    """What an analyst said of itself; an analyst without a model is its own opinion."""
    return found.opinion or Opinion(
        found.analyst, found.cause, found.severity, found.impact, found.confidence, found.simplicity, found.root_cause
    )


def pool(said: Sequence[Opinion]) -> dict[Cause, float]:
    """The probability of each cause. The probabilities sum to 1."""
    return {cause: fmean(_probability(one, cause) for one in said) for cause in TELLABLE}


def _probability(said: Opinion, cause: Cause) -> float:
    return said.confidence if said.cause is cause else (1 - said.confidence) / (len(TELLABLE) - 1)


def combined(found: Sequence[Conclusion]) -> Conclusion:
    """One conclusion of all; the last one is the embedded analysis. With one alone, it is that one."""
    known = found[-1]
    if len(found) == 1:
        return known
    said = [opinion_of(one) for one in found]
    chances = pool(said)
    # a tie goes to the embedded analysis
    likeliest = max(TELLABLE, key=lambda cause: (chances[cause], cause is known.cause))
    cause = likeliest if known.cause is Cause.CODE else known.cause
    speaker = _speaker(found, said, cause)
    return replace(
        known,
        analyst=", ".join(one.analyst for one in found),
        root_cause=speaker.root_cause,
        next_step=speaker.next_step or known.next_step,
        cause=cause,
        severity=max((one.severity for one in found), key=list(Severity).index),
        impact=max((one.impact for one in found), key=list(Impact).index),
        confidence=round(min(known.confidence, chances[cause]), 3),
        simplicity=round(min(known.simplicity, fmean(one.simplicity for one in said)), 3),
        evidence=[*known.evidence, *_shown(said, cause)],
    )


def _speaker(found: Sequence[Conclusion], said: Sequence[Opinion], cause: Cause) -> Conclusion:
    """Whose words are shown first: the surest model that names the cause, or else the embedded analysis."""
    agreeing = [(opinion, one) for opinion, one in zip(said[:-1], found, strict=False) if opinion.cause is cause]
    return max(agreeing, key=lambda pair: pair[0].confidence)[1] if agreeing else found[-1]


def _shown(said: Sequence[Opinion], cause: Cause) -> list[dict]:
    """The rows for the screen: who agrees, and what each one said."""
    agree = sum(one.cause is cause for one in said)
    message = f"{agree} of {counted(len(said), 'analyst')} name the cause {cause.value}"
    if agree < len(said):
        message += "; disagreement lowers the confidence"
    return [
        {"says": message, "weight": 0},
        *({"says": f"{one.analyst} says {one.cause.value}", "weight": 0, "opinion": asdict(one)} for one in said),
    ]
