"""From a slowdown to a proved fix: benchmark, propose, refuse, measure, prove; else escalate.

The parts that a fix of a crash has too are the same: fixers, policy, and the proof by test runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from core.models import Cause, Crash
from core.policy.sections import FixRules
from core.repair.engine import Groundwork
from core.repair.fixers.prompting import BENCHMARK
from core.repair.judge import policy
from core.repair.prove.generated_tests import refused
from core.repair.prove.proof import OldSuite, prove, write
from core.repair.sandbox import checkout
from core.repair.sandbox.newer_syntax import knowing
from core.repair.sandbox.runner import interpreter_of
from core.repair.speed import regression
from core.repair.speed.benchmark import Benchmark, Measured, Unmeasurable, benchmark
from core.repair.speed.slowdown import Slowdown
from core.repair.types import Attempt, Candidate, Fixer, FixResult, RegressionTest, Runner

CANDIDATES = 5  # of one fixer that are measured; a measurement runs the slow code many times
SHOWN = 3  # reasons of refused candidates in the result
NEXT = "Profile the slow requests, and compare the suspect change with the code before it."
NO_TEST = (
    "It is faster, but neither a count nor a ratio tells slow and fast code apart well enough for a regression test."
)


@dataclass
class Quickening:
    """The repair of one slowdown, called once for each fixer. The benchmark and the old suite are made once."""

    slowdown: Slowdown
    bench: Benchmark | None = None
    suite: OldSuite = field(default_factory=OldSuite)
    tried: list[Attempt] = field(default_factory=list)

    @knowing
    def __call__(
        self,
        tree: Path,
        crash: Crash,
        *,
        fixers: Sequence[Fixer],
        feedback: Sequence[str] = (),
        groundwork: Groundwork | None = None,
        **given: Any,
    ) -> FixResult:
        """As ``core.repair.engine.repair``, with its arguments: a proved candidate and its test are left in the tree,
        uncommitted.
        """
        asked = _Ask(tree, checkout.programs(tree), **given)
        try:
            self.bench = self.bench or benchmark(tree, self.slowdown, asked.runner)
        except Unmeasurable as why:
            return FixResult("escalate", str(why), Cause.PERFORMANCE, NEXT, final=True)
        finally:
            checkout.start_over(tree)
        attempts: list[Attempt] = []
        hints = [*feedback, f"{BENCHMARK}{self._told()}"]
        for candidate in [one for fixer in fixers for one in list(fixer.propose(tree, crash, hints))[:CANDIDATES]]:
            result = self._tried(asked, candidate)
            attempts.append(Attempt(candidate, "" if result.decision == "fix" else result.reason))
            if result.decision == "fix":
                return replace(result, attempts=attempts)
        self.tried += attempts
        return FixResult("escalate", _why(self.tried), Cause.PERFORMANCE, NEXT, attempts=attempts)

    def _told(self) -> str:
        """The benchmark in words, for a model."""
        calls = [call.expression[:300] for call in self.bench.calls[:3]] if self.bench else []
        return "\n".join(["These calls are slow:", *calls])

    def _tried(self, asked: _Ask, candidate: Candidate) -> FixResult:
        shown = interpreter_of(asked.runner).modules
        if reason := policy.refuse(asked.base, candidate, asked.rules, asked.allowed, None, shown):
            return FixResult("escalate", reason)
        assert self.bench
        measured = self.bench.measure(candidate.files)
        checkout.start_over(asked.tree)
        if measured.refused:
            return FixResult("escalate", measured.refused, benchmark=measured.as_json())
        return self._proved(asked, candidate, measured)

    def _proved(self, asked: _Ask, candidate: Candidate, measured: Measured) -> FixResult:
        assert self.bench
        test = regression.written(self.bench.calls, measured, self.slowdown, asked.tests)
        if test is None:
            return FixResult("escalate", NO_TEST)
        if reason := refused(test, asked.base, asked.tests):
            return FixResult("escalate", f"The regression test must not run: {reason}.")
        return _proof(asked, candidate, test, measured, self.suite)


@dataclass(frozen=True)
class _Ask:
    """``base`` are the program's texts; the rest is what ``core.repair.engine.repair`` is given."""

    tree: Path
    base: dict[str, str]
    rules: FixRules
    allowed: Sequence[str]
    source: Sequence[str]
    tests: str
    test_command: Sequence[str]
    runner: Runner


def _proof(asked: _Ask, candidate: Candidate, test: RegressionTest, measured: Measured, suite: OldSuite) -> FixResult:
    """The proof by test runs, as of every fix: the test fails on the old code and passes on the new one."""
    old = {name: asked.base[name] for name in candidate.files if name in asked.base}
    proof = prove(
        asked.tree, old, candidate, test, asked.runner, asked.test_command, regression.red(test),
        asked.rules.tests_seconds, asked.source, suite,
    )  # fmt: skip
    checkout.start_over(asked.tree)
    assert measured.ratio
    proof = replace(proof, messages=(f"In the sandbox it is {measured.ratio.message}.", *proof.messages))
    if not proof.complete:
        return FixResult("escalate", f"The proof is incomplete. {' '.join(proof.messages)}")
    write(asked.tree, {**candidate.files, test.path: test.code})
    why = f"It is {measured.ratio.message}, with the same results."
    return FixResult(
        "fix", why, Cause.PERFORMANCE, candidate=candidate, test=test, proof=proof, benchmark=measured.as_json()
    )


def _why(tried: Sequence[Attempt]) -> str:
    """Why no candidate of any fixer is a fix: the newest reasons."""
    reasons = [f"{one.candidate.generator}: {one.reason}" for one in tried[-SHOWN:]]
    return " ".join(["No proposal is proved to be faster.", *reasons])
