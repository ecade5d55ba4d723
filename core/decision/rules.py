"""The decision: a pure function of the situation; it returns a receipt that a person can check.

confidence = min(1, 0.4*analysis + 0.3*history + 0.2*simplicity + 0.1*low impact)
history    = (successes + prior*weight) / (n + weight), a Beta-smoothed rate of the pattern

The first matching row wins. The guards follow and can only make the verdict safer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from itertools import takewhile

from core.models import Cause, Impact, Severity, Verdict
from core.models.counted import counted
from core.policy.reader import Policy

SEVERITIES, IMPACTS = list(Severity), list(Impact)
LOW_IMPACT = {Impact.LOW: 1.0, Impact.MEDIUM: 0.5, Impact.HIGH: 0.0}
MILD = (Severity.LOW, Severity.MEDIUM)
CORROBORATION = "corroboration"  # the guard that asks a person when nothing corroborates a report
AUTO, SCHEDULE, ESCALATE = Verdict.AUTO_RESOLVE, Verdict.SCHEDULE_MAINTENANCE, Verdict.ESCALATE_HUMAN


@dataclass(frozen=True)
class Situation:
    """All inputs of a decision. ``analysis`` and ``simplicity`` are 0..1; ``history`` counts a pattern's outcomes.

    ``corroborated``: the service's own metrics or logs show the failures that were reported.
    """

    service: str
    severity: Severity
    impact: Impact
    cause: Cause = Cause.CODE
    analysis: float = 0.0
    simplicity: float = 0.0
    successes: int = 0
    outcomes: int = 0
    occurrences: int = 1
    deployments_last_hour: int = 0
    rollbacks_in_a_row: int = 0
    corroborated: bool = True  # older decisions, made without this check, count as corroborated
    corroboration: str = ""  # by what, or why not


@dataclass(frozen=True)
class MatrixRow:
    number: int
    says: str
    matches: Callable[[float, Situation], bool]
    verdict: Verdict


@dataclass(frozen=True)
class Guard:
    """What a guard said: ``effect`` is empty (did not fire), approval, escalate or queue."""

    name: str
    effect: str
    says: str


@dataclass(frozen=True)
class Receipt:
    verdict: Verdict
    confidence: float
    row: int
    row_says: str
    needs_approval: bool
    terms: list[dict]
    guards: list[dict]
    flip: dict | None
    inputs: dict = field(default_factory=dict)

    def as_json(self) -> dict:
        return asdict(self)


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
        "simplicity": (case.simplicity, "1 means one line in one file"),
        "low_impact": (LOW_IMPACT[case.impact], f"business impact is {case.impact}"),
    }
    weights = policy.weights.model_dump()
    return [
        {
            "term": name,
            "value": round(value, 6),
            "weight": weights[name],
            "contribution": round(value * weights[name], 6),
            "says": says,
        }
        for name, (value, says) in values.items()
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
        MatrixRow(7, "no other row matches", lambda c, s: True, ESCALATE),
    ]


def guards(case: Situation, confidence: float, policy: Policy) -> Iterator[Guard]:
    """Every guard, fired or not, so that the receipt shows all checks."""
    g = policy.guards

    def guard(name: str, fired: bool, effect: str, says: str) -> Guard:
        return Guard(name, effect if fired else "", says)

    critical = policy.is_critical(case.service)
    yield guard(
        "known service",
        case.service not in policy.services,
        "escalate",
        f"{case.service or 'the service'} must be listed in platform.toml",
    )
    yield guard(
        "curable by code",
        case.cause is not Cause.CODE,
        "escalate",
        f"the cause is {case.cause}; the platform fixes only errors in the code",
    )
    yield guard(
        "evidence floor",
        case.occurrences < g.minimum_occurrences,
        "escalate",
        f"seen {counted(case.occurrences, 'time')}; the minimum is {g.minimum_occurrences}",
    )
    yield guard(
        "critical service confidence",
        critical and confidence < g.critical_confidence,
        "escalate",
        f"a critical service needs a confidence of at least {g.critical_confidence:g}",
    )
    yield guard(
        "critical severity",
        case.severity is Severity.CRITICAL,
        "approval",
        "critical severity needs a person's approval before production",
    )
    yield guard(
        "critical service",
        critical,
        "approval",
        f"{case.service} is {'' if critical else 'not '}a critical service",
    )
    yield guard(
        CORROBORATION,
        not case.corroborated and policy.asks_corroboration(case.service),
        "approval",
        case.corroboration or "the service's own metrics or logs must show the reported failures",
    )
    yield guard("approval policy", g.approval_always, "approval", "the policy requires approval of every fix")
    yield guard(
        "rollbacks in a row",
        case.rollbacks_in_a_row >= g.stop_after_rollbacks,
        "approval",
        f"{counted(case.rollbacks_in_a_row, 'rollback')} in a row; approval is required from {g.stop_after_rollbacks}",
    )
    yield guard(
        "deployments an hour",
        case.deployments_last_hour >= g.deployments_per_hour,
        "queue",
        f"{counted(case.deployments_last_hour, 'automatic deployment')} in the last hour; the limit is "
        f"{g.deployments_per_hour}",
    )


def judge(case: Situation, policy: Policy) -> tuple[Verdict, float, MatrixRow, list[Guard], bool]:
    confidence = confidence_of(terms(case, policy))
    row, verdict, said, approval = _judge_at(confidence, case, policy)
    return verdict, confidence, row, said, approval


def _judge_at(confidence: float, case: Situation, policy: Policy) -> tuple[MatrixRow, Verdict, list[Guard], bool]:
    row = next(row for row in rows(policy) if row.matches(confidence, case))
    said = list(guards(case, confidence, policy))
    effects = {guard.effect for guard in said}
    verdict = ESCALATE if "escalate" in effects else row.verdict
    return row, verdict, said, verdict is not ESCALATE and "approval" in effects


def decide(case: Situation, policy: Policy) -> Receipt:
    """The decision with its receipt. Pure: the same inputs give the same receipt."""
    parts = terms(case, policy)
    verdict, confidence, row, said, approval = judge(case, policy)
    return Receipt(
        verdict,
        confidence,
        row.number,
        row.says,
        approval,
        parts,
        [asdict(guard) for guard in said],
        _flip(case, confidence, verdict, policy),
        asdict(case),
    )


def _flip(case: Situation, confidence: float, verdict: Verdict, policy: Policy) -> dict | None:
    """The closest alternative outcome: the smallest single change that gives another verdict.

    A step is one level, or 0.1 of confidence.
    """
    found = [change for change in _changes(case, confidence, policy) if change.pop("verdict") != verdict]
    return min(found, key=lambda change: change["steps"], default=None)


def _changes(case: Situation, confidence: float, policy: Policy) -> Iterator[dict]:
    t = policy.thresholds
    for bound in {
        t.escalate_below,
        t.auto_any,
        t.auto_mild,
        t.auto_contained,
        policy.guards.critical_confidence,
    }:
        to = bound if bound > confidence else round(bound - 0.0001, 4)
        yield _change("confidence", confidence, to, abs(to - confidence) * 10, _judge_at(to, case, policy)[1])
    for name, ladder in (("severity", SEVERITIES), ("impact", IMPACTS)):
        at = ladder.index(getattr(case, name))
        for index, level in enumerate(ladder):
            if index != at:
                other = judge(replace(case, **{name: level}), policy)[0]
                yield _change(name, ladder[at], level, abs(index - at), other)
    if case.cause is not Cause.CODE:
        yield _change("cause", case.cause, Cause.CODE, 1, judge(replace(case, cause=Cause.CODE), policy)[0])
    if case.occurrences < policy.guards.minimum_occurrences:
        enough = policy.guards.minimum_occurrences
        other = judge(replace(case, occurrences=enough), policy)[0]
        yield _change("occurrences", case.occurrences, enough, 1, other)


def _change(name: str, before, after, steps: float, verdict: Verdict) -> dict:
    return {
        "change": name,
        "from": before,
        "to": after,
        "steps": round(steps, 3),
        "gives": str(verdict),
        "verdict": verdict,
    }


def rollbacks_in_a_row(results: list[str]) -> int:
    """How many of the newest outcomes (newest first) that reached production were rolled back, unbroken."""
    return sum(
        1
        for _ in takewhile(
            lambda result: result == "rolled_back", (r for r in results if r in ("fixed", "rolled_back"))
        )
    )


def read_situation(given: dict) -> Situation:
    """A Situation from plain JSON. Raises ValueError naming what is unknown, missing or out of range."""
    unknown = set(given) - set(Situation.__dataclass_fields__)
    if unknown:
        raise ValueError(f"unknown keys: {', '.join(sorted(unknown))}")
    if lacking := {"service", "severity", "impact"} - set(given):
        raise ValueError(f"missing keys: {', '.join(sorted(lacking))}")
    words = {"severity": Severity, "impact": Impact, "cause": Cause}
    case = Situation(**{key: words[key](value) if key in words else value for key, value in given.items()})
    for name in ("analysis", "simplicity"):
        if not 0 <= getattr(case, name) <= 1:
            raise ValueError(f"{name} must be between 0 and 1")
    if min(case.successes, case.outcomes - case.successes, case.occurrences) < 0:
        raise ValueError("successes, outcomes and occurrences are counts, with 0 <= successes <= outcomes")
    if not isinstance(case.corroborated, bool) or not isinstance(case.corroboration, str):
        raise ValueError("corroborated must be true or false, and corroboration must be text")
    return case
