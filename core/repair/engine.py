"""From crash to proved fix: fixable? reproduce, propose, refuse, judge, prove. Else a person."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.models import Cause, Crash
from core.repair import policy
from core.repair.fixability import classify
from core.repair.inputs import mutated, pool_of
from core.repair.judge import Judged, choose, crash_like, difference
from core.repair.probe import Call, Outcome, probe
from core.repair.proof import prove, write
from core.repair.reproduce import crashing_call, is_crash, written
from core.repair.shapes import Attempt, Candidate, Fixer, FixResult, Runner
from core.settings import FixRules
from core.vendors.command import git

CANDIDATES, INPUTS = 24, 80


@dataclass(frozen=True)
class Bench:
    """What every candidate of one crash is measured against."""

    tree: Path
    crash: Crash
    runner: Runner
    calls: Sequence[Call]
    before: Sequence[Outcome]


def repair(
    tree: Path,
    crash: Crash,
    *,
    fixers: Sequence[Fixer],
    rules: FixRules,
    allowed: Sequence[str],
    source: Sequence[str],
    tests: str,
    test_command: Sequence[str],
    runner: Runner,
    feedback: Sequence[str] = (),
) -> FixResult:
    """Repair ``crash`` in ``tree``, a clean git checkout.

    On fix, candidate and regression test are left applied, uncommitted; on escalate the tree is clean.
    """
    result = _repaired(tree, crash, fixers, rules, allowed, test_command, runner, feedback)
    if result.decision != "fix":
        git(tree, "checkout", "-q", "--", ".")
        git(tree, "clean", "-fdq")
    return result


def _repaired(tree, crash, fixers, rules, allowed, test_command, runner, feedback) -> FixResult:
    found = classify(crash, tree)
    if not found.fixable:
        return FixResult("escalate", found.says, found.cause, found.next_step)
    call = crashing_call(tree, crash, runner)
    if call is None:
        return FixResult("escalate", "The crash could not be reproduced.", next_step="Find the input by hand.")
    bench = _bench(tree, crash, call, runner)
    base = {name: (tree / name).read_text("utf-8") for name in git(tree, "ls-files", "*.py").splitlines()}
    judged, attempts = [], []
    for candidate in _proposed(fixers, tree, crash, feedback):
        reason = policy.refuse(base, candidate, rules, allowed, crash)
        reason = reason or _judged(bench, base, candidate, judged)
        attempts.append(Attempt(candidate, reason or ""))
    chosen, why = choose(judged)
    if chosen is None:
        return FixResult("escalate", why, Cause.CODE, "Read the refused attempts.", attempts=attempts)
    return _proved(bench, base, chosen, why, written(call, crash), test_command, attempts)


def _bench(tree: Path, crash: Crash, call: Call, runner: Runner) -> Bench:
    calls = list(dict.fromkeys([call, *mutated(call, pool_of(crash))]))[:INPUTS]
    return Bench(tree, crash, runner, calls, probe(tree, calls, runner))


def _proposed(fixers: Sequence[Fixer], tree: Path, crash: Crash, feedback: Sequence[str]) -> Iterator[Candidate]:
    for fixer in fixers:
        for count, candidate in enumerate(fixer.propose(tree, crash, feedback), 1):
            yield candidate
            if count == CANDIDATES:
                break


def _judged(bench: Bench, base: dict, candidate: Candidate, judged: list[Judged]) -> str | None:
    """Run the candidate on the bench's inputs; the old texts are put back in any case."""
    try:
        write(bench.tree, candidate.files)
        after = probe(bench.tree, bench.calls, bench.runner)
    finally:
        _restore(bench.tree, base, candidate)
    reason = difference(bench.before, after, bench.crash)
    if reason is None and not after[0].result and not is_crash(after[0], bench.crash):
        reason = f"the reported input now raises {after[0].error}"
    if reason is None:
        judged.append(Judged(candidate, crash_like(bench.before, after, bench.crash)))
    return reason


def _restore(tree: Path, base: dict, candidate: Candidate) -> None:
    write(tree, {n: base[n] for n in candidate.files if n in base})
    for name in candidate.files:
        if name not in base:
            (tree / name).unlink(missing_ok=True)


def _proved(bench, base, chosen, why, test, test_command, attempts) -> FixResult:
    old = {n: base[n] for n in chosen.files if n in base}
    proof = prove(bench.tree, old, chosen, test, bench.runner, test_command, bench.crash)
    kept = dict(candidate=chosen, test=test, proof=proof, attempts=attempts)
    if not proof.complete:
        return FixResult("escalate", " ".join(proof.says), next_step="Read the proof.", **kept)
    confidence = chosen.confidence if chosen.evidence else min(chosen.confidence, 0.79)
    return FixResult("fix", why, confidence=confidence, **kept)
