"""From crash to proved fix: fixable? reproduce, observe, propose, refuse, judge, prove. Else a person."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

from core.models import Cause, Crash
from core.policy.sections import FixRules
from core.repair.judge import policy
from core.repair.judge.annotation import unannounced
from core.repair.judge.judge import Judged, choose, crash_like, difference, mended, trust, uncured
from core.repair.localize.fixability import classify
from core.repair.localize.locate import located
from core.repair.prove.generated_tests import refused
from core.repair.prove.proof import prove, write
from core.repair.reproduce.inputs import recorded_calls
from core.repair.reproduce.mutate import mutated, pool_of
from core.repair.reproduce.reproduce import crashing_calls, further_calls, is_crash, written
from core.repair.reproduce.test_calls import scaffolds, seen_types
from core.repair.sandbox import checkout
from core.repair.sandbox.probe import Call, ProbeOutcome, observed, probe, probes
from core.repair.sandbox.runner import interpreter_of
from core.repair.types import Attempt, Candidate, Fixer, FixResult, Runner

_CONFUSED = re.compile(r"indices must be|has no attribute|object is not iterable")
CANDIDATES, INPUTS, INNER = 40, 100, 40
PROOFS = 3  # candidates that are proved one after another
FOLLOWED = 4  # candidates that lead to a further crash and are taken on from there


@dataclass(frozen=True)
class Bench:
    """What every candidate of one crash is measured against.

    ``calls`` begin with the ``hits`` that crash as reported; those up to ``outer`` enter where these do,
    the others in the frames below or as the tests do.
    """

    tree: Path
    crash: Crash
    runner: Runner
    base: dict[str, str]
    rules: FixRules
    allowed: Sequence[str]
    calls: Sequence[Call]
    before: Sequence[ProbeOutcome]
    hits: int
    outer: int
    source: Sequence[str] = ()
    suite: Suite = field(default_factory=Suite)
    attempts: list[Attempt] = field(default_factory=list)
    judged: list[Judged] = field(default_factory=list)


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
    crash = located(tree, crash)
    found = classify(crash, tree)
    if not found.fixable:
        return FixResult("escalate", found.says, found.cause, found.next_step, final=True)
    base = {name: (tree / name).read_text("utf-8") for name in checkout.tracked(tree, "*.py")}
    hits = crashing_calls(tree, crash, runner)
    checkout.start_over(tree)
    if not hits:
        return _unproved(tree, crash, fixers, feedback)
    crash = observed(tree, hits[0], crash, runner)
    bench = _bench(tree, crash, hits, runner, base, rules, allowed)
    proposed = list(_proposed(fixers, tree, crash, feedback))  # asked for once: a model costs
    _search(bench, fixers, proposed)
    if _hopeful(bench) and (more := [c for c in further_calls(tree, crash, runner, every=True) if c not in hits]):
        bench = _bench(tree, crash, [*hits, *more], runner, base, rules, allowed)
        _search(bench, fixers, proposed)
    return _decided(bench, tests, test_command)


def _hopeful(bench: Bench) -> bool:
    """Nothing that anything speaks for survived, but such a one may work on another input than those seen so far."""
    if any(one.candidate.evidence for one in bench.judged):
        return False
    led_on = ("input now raises", "input still crashes")
    return any(a.candidate.evidence and any(words in a.reason for words in led_on) for a in bench.attempts)


def _unproved(tree: Path, crash: Crash, fixers: Sequence[Fixer], feedback: Sequence[str]) -> FixResult:
    """A proposal at most: what cannot be reproduced cannot be proved."""
    proposal = next((c for c in _proposed(fixers, tree, crash, feedback) if c.evidence), None)
    step = "Find the input that leads to it by hand."
    says = "The crash could not be reproduced."
    return FixResult("escalate", says, next_step=step, candidate=proposal, final=True)


def _bench(
    tree: Path,
    crash: Crash,
    hits: Sequence[Call],
    runner: Runner,
    base: dict[str, str],
    rules: FixRules,
    allowed: Sequence[str],
) -> Bench:
    """Inputs whose outcome is the same in any order; what is random or keeps state can judge nothing."""
    outer, inner = _inputs(tree, crash, hits)
    calls = list(dict.fromkeys([*outer, *inner]))
    both = probe(tree, [*calls, *reversed(calls)], runner)
    back = list(reversed(both[len(calls) :]))
    pairs = enumerate(zip(calls, both, back, strict=False))
    kept = [i for i, (call, one, other) in pairs if i < len(hits) or (one == other and not call.odd)]
    return Bench(
        tree, crash, runner, base, rules, allowed,
        [calls[i] for i in kept], [both[i] for i in kept], len(hits), sum(i < len(outer) for i in kept),
    )  # fmt: skip


def _inputs(tree: Path, crash: Crash, hits: Sequence[Call]) -> tuple[list[Call], list[Call]]:
    """Calls like those that crash, which come first, and calls of the frames below or as the tests make them."""
    pool, seen = pool_of(crash), seen_types(tree)
    confused = bool(_CONFUSED.search(crash.exception.message))
    outer = [*hits, *islice(mutated(hits[0], pool, seen, confused), INPUTS)]
    recorded = [call for call in recorded_calls(tree, crash) if call not in hits]
    below = [*recorded[-2:], *scaffolds(tree, crash, wanted_only=True)[:6]]
    inner = [like for call in below for like in [call, *islice(mutated(call, pool, seen, confused), INNER)]]
    return list(dict.fromkeys(outer)), inner


def _proposed(fixers: Sequence[Fixer], tree: Path, crash: Crash, feedback: Sequence[str]) -> Iterator[Candidate]:
    for fixer in fixers:
        yield from islice(fixer.propose(tree, crash, feedback), CANDIDATES)


def _search(bench: Bench, fixers: Sequence[Fixer], proposed: Sequence[Candidate]) -> None:
    """Judge the proposals; those that only lead to a further crash are taken on from there, once."""
    leads = _judge(bench, proposed)
    own = [fixer for fixer in fixers if fixer.name == "embedded"]
    leads = sorted(leads, key=lambda c: -trust(c))[:FOLLOWED] if own else []
    _judge(bench, [further for lead in leads for further in _further(bench, own, lead)], further=True)
    checkout.start_over(bench.tree)


def _judge(bench: Bench, candidates: Sequence[Candidate], further: bool = False) -> list[Candidate]:
    """Run all candidates on the bench's inputs; returns those that lead to another crash of the program."""
    tried, shown = [], interpreter_of(bench.runner).modules
    for candidate in candidates:
        if reason := policy.refuse(bench.base, candidate, bench.rules, bench.allowed, bench.crash, shown):
            bench.attempts.append(Attempt(candidate, reason))
        else:
            tried.append(candidate)
    results = probes(bench.tree, bench.calls, [c.files for c in tried], bench.runner) if tried else []
    _restore(bench, tried)
    leads = []
    for candidate, after in zip(tried, results, strict=True):
        if not _survived(bench, candidate, after, further) and _leads(after):
            leads.append(candidate)
    return leads


