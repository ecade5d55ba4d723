"""The proof of a fix by test runs: red on the old code, green with the patch, red with the patch reverted."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from core.models import Crash
from core.models.counted import counted
from core.repair.localize.fixability import deepest_in_app
from core.repair.prove.older import compared, verdict
from core.repair.prove.related import related
from core.repair.sandbox import checkout
from core.repair.sandbox.desk import desk, script
from core.repair.sandbox.runner import interpreter_of
from core.repair.types import Candidate, Proof, RegressionTest, Runner
from core.vendors.command import Completed


@dataclass(frozen=True)
class Tests:
    """The results of one pytest run: test id -> text of the failure, empty if it passed.

    ``collected`` are the collected ids. ``machinery`` are the hooks and plugins that decide how tests run.
    ``finished``: the run ended normally, and its report is sealed by the platform's reporter.
    """

    results: Mapping[str, str]
    finished: bool
    collected: Sequence[str] = ()
    machinery: Sequence[str] = ()
    done: Completed | None = None

    def of(self, path: str) -> dict[str, str]:
        return {n: t for n, t in self.results.items() if n == path or n.startswith(f"{path}::")}

    def without(self, path: str) -> dict[str, str]:
        return {n: t for n, t in self.results.items() if n not in self.of(path)}


def write(tree: Path, files: Mapping[str, str]) -> None:
    """Write texts under ``tree``. Raises ValueError for a path outside of it."""
    for name, text in files.items():
        path = tree / name
        if path.is_symlink() or not path.resolve().is_relative_to(tree.resolve()):
            raise ValueError(f"{name} is outside of the repository")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


_REPORTER = Path(__file__).with_name("reporter_inside.py")
_WITH_PLUGIN = 'PYTHONPATH="$0"{}"${{PYTHONPATH:+:$PYTHONPATH}}" exec "$@"'  # the limited runner sets its own path
_OPTIONS = ("-p", "platform_reporter", "-p", "no:cacheprovider", "--tb=short", "--continue-on-collection-errors")
_KINDS = {("call", "failed"): "failure", ("call", "skipped"): "skipped", ("setup", "skipped"): "skipped",
          ("collect", "skipped"): "skipped"}  # fmt: skip


def run_tests(
    tree: Path,
    command: Sequence[str],
    runner: Runner,
    only: Sequence[str] = (),
    timeout: float = 120,
    source: Sequence[str] = (),
) -> Tests:
    """Run the service's test command, or only the files ``only``, and read the report of the platform's plugin.

    ``source`` are the folders of the program's code. A module that cannot be collected counts as a failure of that
    module; the others run. If pytest does not know an option of the suite's settings, it runs without them. ``timeout``
    is in seconds.
    """
    found = _run(tree, command, runner, only, timeout, source)
    if found.done and found.done.code == _USAGE and not found.results:
        plain = _run(tree, [*command, "-o", "addopts="], runner, only, timeout, source)
        return replace(plain, machinery=[*plain.machinery, WITHOUT_OPTIONS])
    return found


_USAGE = 4  # pytest's exit code for options that it does not know, e.g. of a plugin that is not installed
WITHOUT_OPTIONS = "without the suite's own options"


def _run(
    tree: Path, command: Sequence[str], runner: Runner, only: Sequence[str], timeout: float, source: Sequence[str]
) -> Tests:
    with desk(tree) as made:
        made.put("platform_reporter.py", script(_REPORTER))
        start = _WITH_PLUGIN.format("".join(f':"$PWD"/{shlex.quote(name)}' for name in _roots(tree, runner, source)))
        argv = ["sh", "-c", start, made.name, *interpreter_of(runner).program(command), *_OPTIONS, *only]
        done = runner.run(argv, tree, timeout)
        values, honest = made.report()
    return _told(values, honest, done)


def _roots(tree: Path, runner: Runner, source: Sequence[str]) -> list[str]:
    """The folders that the tests import from: those of the service's environment, else of the source.

    A package is none of them: its modules would take the place of installed ones with their names.
    """
    interpreter = interpreter_of(runner)
    named = source if interpreter.modules is None else interpreter.roots
    return [name for name in named if name != "." and not (tree / name / "__init__.py").exists()]


def _told(values: Sequence[dict], honest: bool, done: Completed) -> Tests:
    results: dict[str, str] = {}
    for value in values:
        if "test" in value:
            kind = _KINDS.get((value["when"], value["outcome"]), "error")
            text = "" if value["outcome"] == "passed" else f"{kind}: {value['text']}"
            results[value["test"]] = "\n".join(filter(None, (results.get(value["test"]), text)))
    end = values[-1] if values else {}
    collected = next((value["collected"] for value in values if "collected" in value), ())
    codes = (0, 1) if collected else (0, 1, 5)  # 5: the suite has no tests
    finished = honest and done.code in codes and end.get("ended") in codes and "whole: True" in end["machinery"]
    return Tests(results, finished, collected, end.get("machinery", ()), done)


PATIENT = 30.0  # duration of a suite in seconds from which the related tests run first
ALONE = 60.0  # time limit of a single test in seconds
RERUNS = 2  # runs of the old code to find out whether a newly failing test is flaky there


@dataclass
class OldSuite:
    """The whole suite on the old code, which runs once for all candidates of a crash."""

    before: Tests | None = None


@dataclass(frozen=True)
class _Bench:
    """The runs of one proof: each starts from the commit and ends at the policy's time limit."""

    tree: Path
    runner: Runner
    command: Sequence[str]
    test: RegressionTest
    seconds: float
    source: Sequence[str]

    def run(self, files: Mapping[str, str], only: Sequence[str] = ()) -> Tests:
        checkout.start_over(self.tree)
        write(self.tree, {**files, self.test.path: self.test.code})
        return run_tests(self.tree, self.command, self.runner, only, self.seconds, self.source)

    def new(self, files: Mapping[str, str], results: Tests | None) -> dict[str, str]:
        """The new test's results in a run of the suite, or in a separate run if the suite does not collect it."""
        found = results.of(self.test.path) if results else {}
        return found or self.run(files, [self.test.path]).of(self.test.path)

    def few(self, changed: Sequence[str]) -> list[str]:
        return [self.test.path, *(path for path in related(self.tree, changed) if path != self.test.path)]


