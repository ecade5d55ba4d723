"""The fix of an unsafe line: a certain edit, else a model's, by one proof.

The proof is a test of the unsafe input: it fails on the old code, where the input is effective, passes with the fix,
and fails again without it, and the older tests pass. Without a test that fails on the old code nothing is proved, and
a person gets the finding.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from core.models import Cause, Crash, Frame, Raised
from core.repair.judge.policy import refuse
from core.repair.judge.precision import EMBEDDED, SECURITY
from core.repair.localize.locate import lines_of
from core.repair.localize.sources import UNREADABLE, files, parsed
from core.repair.prove import generated_tests
from core.repair.prove.proof import OldSuite, prove, write
from core.repair.sandbox import checkout
from core.repair.sandbox.runner import interpreter_of, read_back
from core.repair.security import calls, payloads, sql
from core.repair.types import Attempt, Candidate, Evidence, FixResult, RegressionTest
from core.signals.security.finding import SHORT
from core.stages import fixer_chain
from core.stages.security.bench import SecurityBench

LARGEST, MODULES = 400_000, 200  # characters of a file; modules in which a database driver is looked for
EFFECTIVE = re.compile(  # how a test fails whose input became code
    r"failure: (?:\w+\.)*(AssertionError|Failed|OperationalError|ProgrammingError|DatabaseError)\b"
)
FINDING = "Template security: a tool reports this line: {}. Change it so that the input cannot become code."


@dataclass(frozen=True)
class UnsafeLine:
    """The line as it is in the checkout; ``path`` is below the service's folder."""

    path: str
    line: int
    function: str
    code: str
    message: str


@dataclass(frozen=True)
class KnownUse:
    """A certain edit of a line, None if there is none, and tests of its unsafe input."""

    candidate: Candidate | None
    tests: Sequence[RegressionTest]


def repair(bench: SecurityBench, details: Sequence[Mapping[str, Any]]) -> FixResult:
    """The fix of a line. On "fix", the tree holds candidate and test, uncommitted."""
    unsafe = located(bench, details[0])
    if unsafe is None:
        return _escalated("The line is no longer in what production runs, or is not in the service's folder.")
    try:
        known = next(_answers(bench, unsafe), None)
    except UNREADABLE:
        known = None
    if known is None:
        return _escalated("The edit of this line is not certain, and no test of its unsafe input could be written.")
    base = {name: read_back(bench.tree / name, LARGEST) for name in checkout.tracked(bench.tree, "*.py")}
    test = _effective(bench, known.tests, base)
    if test is None:
        return _escalated("No unsafe input was found that has an effect, so a fix of this line cannot be proved.")
    return _proved(bench, unsafe, known.candidate, test, base)


def located(bench: SecurityBench, details: Mapping[str, Any]) -> UnsafeLine | None:
    """Where the line is now: the nearest one with the reported text."""
    path = bench.code.inner(str(details.get("path") or ""))
    if not path or path not in checkout.tracked(bench.tree, "*.py"):
        return None
    text, code = read_back(bench.tree / path, LARGEST), str(details.get("code") or "")
    same = (" ".join(line.split())[:SHORT] == code for line in lines_of(text))
    lines = [number for number, holds in enumerate(same, 1) if code and holds]
    line = min(lines, key=lambda number: abs(number - int(details.get("line") or 0)), default=0)
    message = f"{details.get('rule')} (CWE-{details.get('cwe')})"
    return UnsafeLine(path, line, _function(text, line), code, message) if line else None


