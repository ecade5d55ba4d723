"""The bench of a crash: the inputs on which every candidate is run, and the result of each candidate."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

from core.models import Crash
from core.policy.sections import FixRules
from core.repair.judge import grading, policy
from core.repair.judge.annotation import called, unannounced
from core.repair.judge.judge import Judged, crash_like, difference, mended, uncured
from core.repair.prove.proof import OldSuite, write
from core.repair.reproduce.inputs import recorded_calls
from core.repair.reproduce.mutate import mutated, pool_of
from core.repair.reproduce.reproduce import is_crash
from core.repair.reproduce.test_calls import scaffolds, seen_types
from core.repair.sandbox.probe import Call, ProbeOutcome, observed, probe, probes
from core.repair.sandbox.runner import interpreter_of
from core.repair.types import Attempt, Candidate, Fixer, RegressionTest, Runner

CANDIDATES, INPUTS, INNER = 40, 100, 40
AGAIN, ALONE = 5, 120  # candidates that are rerun alone after a run that was cut short; seconds of each such run
_CONFUSED = re.compile(r"indices must be|has no attribute|object is not iterable")


@dataclass(frozen=True)
class Bench:
    """What every candidate of one crash is measured against.

    The first ``hits`` of ``calls`` crash as reported. Calls before index ``outer`` enter the program at the same
    function as these; the others enter in inner frames or as the tests do. ``test``: a model's test, if only that
    reproduced the crash.
    """

    tree: Path
    crash: Crash
    runner: Runner
    base: dict[str, str]
    rules: FixRules
    allowed: Sequence[str]
    calls: Sequence[Call] = ()
    before: Sequence[ProbeOutcome] = ()
    hits: int = 0
    outer: int = 0
    test: RegressionTest | None = None
    suite: OldSuite = field(default_factory=OldSuite)
    attempts: list[Attempt] = field(default_factory=list)
    judged: list[Judged] = field(default_factory=list)

    def on(self, hits: Sequence[Call]) -> Bench:
        """The bench with these inputs, limited to those whose outcome is the same in any order.

        Inputs with random or stateful outcomes cannot judge a candidate.
        """
        outer, inner = _inputs(self.tree, self.crash, hits)
        calls = list(dict.fromkeys([*outer, *inner]))
        both = probe(self.tree, [*calls, *reversed(calls)], self.runner, ALONE)
        first, again = both[: len(calls)], dict(zip(range(len(calls) - 1, -1, -1), both[len(calls) :], strict=False))
        if len(first) < len(hits):  # cut short by a machine that is busy
            calls, first = list(hits), probe(self.tree, hits, self.runner, ALONE)
        same = (i < len(hits) or (again.get(i) == one and not calls[i].odd) for i, one in enumerate(first))
        kept = [i for i, holds in enumerate(same) if holds]
        return replace(
            self,
            calls=[calls[i] for i in kept],
            before=[first[i] for i in kept],
            hits=min(len(hits), len(first)),
            outer=sum(i < len(outer) for i in kept),
            attempts=[],
            judged=[],
        )

    def restore(self, candidates: Sequence[Candidate]) -> None:
        for name in {name for candidate in candidates for name in candidate.files}:
            if name in self.base:
                write(self.tree, {name: self.base[name]})
            else:
                (self.tree / name).unlink(missing_ok=True)


def _inputs(tree: Path, crash: Crash, hits: Sequence[Call]) -> tuple[list[Call], list[Call]]:
    """Calls similar to the crashing ones (these come first), and calls of inner frames or from the tests."""
    pool, seen = pool_of(crash), seen_types(tree)
    confused = bool(_CONFUSED.search(crash.exception.message))
    outer = [*hits, *islice(mutated(hits[0], pool, seen, confused), INPUTS)]
    recorded = [call for call in recorded_calls(tree, crash) if call not in hits]
    below = [*recorded[-2:], *scaffolds(tree, crash, wanted_only=True)[:6]]
    inner = [like for call in below for like in [call, *islice(mutated(call, pool, seen, confused), INNER)]]
    return list(dict.fromkeys(outer)), inner


def proposed(fixers: Sequence[Fixer], tree: Path, crash: Crash, feedback: Sequence[str]) -> Iterator[Candidate]:
    for fixer in fixers:
        yield from islice(fixer.propose(tree, crash, feedback), CANDIDATES)


def allowed(bench: Bench, candidates: Sequence[Candidate]) -> list[Candidate]:
    """The candidates that may be run, with evidence for what they add; the others become refused attempts."""
    kept, shown = [], interpreter_of(bench.runner).modules
    for candidate in (grading.by_code(bench.tree, bench.crash, one, bench.base) for one in candidates):
        if reason := policy.refuse(bench.base, candidate, bench.rules, bench.allowed, bench.crash, shown):
            bench.attempts.append(Attempt(candidate, reason))
        else:
            kept.append(candidate)
    return kept


def judge(bench: Bench, candidates: Sequence[Candidate], further: bool = False) -> list[Candidate]:
    """Run all candidates on the bench's inputs; returns those that lead to another crash of the program."""
    tried = allowed(bench, candidates)
    results = probes(bench.tree, bench.calls, [c.files for c in tried], bench.runner) if tried else []
    for position in [i for i, after in enumerate(results) if len(after) < len(bench.before)][:AGAIN]:
        results[position] = probes(bench.tree, bench.calls, [tried[position].files], bench.runner, ALONE)[0]
    bench.restore(tried)
    partial = []
    for candidate, after in zip(tried, results, strict=True):
        if not _survived(bench, candidate, after, further) and _leads(after):
            partial.append(candidate)
    return partial