@dataclass(frozen=True)
class _Older:
    """The older tests' results with the patch: ``believed`` if both runs finished and used the same machinery."""

    believed: bool
    passes: bool
    message: str


Red = Callable[[Mapping[str, str]], tuple[bool, str]]  # (whether a test's results reproduce it, a description)


def prove(
    tree: Path,
    base: Mapping[str, str],
    candidate: Candidate,
    test: RegressionTest,
    runner: Runner,
    test_command: Sequence[str],
    crash: Crash | Red,
    seconds: float = 600.0,
    source: Sequence[str] = (),
    suite: OldSuite | None = None,
) -> Proof:
    """Run the new test on the old code, with the patch, and with it reverted, and the older tests before and after.

    ``crash`` is what the new test must reproduce, or says whether its results do.

    ``base`` holds the old texts of the files that the candidate changes; after a complete proof the tree is patched.
    Each run starts from a clean commit, so that no run influences another. If the suite does not collect the new test,
    it runs by its own path. Before a slow suite, the tests related to the change run. Only these run if the suite does
    not finish within ``seconds``, or does not run on the old code either; the proof then says so.
    """
    bench = _Bench(tree, runner, test_command, test, seconds, source)
    suite, old = suite or OldSuite(), {name: text for name, text in base.items() if name in candidate.files}
    first, suite.before = suite.before is None, suite.before or bench.run(old)
    is_red = crash if callable(crash) else partial(_red, crash=crash)
    red, why = is_red(bench.new(old, suite.before if first else None))
    if not red:
        return Proof(messages=(f"On the old code the new test {why}.",))
    older, green, slow = _with_patch(bench, old, candidate.files, suite.before)
    messages = [f"On the old code the new test {why}.", f"With the patch it {'passes' if green else 'does not pass'}."]
    if not (green and older.passes):
        return Proof(red, green, False, older.passes, (*messages, older.message))
    red_again, _ = is_red(bench.run(old, [test.path]).of(test.path))
    checkout.start_over(tree)
    write(tree, {**candidate.files, test.path: test.code})
    messages.append(f"With the patch alone reverted it {'fails again' if red_again else 'does not fail as before'}.")
    messages += [older.message, *([slow] if slow else []), *_without_options(suite.before)]
    return Proof(red, green, red_again, older.passes, tuple(messages), bool(slow))


