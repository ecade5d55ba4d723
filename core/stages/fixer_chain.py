"""The order and the budget of the fixers: as the policy orders them, and the models within their budget.

Every fixer's candidates pass through the same judging, policy and proof. A model gets the reasons for which earlier
attempts were refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from sqlmodel import Session, func, select

from core.db import store
from core.models import ChangeSet, Crash, now
from core.policy.sections import ModelRules
from core.repair import engine
from core.repair.judge.precision import REVERT, SECURITY
from core.repair.prove.proof import write
from core.repair.sandbox import checkout
from core.repair.types import Attempt, Candidate, Evidence, Fixer, FixResult

EMBEDDED = "embedded"
ONCE = (EMBEDDED, REVERT, SECURITY)  # their answer is the same each time, and costs nothing
FEEDBACK = 20  # newest refused attempts that a model gets


Work = Callable[..., FixResult]


class Fresh:
    """Wraps a fixer so that it does not repeat proposals that the review rejected."""

    def __init__(self, fixer: Fixer, refused: Sequence[Mapping[str, str]]):
        self.name, self.fixer, self.refused = fixer.name, fixer, refused

    def tests(self, tree: Path, crash: Crash, feedback: Sequence[str] = ()) -> Iterator[str]:
        """Failing tests, if the fixer writes any."""
        yield from getattr(self.fixer, "tests", lambda *_: ())(tree, crash, feedback)

    def propose(self, tree: Path, crash: Crash, feedback: Sequence[str] = ()) -> Iterator[Candidate]:
        return (c for c in self.fixer.propose(tree, crash, feedback) if not c.files or c.files not in self.refused)


@dataclass(frozen=True)
class Spent:
    tokens: int = 0
    usd: float = 0.0

    def __add__(self, other: Spent) -> Spent:
        return Spent(self.tokens + other.tokens, self.usd + other.usd)


def price(candidate: Candidate, rules: ModelRules) -> float:
    """The cost of one attempt in US dollars: as reported by its server, or else its tokens at the policy's price."""
    return candidate.cost_usd or candidate.tokens * rules.usd_per_million_tokens / 1e6


def spent(attempts: Sequence[Attempt], rules: ModelRules) -> Spent:
    return Spent(sum(a.candidate.tokens for a in attempts), sum(price(a.candidate, rules) for a in attempts))


def spent_before(issue_id: int) -> tuple[Spent, Spent]:
    """The cost of the models for this issue, and for all issues in the last 24 hours."""
    with store.read() as session:
        return (
            _summed(session, ChangeSet.issue_id == issue_id),
            _summed(session, ChangeSet.created_at >= now() - timedelta(days=1)),
        )


def _summed(session: Session, where) -> Spent:
    tokens, usd = session.exec(select(func.sum(ChangeSet.tokens), func.sum(ChangeSet.cost_usd)).where(where)).one()
    return Spent(tokens or 0, usd or 0.0)


def overspent(rules: ModelRules, issue: Spent, day: Spent) -> str:
    """A sentence for people naming the budget that is used up; empty if none is."""
    limits = (
        (issue.tokens, rules.tokens_per_issue, "tokens for this issue"),
        (day.tokens, rules.tokens_per_day, "tokens in 24 hours"),
        (issue.usd, rules.usd_per_issue, "dollars for this issue"),
        (day.usd, rules.usd_per_day, "dollars in 24 hours"),
    )
    return next((f"the budget of {limit:,.10g} {what} is used up" for used, limit, what in limits if used >= limit), "")


def ordered(fixers: Sequence[Fixer], order: Sequence[str]) -> list[Fixer]:
    """The fixers in the policy's order, without those that it does not name."""
    return sorted((one for one in fixers if one.name in order), key=lambda one: order.index(one.name))


def climb(issue_id: int, fixers: Sequence[Fixer], refused: Sequence[Mapping[str, str]], **given) -> FixResult:
    """The fixers for one issue, within the remaining budgets of the issue and of the day."""
    issue, day = spent_before(issue_id)
    return chain([Fresh(fixer, refused) for fixer in fixers], issue, day, **given)


def chain(fixers: Sequence[Fixer], issue: Spent, day: Spent, work: Work | None = None, **given) -> FixResult:
    """Run ``work``, by default ``engine.repair``, with one fixer after the other; ``given`` are its other arguments.

    Stops at the first proved fix with evidence. A proved fix without evidence is kept while the models try to find a
    better one. ``issue`` and ``day`` are the costs so far.
    """
    rules = given["rules"].models
    attempts: list[Attempt] = []
    notes: list[str] = []
    feedback = list(given.pop("feedback", ()))
    work, groundwork = work or engine.repair, engine.Groundwork()
    best = FixResult("escalate", "No repairer is configured.")
    for fixer in _rungs(fixers, rules):
        now_spent = spent(attempts, rules)
        if fixer.name not in ONCE and (why := overspent(rules, issue + now_spent, day + now_spent)):
            notes.append(f"{fixer.name} was not used: {why}.")
            continue  # to the embedded repairer, which costs nothing, wherever it stands in the order
        result = work(fixers=[fixer], feedback=feedback[-FEEDBACK:], groundwork=groundwork, **given)
        attempts += result.attempts
        best = _better(best, result)
        if result.final or (result.decision == "fix" and _shown(result)):
            break
        if result.decision == "fix":
            checkout.start_over(given["tree"])
        feedback += _feedback(result.attempts)
    _write_back(given["tree"], best)
    return replace(best, reason=" ".join([best.reason, *dict.fromkeys(notes)]), attempts=attempts)


def _feedback(attempts: Sequence[Attempt]) -> list[str]:
    """Why each was refused, as the next fixer is told."""
    return [f"{a.candidate.generator} ({a.candidate.template}): {a.reason}" for a in attempts if a.reason]


def _write_back(tree: Path, best: FixResult) -> None:
    """Write the chosen fix again: a later fixer started over."""
    if best.decision == "fix" and best.candidate and best.test:
        write(tree, {**best.candidate.files, best.test.path: best.test.code})


def _shown(result: FixResult) -> bool:
    """Does anything in the program, or a benchmark with the same results, show that the fix is the intended one?"""
    known = result.candidate is not None and result.candidate.grade >= Evidence.SIBLING
    return known or bool(result.benchmark)


def _better(one: FixResult, other: FixResult) -> FixResult:
    """Prefers a proved fix to an escalation, then the stronger evidence, then the later result."""
    return max(other, one, key=lambda r: (r.decision == "fix", r.candidate.grade if r.candidate else -1))


def _rungs(fixers: Sequence[Fixer], rules: ModelRules) -> Iterator[Fixer]:
    for fixer in fixers:
        yield from [fixer] * (1 if fixer.name in ONCE else rules.tries)
