"""The decision and a receipt that a person can check: each number, rule and guard, and the closest alternative."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace

from core.decision.evidence import open_to_more
from core.decision.rules import LAST, MatrixRow, judge, judge_at, terms
from core.decision.situation import Situation
from core.models import CURABLE, Cause, Impact, Severity, Verdict, recorded
from core.policy.reader import Policy

TAKES_OVER = "A person takes over, and no fix is written for approval"
SEVERITIES, IMPACTS = list(Severity), list(Impact)


@dataclass(frozen=True)
class Receipt:
    verdict: Verdict
    confidence: float
    row: int
    row_message: str
    needs_approval: bool
    terms: list[dict]
    guards: list[dict]
    flip: dict | None
    inputs: dict
    open_to_evidence: bool  # an escalation that more reports could change (core/stages/reconsider.py)

    def as_json(self) -> dict:
        return recorded.plain(self)


def decide(case: Situation, policy: Policy) -> Receipt:
    """The decision with its receipt. Pure: the same inputs give the same receipt."""
    parts = terms(case, policy)
    verdict, confidence, row, said, approval = judge(case, policy)
    return Receipt(
        verdict,
        confidence,
        row.number,
        _said(row, case, confidence, policy),
        approval,
        parts,
        [recorded.plain(guard) for guard in said],
        _flip(case, confidence, verdict, policy),
        asdict(case),
        open_to_more(case, policy),
    )


def _said(row: MatrixRow, case: Situation, confidence: float, policy: Policy) -> str:
    """The message of the row; of the last one also what would act on the case, and that no fix follows."""
    if row.number != LAST:
        return row.message
    what = f"{case.severity} severity with {case.impact} business impact"
    acting = [c for c in _bounds(policy) if c > confidence and judge_at(c, case, policy)[0].number != LAST]
    when = f"from a confidence of {min(acting):g}" if acting else "at no confidence"
    return f"{row.message}. The matrix acts on {what} {when}. {TAKES_OVER}"


def _bounds(policy: Policy) -> list[float]:
    t = policy.thresholds
    return [t.escalate_below, t.auto_any, t.auto_mild, t.auto_contained]


def _flip(case: Situation, confidence: float, verdict: Verdict, policy: Policy) -> dict | None:
    """The closest alternative outcome: the smallest single change that gives another verdict.

    A step is one level, or 0.1 of confidence.
    """
    found = [change for change in _changes(case, confidence, policy) if change.pop("verdict") != verdict]
    return min(found, key=lambda change: change["steps"], default=None)


def _changes(case: Situation, confidence: float, policy: Policy) -> Iterator[dict]:
    for bound in {*_bounds(policy), policy.guards.critical_confidence}:
        to = bound if bound > confidence else round(bound - 0.0001, 4)
        yield _change("confidence", confidence, to, abs(to - confidence) * 10, judge_at(to, case, policy)[1])
    for name, levels in (("severity", SEVERITIES), ("impact", IMPACTS)):
        at = levels.index(getattr(case, name))
        for index, level in enumerate(levels):
            if index != at:
                other = judge(replace(case, **{name: level}), policy)[0]
                yield _change(name, levels[at], level, abs(index - at), other)
    if case.cause not in CURABLE:
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