def _function(text: str, line: int) -> str:
    try:
        found = [n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    except UNREADABLE:
        return ""
    return next((n.name for n in reversed(found) if n.lineno <= line <= (n.end_lineno or 0)), "")


def _answers(bench: SecurityBench, unsafe: UnsafeLine) -> Iterator[KnownUse]:
    """What the line is known to do: its certain edit, if there is one, and tests of its unsafe input."""
    text, tests, path = read_back(bench.tree / unsafe.path, LARGEST), bench.code.repository.tests, unsafe.path
    program = [parsed(bench.tree, name) for name in files(bench.tree, most=MODULES)]
    looked = (
        ("Bind the values of the query", sql.rewritten(text, unsafe.line, program), payloads.of_query),
        ("Load the document without Python objects", calls.loaded(text, unsafe.line), payloads.of_document),
        ("Run the command without a shell", calls.run(text, unsafe.line), payloads.of_command),
    )
    for title, use, write_tests in looked:
        if use is not None:
            made = payloads.usable(write_tests(path, use, tests), path)
            yield KnownUse(_candidate(unsafe, title, use.text) if use.text else None, made)


def _candidate(unsafe: UnsafeLine, title: str, text: str) -> Candidate:
    return Candidate(
        "security/line",
        {unsafe.path: text},
        f"{title} in {unsafe.path}\nIts input stays data. The result for other input is the same.",
        ("a test of the unsafe input shows that it has no effect any more",),
        Evidence.TEST,
        generator=SECURITY,
    )


def _effective(bench: SecurityBench, tests: Sequence[RegressionTest], base: Mapping[str, str]) -> RegressionTest | None:
    """The first test whose unsafe input has an effect on the old code."""
    for test in tests:
        if generated_tests.refused(test, base, bench.code.repository.tests):
            continue
        checkout.start_over(bench.tree)
        write(bench.tree, {test.path: test.code})
        results = bench.tests(bench.code, (test.path,)).of(test.path)
        checkout.start_over(bench.tree)
        if _red(results)[0]:
            return test
    return None


def _red(results: Mapping[str, str]) -> tuple[bool, str]:
    """(the unsafe input has an effect, a description of what the test did)."""
    failures = [text for text in results.values() if text]
    if any(EFFECTIVE.match(text) for text in failures):
        return True, "fails: the unsafe input has an effect"
    if failures:
        return False, f"fails for another reason: {failures[0].splitlines()[0][:160]}"
    return False, "passes: the unsafe input has no effect" if results else "was not run"


def _proved(
    bench: SecurityBench, unsafe: UnsafeLine, certain: Candidate | None, test: RegressionTest, base: Mapping[str, str]
) -> FixResult:
    """The first candidate with a complete proof: the certain edit, then those of the models, within their budget."""
    modules, attempts = interpreter_of(bench.code.runner).modules, list[Attempt]()
    suite, repository = OldSuite(), bench.code.repository
    for candidate in _candidates(bench, unsafe, certain, test, attempts):
        if refusal := refuse(base, candidate, bench.rules, bench.allowed, None, modules):
            attempts.append(Attempt(candidate, refusal))
            continue
        old = {name: base[name] for name in candidate.files if name in base}
        proof = prove(
            bench.tree, old, candidate, test, bench.code.runner, repository.test_command, _red,
            bench.rules.tests_seconds, repository.source, suite,
        )  # fmt: skip
        checkout.start_over(bench.tree)
        attempts.append(Attempt(candidate, "" if proof.complete else " ".join(proof.messages)))
        if proof.complete:
            write(bench.tree, {**candidate.files, test.path: test.code})
            return FixResult("fix", "Proved.", Cause.SECURITY, "", candidate, test, proof, attempts=attempts)
    why = f"No candidate was proved: {attempts[-1].reason}" if attempts else "No edit of this line is certain."
    return _escalated(why, attempts)


def _candidates(
    bench: SecurityBench, unsafe: UnsafeLine, certain: Candidate | None, test: RegressionTest, attempts: list[Attempt]
) -> Iterator[Candidate]:
    if certain:
        yield certain
    crash, rules = _as_crash(unsafe), bench.rules.models
    issue, day = fixer_chain.spent_before(bench.issue_id)
    allowed = fixer_chain.ordered(bench.rt.fixers, bench.rt.policy.fix.order)
    for fixer in [one for one in allowed if one.name != EMBEDDED for _ in range(rules.tries)]:
        spent = fixer_chain.spent(attempts, rules)
        if fixer_chain.overspent(rules, issue + spent, day + spent):
            return
        told = [FINDING.format(unsafe.message), f"This test must pass:\n{test.code}", *(a.reason for a in attempts)]
        for candidate in fixer.propose(bench.tree, crash, told):
            checkout.start_over(bench.tree)
            yield replace(candidate, template="security/line", raises="")


def _as_crash(unsafe: UnsafeLine) -> Crash:
    """The finding in the form in which fixers are told what to repair."""
    frame = Frame(file=unsafe.path, line=unsafe.line, function=unsafe.function or "<module>", code=unsafe.code)
    return Crash(source="security", exception=Raised(type="SecurityFinding", message=unsafe.message), frames=(frame,))


def _escalated(reason: str, attempts: Sequence[Attempt] = ()) -> FixResult:
    step = "Change the line by hand."
    return FixResult("escalate", reason, Cause.SECURITY, step, attempts=attempts, final=True)
