"""From a crash to a proved fix: classify, reproduce, observe, propose, refuse, judge, prove; else escalate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from core.models import Cause, Crash
from core.policy.sections import FixRules
from core.repair import bench as benches
from core.repair.bench import Bench, proposed
from core.repair.fixers.prompting import FAILING
from core.repair.judge.judge import Judged, behaviours, choose
from core.repair.judge.precision import class_of, measured
from core.repair.localize.fixability import classify
from core.repair.localize.locate import located
from core.repair.prove.generated_tests import refused
from core.repair.prove.kept_rows import kept
from core.repair.prove.proof import prove, reproduced, write
from core.repair.reproduce.reproduce import crashing_calls, further_calls, written
from core.repair.reproduce.written_tests import calls_of, placed
from core.repair.sandbox import checkout
from core.repair.sandbox.newer_syntax import knowing
from core.repair.sandbox.probe import observed
from core.repair.types import Attempt, Candidate, Evidence, Fixer, FixResult, RegressionTest, Runner

PROOFS = 3  # maximum candidates whose proof is tried, one after another
FOLLOWED = 4  # maximum candidates that lead to a further crash and are extended by a second change


@dataclass
class Groundwork:
    """What all fixers of a chain share about one crash: its bench, which is built once."""

    bench: Bench | None = None


@dataclass(frozen=True)
class _Asked:
    """The service's source folders, tests folder and test command, as in the policy."""

    tests: str
    command: Sequence[str]
    source: Sequence[str]


@knowing
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
    groundwork: Groundwork | None = None,
) -> FixResult:
    """Repair ``crash`` in ``tree``, a clean git checkout.

    On "fix", the candidate and its regression test are left in the tree, uncommitted; on "escalate" the tree is clean.
    ``groundwork`` is passed from fixer to fixer of one crash, so that each reuses the bench and all candidates are
    judged together.
    """
    crash, groundwork, asked = located(tree, crash), groundwork or Groundwork(), _Asked(tests, test_command, source)
    found = classify(crash, tree)
    if not found.fixable:
        return FixResult("escalate", found.message, found.cause, found.next_step, final=True)
    bench = groundwork.bench or _reproduced(tree, crash, runner, rules, allowed)
    if not bench.hits:
        bench = _with_test(bench, fixers, feedback, asked)
    groundwork.bench = bench
    if not bench.hits:
        return _unproved(bench, fixers, feedback)
    groundwork.bench = bench = replace(bench, attempts=[])
    hints = [*feedback, f"{FAILING}{_told_test(bench, asked).code}"]
    candidates = list(proposed(fixers, tree, bench.crash, hints))  # generated once, because a model costs money
    _search(bench, fixers, candidates)
    if _hopeful(bench) and (more := _more(bench)):
        again = [*candidates, *(one.candidate for one in bench.judged if one.candidate not in candidates)]
        groundwork.bench = bench = bench.on([*bench.calls[: bench.hits], *more])
        _search(bench, fixers, again)
    return _decided(bench, asked)


def _reproduced(tree: Path, crash: Crash, runner: Runner, rules: FixRules, allowed: Sequence[str]) -> Bench:
    """The bench; it has inputs only if one was found that crashes as reported."""
    bench = Bench(tree, crash, runner, checkout.programs(tree), rules, allowed)
    hits = crashing_calls(tree, crash, runner)
    checkout.start_over(tree)
    if not hits:
        return bench
    crash = observed(bench.tree, hits[0], bench.crash, bench.runner)
    return replace(bench, crash=crash).on(hits)


def _with_test(bench: Bench, fixers: Sequence[Fixer], feedback: Sequence[str], asked: _Asked) -> Bench:
    """The bench with inputs from a model's test, which counts only if it raises the reported crash on the old code."""
    for fixer in fixers:
        for code in getattr(fixer, "tests", lambda *_: ())(bench.tree, bench.crash, feedback):
            test = placed(code, bench.crash, asked.tests)
            reason = refused(test, bench.base, asked.tests)
            reason = reason or reproduced(bench.tree, test, bench.runner, asked.command, bench.crash, asked.source)
            checkout.start_over(bench.tree)
            if not reason and (hits := calls_of(bench.tree, test, bench.crash, bench.runner)):
                made = replace(bench, crash=observed(bench.tree, hits[0], bench.crash, bench.runner), test=test)
                return made.on(hits)
            bench.attempts.append(Attempt(Candidate("test", {}, "A failing test.", generator=fixer.name), reason))
    return bench


def _more(bench: Bench) -> list:
    hits = bench.calls[: bench.hits]
    return [c for c in further_calls(bench.tree, bench.crash, bench.runner, every=True) if c not in hits]


def _hopeful(bench: Bench) -> bool:
    """No candidate with evidence survived, but one may work on another input than those tried so far."""
    if bench.test or any(one.candidate.grade for one in bench.judged):
        return False
    led_on = ("input now raises", "input still crashes")
    return any(a.candidate.grade and any(words in a.reason for words in led_on) for a in bench.attempts)


