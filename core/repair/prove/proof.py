"""The proof of fix, by running: red on the old code, green with the patch, red with it reverted."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.models import Crash
from core.models.counted import counted
from core.repair.localize.fixability import deepest_in_app
from core.repair.prove.related import related
from core.repair.sandbox import checkout
from core.repair.sandbox.desk import desk, script
from core.repair.sandbox.runner import interpreter_of
from core.repair.types import Candidate, Proof, RegressionTest, Runner
from core.vendors.command import Completed


@dataclass(frozen=True)
class Tests:
    """What one run of pytest said: test id to the text of its failure, empty when it passed.

    ``collected`` are the ids that were to run. ``machinery`` is what decides how tests run, hooks and plugins;
    ``finished``: the run came to its end, and its report is its reporter's own.
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
    """Write texts under ``tree``. Raises ValueError for a path that leads out of it."""
    for name, text in files.items():
        path = tree / name
        if path.is_symlink() or not path.resolve().is_relative_to(tree.resolve()):
            raise ValueError(f"{name} leads out of the repository")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


_REPORTER = Path(__file__).with_name("reporter_inside.py")
_WITH_PLUGIN = 'PYTHONPATH="$0${PYTHONPATH:+:$PYTHONPATH}" exec "$@"'  # the limited runner has a path of its own
_KINDS = {("call", "failed"): "failure", ("call", "skipped"): "skipped", ("setup", "skipped"): "skipped",
          ("collect", "skipped"): "skipped"}  # fmt: skip


def run_tests(
    tree: Path, command: Sequence[str], runner: Runner, only: Sequence[str] = (), timeout: float = 120
) -> Tests:
    """Run the service's test command, or its ``only`` files, and read what our own plugin says of it."""
    with desk(tree) as made:
        made.put("platform_reporter.py", script(_REPORTER))
        options = ["-p", "platform_reporter", "-p", "no:cacheprovider", "--tb=short"]
        argv = ["sh", "-c", _WITH_PLUGIN, made.name, *interpreter_of(runner).program(command), *options, *only]
        done = runner.run(argv, tree, timeout)
        values, honest = made.report()
    return _told(values, honest, done)


def _told(values: Sequence[dict], honest: bool, done: Completed) -> Tests:
    results: dict[str, str] = {}
    for value in values:
        if "test" in value:
            kind = _KINDS.get((value["when"], value["outcome"]), "error")
            text = "" if value["outcome"] == "passed" else f"{kind}: {value['text']}"
            results[value["test"]] = "\n".join(filter(None, (results.get(value["test"]), text)))
    end = values[-1] if values else {}
    finished = honest and done.code in (0, 1) and end.get("ended") in (0, 1) and "whole: True" in end["machinery"]
    collected = next((value["collected"] for value in values if "collected" in value), ())
    return Tests(results, finished, collected, end.get("machinery", ()), done)


PATIENT = 30.0  # seconds of a suite from which the related tests are asked before the whole one


@dataclass(frozen=True)
class _Bench:
    """The runs of one proof: each starts from the commit, and ends at the policy's limit."""

    tree: Path
    runner: Runner
    command: Sequence[str]
    test: RegressionTest
    seconds: float

    def run(self, files: Mapping[str, str], only: Sequence[str] = ()) -> Tests:
        return _run_from(
            self.tree, {**files, self.test.path: self.test.code}, self.command, self.runner, only, self.seconds
        )

    def few(self, changed: Sequence[str]) -> list[str]:
        return [self.test.path, *(path for path in related(self.tree, changed) if path != self.test.path)]


def prove(
    tree: Path,
    base: Mapping[str, str],
    candidate: Candidate,
    test: RegressionTest,
    runner: Runner,
    test_command: Sequence[str],
    crash: Crash,
    seconds: float = 600.0,
) -> Proof:
    """Three runs. ``base`` holds the old texts of the files the candidate changes; a tree that is proved ends patched.

    Each run starts from the commit: what an earlier one left in the tree, or changed in it, decides nothing. A suite
    that takes more than ``seconds`` is judged by the tests that are related to the change, and the proof says so.
    """
    bench = _Bench(tree, runner, test_command, test, seconds)
    old = {name: text for name, text in base.items() if name in candidate.files}
    before, few = bench.run(old), []
    slow = bool(before.done and before.done.timed_out)
    if slow or (before.done and before.done.seconds > PATIENT):
        few = bench.few(list(candidate.files))
    before = bench.run(old, few) if slow else before
    red, why = _red(before.of(test.path), crash)
    if not red:
        return Proof(says=(f"On the old code the new test {why}.",))
    after = bench.run(candidate.files, few)
    if few and not slow and after.finished and not _breaks(before, after, test.path):
        after = bench.run(candidate.files)
    reverted = bench.run(old, [test.path])
    checkout.start_over(tree)
    write(tree, {**candidate.files, test.path: test.code})
    red_again, _ = _red(reverted.of(test.path), crash)
    same = after.finished and after.machinery == before.machinery
    green = _green(after.of(test.path)) and same
    older, older_says = _older(before.without(test.path), after.without(test.path))
    says = (
        f"On the old code the new test {why}.",
        f"With the patch it {'passes' if green else 'does not pass'}.",
        f"With the patch alone reverted it {'fails again' if red_again else 'does not fail as before'}.",
        older_says,
        *((_too_slow(seconds, few),) if slow and after.finished else ()),
        *(() if same else ("With the patch the tests run otherwise than without it: their report is not believed.",)),
    )
    return Proof(red, green, red_again, older, says, slow)


def _breaks(before: Tests, after: Tests, new: str) -> bool:
    """Whether the related tests already tell that the change is no fix."""
    old = before.results
    return not _green(after.of(new)) or any(text and not old.get(name) for name, text in after.without(new).items())


def _too_slow(seconds: float, few: Sequence[str]) -> str:
    return (
        f"The whole suite is too slow: it does not end within {seconds:.0f} s. It was judged by the new test and "
        f"{counted(len(few) - 1, 'related file')} of tests."
    )


def _run_from(
    tree: Path,
    files: Mapping[str, str],
    command: Sequence[str],
    runner: Runner,
    only: Sequence[str] = (),
    seconds: float = 120,
) -> Tests:
    checkout.start_over(tree)
    write(tree, files)
    return run_tests(tree, command, runner, only, seconds)


def _green(results: Mapping[str, str]) -> bool:
    return bool(results) and not any(results.values())


def _red(results: Mapping[str, str], crash: Crash) -> tuple[bool, str]:
    """Whether the test failed by the reported exception in the reported frame, and in words what it did."""
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


def _older(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[bool, str]:
    """The same tests as before, and none fails that passed."""
    gone = sorted(set(before) - set(after))
    broken = sorted(n for n, text in after.items() if text and not before.get(n))
    known = sorted(n for n, text in before.items() if text)
    if gone or broken:
        return False, f"Older tests fail or are gone: {', '.join([*broken, *gone])[:300]}."
    note = f" Failed before already: {', '.join(known)[:200]}." if known else ""
    return True, f"All {len(after) - len(known)} older tests pass.{note}"
