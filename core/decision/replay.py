"""Replay: past decisions, judged again under another policy. Pure; the inputs come from the stored receipts.

A decision flips if its verdict changes, or if it starts or stops needing a person's approval. Each flip carries the
real outcome of the run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime

from core.decision import guards, rules, situation
from core.models import Verdict, recorded
from core.policy.reader import Policy


@dataclass(frozen=True)
class PastDecision:
    """A decision as it was made. ``inputs`` is its receipt's Situation; ``outcome`` is the run's result, or ""."""

    issue_id: int
    title: str
    service: str
    at: datetime
    verdict: Verdict
    needs_approval: bool
    confidence: float
    inputs: Mapping
    outcome: str = ""


@dataclass(frozen=True)
class Flip:
    """``already`` is True if the policy in force today decides like the new one."""

    past: PastDecision
    verdict: Verdict
    needs_approval: bool
    confidence: float
    message: str
    already: bool


@dataclass(frozen=True)
class Replay:
    """``unreadable`` counts decisions whose receipt lacks its inputs; ``judged`` excludes them."""

    judged: int
    unreadable: int
    flips: list[Flip]

    def kinds(self) -> dict[tuple[str, str], int]:
        """The number of flips by old and new decision, in words."""
        return dict(
            Counter(
                (words(f.past.verdict, f.past.needs_approval), words(f.verdict, f.needs_approval)) for f in self.flips
            )
        )

    def as_json(self) -> dict:
        flips = [{**recorded.plain(f), "past": {**asdict(f.past), "at": f.past.at.isoformat()}} for f in self.flips]
        return {"judged": self.judged, "unreadable": self.unreadable, "flips": flips}


WORDS = {
    Verdict.AUTO_RESOLVE: "resolve automatically",
    Verdict.SCHEDULE_MAINTENANCE: "wait for maintenance",
    Verdict.ESCALATE_HUMAN: "escalate",
}


def words(verdict: Verdict, needs_approval: bool) -> str:
    return WORDS[verdict] + (", with approval" if needs_approval else "")


def replay(pasts: Iterable[PastDecision], policy: Policy, in_force: Policy | None = None) -> Replay:
    """Judge each past decision under ``policy``; ``in_force`` marks flips that today's policy decides the same way."""
    judged, unreadable, flips = 0, 0, []
    for past in pasts:
        try:
            case = situation.read_situation(dict(past.inputs))
        except (ValueError, TypeError):
            unreadable += 1
            continue
        judged += 1
        verdict, confidence, row, said, approval = rules.judge(case, policy)
        if (verdict, approval) != (past.verdict, past.needs_approval):
            now = rules.judge(case, in_force) if in_force else None
            already = now is not None and (now[0], now[4]) == (verdict, approval)
            flips.append(Flip(past, verdict, approval, confidence, _why(row, said), already))
    return Replay(judged, unreadable, flips)


def _why(row: rules.MatrixRow, said: list[guards.Guard]) -> str:
    fired = "; ".join(f"{guard.name}: {guard.message}" for guard in said if guard.effect in ("escalate", "approval"))
    return f"row {row.number}: {row.message}" + (f". {fired}" if fired else "")