def _survived(bench: Bench, candidate: Candidate, after: Sequence[ProbeOutcome], further: bool) -> bool:
    """Note what became of a candidate that was run: an attempt, and where nothing speaks against it one to choose."""
    shown = mended(after, bench.hits, candidate)
    reason = _against(bench, after, shown)
    if reason is None and shown is not None:
        reason = unannounced({**bench.base, **candidate.files}, bench.crash, bench.calls[shown], after[shown])
    bench.attempts.append(Attempt(candidate, reason or "", _led_on(after[0], bench.crash) if after else None))
    if reason is not None or shown is None:
        return False
    outer = slice(0, bench.outer)
    like = crash_like(bench.before[outer], after[outer], bench.crash)
    bench.judged.append(Judged(candidate, like, shown, further))
    return True


def _against(bench: Bench, after: Sequence[ProbeOutcome], shown: int | None) -> str | None:
    """Why what the candidate does is no fix; None when nothing speaks against it."""
    if reason := difference(bench.before, after, bench.crash):
        return reason
    if shown is None:
        still = is_crash(after[0], bench.crash)
        return "the reported input still crashes" if still else f"the reported input now raises {after[0].error}"
    outer = slice(0, bench.outer)
    return uncured(bench.before[outer], after[outer], bench.crash)