def _survived(bench: Bench, candidate: Candidate, after: Sequence[ProbeOutcome], further: bool) -> bool:
    """Record the result of a candidate's run: an attempt and, without an objection, a candidate to choose from."""
    shown = mended(after, bench.hits, candidate)
    reason = _against(bench, after, shown)
    if shown is not None:
        call, now = bench.calls[shown], after[shown]
        reason = reason or unannounced({**bench.base, **candidate.files}, bench.crash, call, now)
        candidate = grading.by_outcome(bench.tree, bench.crash, candidate, called(call.expression), now)
    bench.attempts.append(Attempt(candidate, reason or "", _led_on(after[0], bench.crash) if after else None))
    if reason is not None or shown is None:
        return False
    outer = slice(0, bench.outer)
    like = crash_like(bench.before[outer], after[outer], bench.crash)
    bench.judged.append(Judged(candidate, like, shown, further, after[shown]))
    return True


def _against(bench: Bench, after: Sequence[ProbeOutcome], shown: int | None) -> str | None:
    """Why the candidate's behaviour is not a fix; None if there is no objection."""
    if reason := difference(bench.before, after, bench.crash):
        return reason
    if shown is None:
        still = is_crash(after[0], bench.crash)
        return "the reported input still crashes" if still else f"the reported input now raises {after[0].error}"
    outer = slice(0, bench.outer)
    return uncured(bench.before[outer], after[outer], bench.crash)


def _leads(after: Sequence[ProbeOutcome]) -> bool:
    """Does the reported input now reach another error of the program, which is not deliberate?"""
    return bool(after) and bool(after[0].error and after[0].file) and not after[0].deliberate


def _led_on(outcome: ProbeOutcome, crash: Crash) -> tuple[str, str, str] | None:
    other = outcome.error and outcome.file and not outcome.deliberate and not is_crash(outcome, crash)
    return (outcome.error, outcome.file, outcome.function) if other else None


def further(bench: Bench, fixers: Sequence[Fixer], first: Candidate) -> Iterator[Candidate]:
    """Candidates for the next crash after ``first`` is applied, each combined with ``first``."""
    try:
        write(bench.tree, first.files)
        next_ = observed(bench.tree, bench.calls[0], bench.crash, bench.runner)
        after = probe(bench.tree, bench.calls[:1], bench.runner)
        kind = bench.crash.exception.model_copy(update={"type": after[0].error, "message": after[0].text})
        proposals = list(proposed(fixers, bench.tree, next_.model_copy(update={"exception": kind}), ()))
    finally:
        bench.restore([first])
    for more in proposals[:10]:
        yield replace(
            more,
            files={**first.files, **more.files},
            rationale=f"{first.rationale} {more.rationale}" if more.rationale != first.rationale else first.rationale,
            evidence=(*first.evidence, *more.evidence) if first.grade and more.grade else (),
            grade=min(first.grade, more.grade),
            far=max(first.far, more.far) + 1,
        )