def _unproved(bench: Bench, fixers: Sequence[Fixer], feedback: Sequence[str]) -> FixResult:
    """At most a proposal for a person, because a fix needs a reproduction as proof. The next fixer still runs."""
    tests = list(bench.attempts)
    bench.attempts.clear()
    kept = benches.allowed(bench, list(proposed(fixers, bench.tree, bench.crash, feedback)))
    checkout.start_over(bench.tree)
    own = [c for c in kept if c.grade or c.generator != "embedded"]
    proposal = max(own, key=lambda c: (c.grade, -c.far), default=None)
    reason_text = "The crash could not be reproduced."
    if proposal:
        reason_text += " There is an unproved proposal: review it before you use it."
    unproved = [Attempt(c, "The crash could not be reproduced, so the fix is unproved.") for c in kept]
    attempts = [*tests, *bench.attempts, *unproved]
    step = "Find an input that reproduces the crash."
    return FixResult("escalate", reason_text, next_step=step, candidate=proposal, attempts=attempts)


def _search(bench: Bench, fixers: Sequence[Fixer], candidates: Sequence[Candidate]) -> None:
    """Judge the candidates; those that lead to a further crash are extended by a second change, once."""
    partial = benches.judge(bench, candidates)
    own = [fixer for fixer in fixers if fixer.name == "embedded"]
    partial = [one for one in partial if one.grade] if own else []
    partial = sorted(partial, key=lambda c: (-c.grade, c.far))[:FOLLOWED]
    benches.judge(bench, [more for first in partial for more in benches.further(bench, own, first)])
    checkout.start_over(bench.tree)


def _decided(bench: Bench, asked: _Asked) -> FixResult:
    """The best candidate with a complete proof; one with an incomplete proof is refused, and the next is tried."""
    unproved: FixResult | None = None
    for _ in range(PROOFS):
        chosen, why = choose(bench.judged)
        if chosen is None:
            return unproved or _undecided(bench, why)
        result = _proved(bench, chosen, why, asked)
        if result.decision == "fix":
            return result
        unproved = unproved or result
        bench.judged.remove(chosen)
        bench.attempts[:] = [_with_reason(a, chosen.candidate, result.reason) for a in bench.attempts]
    return unproved or _undecided(bench, "No candidate was proved.")


def _undecided(bench: Bench, why: str) -> FixResult:
    step = "Decide what the program should do with this input; see the refused attempts."
    return FixResult("escalate", why, Cause.CODE, step, attempts=bench.attempts, behaviours=behaviours(bench.judged))


def _with_reason(attempt: Attempt, refused: Candidate, why: str) -> Attempt:
    """The attempt, with the reason if it is that of the refused candidate."""
    return replace(attempt, reason=why) if attempt.candidate is refused else attempt


def _told_test(bench: Bench, asked: _Asked) -> RegressionTest:
    """The test that a model is told: of the best candidate until now, if there is one."""
    judged = bench.judged[0] if bench.judged else None
    return _test(bench, judged, asked, bool(judged) and judged.candidate.grade >= Evidence.SIBLING)


def _test(bench: Bench, judged: Judged | None, asked: _Asked, known: bool, rows: bool = False) -> RegressionTest:
    """The regression test. It asserts the fix's result only if that is ``known`` to be the intended one.

    ``rows``: with further inputs of the bench, whose results must stay.
    """
    if bench.test:
        return bench.test
    if judged is None:
        return written(bench.calls[0], bench.crash, tests=asked.tests)
    chosen, call = judged.candidate, bench.calls[judged.shown]
    gives = judged.now.literal if known and not chosen.raises else ""
    others = kept(call, bench.calls[bench.hits :], bench.before[bench.hits :]) if rows else None
    return written(call, bench.crash, chosen.raises, asked.tests, gives, known, others)


def _proved(bench: Bench, judged: Judged, why: str, asked: _Asked) -> FixResult:
    chosen, known = judged.candidate, judged.candidate.grade >= Evidence.SIBLING
    # a result with a time or a random number in it is another one in each run, in a row as well as in the test
    fallbacks = [(known, False), *([(False, False)] if known and not chosen.raises else [])]
    test = _test(bench, judged, asked, known, rows=True)
    result = _proof(bench, judged, why, asked, test, known)
    for result_known, rows in fallbacks:
        simpler = _test(bench, judged, asked, result_known, rows)
        if simpler == test or not _retried(result):
            continue
        test, result = simpler, _proof(bench, judged, why, asked, simpler, result_known)
    return result


def _retried(result: FixResult) -> bool:
    """Was the test refused, or did it fail with the patch as it did without?"""
    refused_test = not result.proof.messages
    return result.decision != "fix" and not result.proof.passes_after and (refused_test or result.proof.fails_before)


def _proof(bench: Bench, judged: Judged, why: str, asked: _Asked, test: RegressionTest, known: bool) -> FixResult:
    chosen = judged.candidate
    result = FixResult("escalate", why, candidate=chosen, attempts=bench.attempts, behaviours=behaviours(bench.judged))
    if reason := refused(test, bench.base, asked.tests):
        refusal = f"The regression test must not run: {reason}."
        return replace(result, reason=refusal, next_step="Write the test by hand.")
    old = {n: bench.base[n] for n in chosen.files if n in bench.base}
    proof = prove(
        bench.tree, old, chosen, test, bench.runner, asked.command, bench.crash, bench.rules.tests_seconds,
        asked.source, bench.suite,
    )  # fmt: skip
    checkout.start_over(bench.tree)
    proof = replace(proof, open=not (chosen.raises or known))
    result = replace(result, test=test, proof=proof)
    if not proof.complete:
        return replace(result, reason=" ".join(proof.messages), next_step="Read the proof.")
    write(bench.tree, {**chosen.files, test.path: test.code})
    return replace(result, decision="fix", confidence=measured(class_of(chosen)).share)