def _with_patch(
    bench: _Bench, old: Mapping[str, str], new: Mapping[str, str], before: Tests
) -> tuple[_Older, bool, str]:
    """(verdict on the older tests, does the new test pass, why the whole suite could not run)."""
    few: Sequence[str] = ()
    if not before.finished or (before.done and before.done.seconds > PATIENT):
        few = bench.few(list(new))
        related_after = bench.run(new, few)
        older = _older(bench, old, bench.run(old, few), related_after)
        green = older.believed and _green(related_after.of(bench.test.path))
        if not (before.finished and green and older.passes):
            return older, green, "" if before.finished else _unasked(bench, before, few)
    after = bench.run(new)
    older = _older(bench, old, before, after)
    return older, older.believed and _green(bench.new(new, after)), ""


def _without_options(before: Tests) -> Sequence[str]:
    missing = (
        "The tests ran without the options of the suite's settings, because pytest does not know one of them here."
    )
    return [missing] if WITHOUT_OPTIONS in before.machinery else []


def _unasked(bench: _Bench, before: Tests, few: Sequence[str]) -> str:
    late = bool(before.done and before.done.timed_out)
    why = f"does not end within {bench.seconds:.0f} s" if late else "does not run here"
    files = counted(len(few) - 1, "related file")
    return f"The whole suite {why}, on the old code either. It was judged by the new test and {files} of tests."


def reproduced(
    tree: Path, test: RegressionTest, runner: Runner, command: Sequence[str], crash: Crash, source: Sequence[str]
) -> str:
    """Why a test does not raise the reported exception in the reported frame on the old code; empty when it does."""
    red, why = _red(_Bench(tree, runner, command, test, ALONE, source).run({}, [test.path]).of(test.path), crash)
    return "" if red else f"On the old code the test {why}."


_NOT_BELIEVED = "The patch changes how the tests run, so their report is not trusted."


def _older(bench: _Bench, old: Mapping[str, str], before: Tests, after: Tests) -> _Older:
    if not after.finished or after.machinery != before.machinery:
        return _Older(False, False, _NOT_BELIEVED)
    was, now = before.without(bench.test.path), after.without(bench.test.path)
    broken, _ = compared(was, now)
    paths = sorted({name.partition("::")[0] for name in broken if name in was})
    flaky = {n for _ in range(RERUNS if paths else 0) for n, text in bench.run(old, paths).results.items() if text}
    passes, message = verdict(was, now, flaky & set(broken))
    return _Older(True, passes, message)


def _green(results: Mapping[str, str]) -> bool:
    return bool(results) and not any(results.values())


def _red(results: Mapping[str, str], crash: Crash) -> tuple[bool, str]:
    """(the test failed with the reported exception in the reported frame, a description of what it did)."""
    kind, frame = crash.exception.type.rpartition(".")[2], deepest_in_app(crash)
    if frame is None:
        return False, "cannot be compared with the report, which names no line of the program"
    failures = [text for text in results.values() if text]
    if not failures:
        return False, "passes: it proves nothing" if results else "was not run"
    for text in failures:
        places = re.findall(r"^(\S+?):\d+: in (\S+)", text, re.M)
        own = [p for p in places if p[0] == frame.file]
        if re.match(rf"failure: (\w+\.)*{re.escape(kind)}\b", text) and own and own[-1][1] == frame.function:
            return True, f"fails with {kind} in {frame.function}"
    return False, f"fails for another reason: {failures[0].splitlines()[0][:160]}"
