"""The rules: the confidence in a fix, and the matrix that turns it into a verdict. Pure.

confidence = min(1, 0.4*analysis + 0.3*history + 0.2*simplicity + 0.1*low impact)
history    = (successes + prior*weight) / (n + weight), a Beta-smoothed rate of the pattern
simplicity = that of the fix * SPREAD ^ (affected services - 1)

The first matching row wins. The guards follow (core/decision/guards.py).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from core.decision.guards import Guard, guards
from core.decision.situation import Situation
from core.models import Impact, Severity, Verdict
from core.models.counted import counted
from core.policy.reader import Policy

SPREAD = (
    0.8  # what each further affected service leaves of the simplicity: more callers depend on the changed behaviour
)
LOW_IMPACT = {Impact.LOW: 1.0, Impact.MEDIUM: 0.5, Impact.HIGH: 0.0}
MILD = (Severity.LOW, Severity.MEDIUM)
LAST = 7  # the row of what no other row acts on
AUTO, SCHEDULE, ESCALATE = Verdict.AUTO_RESOLVE, Verdict.SCHEDULE_MAINTENANCE, Verdict.ESCALATE_HUMAN


@dataclass(frozen=True)
class MatrixRow:
    number: int
    message: str
    matches: Callable[[float, Situation], bool]
    verdict: Verdict


def terms(case: Situation, policy: Policy) -> list[dict]:
    """The four terms with their weights; their contributions sum to the confidence."""
    prior, weight = policy.history.prior, policy.history.weight
    history = (case.successes + prior * weight) / (case.outcomes + weight) if case.outcomes + weight else prior
    values = {
        "analysis": (case.analysis, "confidence of the analysis"),
        "history": (
            history,
            f"{case.successes} of {counted(case.outcomes, 'earlier fix', 'earlier fixes')} of this pattern held; "
            f"the prior {prior:g} counts as {weight:g} {'case' if weight == 1 else 'cases'}",
        ),
        "simplicity": (
            case.simplicity * SPREAD ** (case.services - 1),
            f"1 means one line in one file; {counted(case.services, 'service is', 'services are')} affected",
        ),
        "low_impact": (LOW_IMPACT[case.impact], f"business impact is {case.impact}"),
    }
    weights = policy.weights.model_dump()
    return [
        {
            "term": name,
            "value": round(value, 6),
            "weight": weights[name],
            "contribution": round(value * weights[name], 6),
            "says": text,
        }
        for name, (value, text) in values.items()
    ]


def confidence_of(parts: list[dict]) -> float:
    return min(1.0, round(sum(part["contribution"] for part in parts), 4))


def rows(policy: Policy) -> list[MatrixRow]:
    """The matrix, in order. The numbers are the policy's thresholds."""
    t = policy.thresholds
    return [
        MatrixRow(
            1,
            "critical severity and high business impact",
            lambda c, s: s.severity is Severity.CRITICAL and s.impact is Impact.HIGH,
            ESCALATE,
        ),
        MatrixRow(2, f"confidence below {t.escalate_below:g}", lambda c, s: c < t.escalate_below, ESCALATE),
        MatrixRow(
            3,
            f"confidence at least {t.auto_any:g}, impact low or medium",
            lambda c, s: c >= t.auto_any and s.impact is not Impact.HIGH,
            AUTO,
        ),
        MatrixRow(
            4,
            f"confidence at least {t.auto_mild:g}, severity low or medium",
            lambda c, s: c >= t.auto_mild and s.severity in MILD,
            AUTO,
        ),
        MatrixRow(
            5,
            f"confidence at least {t.auto_contained:g}, severity high, impact low",
            lambda c, s: c >= t.auto_contained and s.severity is Severity.HIGH and s.impact is Impact.LOW,
            AUTO,
        ),
        MatrixRow(
            6,
            f"confidence at least {t.escalate_below:g}, severity low or medium, impact medium",
            lambda c, s: s.severity in MILD and s.impact is Impact.MEDIUM,
            SCHEDULE,
        ),
        MatrixRow(LAST, "no other row matches", lambda c, s: True, ESCALATE),
    ]


def judge(case: Situation, policy: Policy) -> tuple[Verdict, float, MatrixRow, list[Guard], bool]:
    confidence = confidence_of(terms(case, policy))
    row, verdict, said, approval = judge_at(confidence, case, policy)
    return verdict, confidence, row, said, approval


def judge_at(confidence: float, case: Situation, policy: Policy) -> tuple[MatrixRow, Verdict, list[Guard], bool]:
    row = next(row for row in rows(policy) if row.matches(confidence, case))
    said = list(guards(case, confidence, policy))
    effects = {guard.effect for guard in said}
    verdict = ESCALATE if "escalate" in effects else row.verdict
    return row, verdict, said, verdict is not ESCALATE and "approval" in effects