def _leads(after: Sequence[ProbeOutcome]) -> bool:
    """The reported input gets as far as an error in the program that is no deliberate one."""
    return bool(after) and bool(after[0].error and after[0].file) and not after[0].deliberate


def _led_on(outcome: ProbeOutcome, crash: Crash) -> tuple[str, str, str] | None:
    other = outcome.error and outcome.file and not outcome.deliberate and not is_crash(outcome, crash)
    return (outcome.error, outcome.file, outcome.function) if other else None


def _further(bench: Bench, fixers: Sequence[Fixer], lead: Candidate) -> Iterator[Candidate]:
    """Candidates for the crash that comes next once ``lead`` is applied, each together with it."""
    try:
        write(bench.tree, lead.files)
        next_ = observed(bench.tree, bench.calls[0], bench.crash, bench.runner)
        after = probe(bench.tree, bench.calls[:1], bench.runner)
        kind = bench.crash.exception.model_copy(update={"type": after[0].error, "message": after[0].text})
        proposals = list(_proposed(fixers, bench.tree, next_.model_copy(update={"exception": kind}), ()))
    finally:
        _restore(bench, [lead])
    for more in proposals[:10]:
        yield replace(
            more,
            files={**lead.files, **more.files},
            rationale=f"{lead.rationale} {more.rationale}" if more.rationale != lead.rationale else lead.rationale,
            evidence=(*lead.evidence, *more.evidence) if lead.evidence and more.evidence else (),
            confidence=round(min(lead.confidence, more.confidence) - 0.02, 3),
        )


def _restore(bench: Bench, candidates: Sequence[Candidate]) -> None:
    for name in {name for candidate in candidates for name in candidate.files}:
        if name in bench.base:
            write(bench.tree, {name: bench.base[name]})
        else:
            (bench.tree / name).unlink(missing_ok=True)


def _decided(bench: Bench, tests: str, test_command: Sequence[str]) -> FixResult:
    """The best one whose proof is complete; one whose proof is not is refused, and the others are left."""
    unproved: FixResult | None = None
    for _ in range(PROOFS):
        chosen, why = choose(bench.judged)
        if chosen is None:
            return unproved or _undecided(bench, why)
        result = _proved(bench, chosen, why, tests, test_command)
        if result.decision == "fix":
            return result
        unproved = unproved or result
        bench.judged.remove(chosen)
        bench.attempts[:] = [_told(a, chosen.candidate, result.reason) for a in bench.attempts]
    return unproved or _undecided(bench, "No candidate was proved.")


def _undecided(bench: Bench, why: str) -> FixResult:
    step = "Decide what the program is meant to do with this input; the refused attempts say what was tried."
    return FixResult("escalate", why, Cause.CODE, step, attempts=bench.attempts, final=bool(bench.judged))


def _told(attempt: Attempt, refused: Candidate, why: str) -> Attempt:
    """With the reason, when it is the attempt of the refused candidate."""
    return replace(attempt, reason=why) if attempt.candidate is refused else attempt


def _proved(bench: Bench, judged: Judged, why: str, tests: str, test_command: Sequence[str]) -> FixResult:
    chosen = judged.candidate
    test = written(bench.calls[judged.shown], bench.crash, chosen.raises, tests)
    result = FixResult("escalate", why, candidate=chosen, attempts=bench.attempts)
    if reason := refused(test, bench.base, tests):
        says = f"The regression test may not be run: {reason}."
        return replace(result, reason=says, next_step="Write the test by hand.")
    old = {n: bench.base[n] for n in chosen.files if n in bench.base}
    proof = prove(bench.tree, old, chosen, test, bench.runner, test_command, bench.crash, bench.rules.tests_seconds)
    checkout.start_over(bench.tree)
    result = replace(result, test=test, proof=proof)
    if not proof.complete:
        return replace(result, reason=" ".join(proof.says), next_step="Read the proof.")
    write(bench.tree, {**chosen.files, test.path: test.code})
    return replace(result, decision="fix", confidence=trust(chosen))
