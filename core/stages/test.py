"""Test: the service's own test command on the committed change, in the sandbox runner.

Only the report of the platform's own plugin counts (core/repair/prove/proof.py), not the printed output, and every test
of the base commit must have run. As in the proof, a test that already failed on the base commit does not block:
production may have another fault.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from core.db import store
from core.models import ChangeSet, Issue, TestRun
from core.models.counted import counted
from core.repair.prove.older import renamed
from core.repair.prove.proof import RERUNS, Tests, run_tests
from core.repair.prove.related import related
from core.runtime import Runtime
from core.stages import dependence, workspace
from core.stages.context import StageContext
from core.stages.ground import Ground, ground
from core.stages.results import Checked
from core.stages.security import upgraded
from core.stages.workspace import Clone

KEPT = 20_000


@dataclass(frozen=True)
class _Checkouts:
    """Test runs of one change: on its base commit and on its own, each in a fresh checkout."""

    rt: Runtime
    found: Clone
    change: ChangeSet
    code: Ground
    before: Ground  # of the base commit; an upgrade has another one
    limit: float  # seconds of one run

    @property
    def new(self) -> str:
        """The path of the new test, relative to the service's folder; empty if there is none."""
        return self.code.inner(self.change.test_path)

    @contextmanager
    def at(self, sha: str) -> Iterator[Path]:
        with self.rt.workbench, workspace.tree(self.rt, self.found, f"test-{self.change.id}", sha) as root:
            yield root

    def ran(self, root: Path, only: Sequence[str] = (), old: bool = False) -> Tests:
        """The run of a checkout; ``old``: it is the base commit's."""
        code = self.before if old else self.code
        command, source = code.repository.test_command, code.repository.source
        return run_tests(code.within(root), command, code.runner, only, self.limit, source)


def run(context: StageContext, change_id: int) -> Checked:
    """Run the tests and store the result as a TestRun."""
    rt, entry = context.runtime, context.log
    with store.read() as session:
        issue, change = session.get_one(Issue, context.issue_id), session.get_one(ChangeSet, change_id)
    checkouts, before = _collected(rt, issue, change)
    result, few = _with_change(checkouts)
    known = _known_failures(checkouts, result, few)
    expected = [one for one in before.collected if not few or one.partition("::")[0] in few]
    wrong = faults(result, expected, checkouts.new, known)
    with store.write() as session:
        session.add(_row(checkouts, result, passed=not wrong))
        alone = _new_alone(result, checkouts.new, known)
        other = dependence.other(rt, session, issue, change, alone) if wrong else None
    tests, failures = counts(result)
    slow = [f"the whole suite is too slow for the limit of {checkouts.limit:.0f} s, the related tests were run"]
    about = [*(slow if few else []), *wrong]
    entry.message = "; ".join([f"{counted(tests, 'test')}, {failures} failed{_before(known)}", *about])
    if wrong:
        entry.failed("; ".join([entry.message, other.message] if other else [entry.message]))
    message = f"The service's tests did not pass: {entry.message}" if wrong else entry.message
    return Checked(not wrong, message, met=other.issue_id if other else None)


def _collected(rt: Runtime, issue: Issue, change: ChangeSet) -> tuple[_Checkouts, Tests]:
    """The checkouts, and the tests that pytest collects on the base commit."""
    name, repository = rt.repository_of(issue.service)
    found = workspace.clone_with(rt, name, repository, change)
    with rt.workbench, workspace.tree(rt, found, f"test-{change.id}", change.base_sha) as root:
        code = ground(rt, name, repository, found, change.base_sha, root)
        with_change = upgraded.of(rt, name, repository, found, change, code)
        checkouts = _Checkouts(rt, found, change, with_change, code, rt.policy.fix.tests_seconds)
        return checkouts, checkouts.ran(root, ["--collect-only"], old=True)


def _with_change(checkouts: _Checkouts) -> tuple[Tests, list[str]]:
    """(the run on the change, the only test files that were run; empty for the whole suite)."""
    change, new, few = checkouts.change, checkouts.new, list[str]()
    with checkouts.at(change.head_sha) as root:
        result = checkouts.ran(root)
        if result.done and result.done.timed_out:
            changed = checkouts.found.diff(change.base_sha, change.head_sha, "--name-only", "-z")
            few = _few(checkouts.code.within(root), changed.split("\0"), checkouts.code, new)
            result = checkouts.ran(root, few)
        if new and result.finished and not result.of(new):  # the suite does not collect that folder
            result = replace(result, results={**result.results, **checkouts.ran(root, [new]).results})
    return result, few


def _known_failures(checkouts: _Checkouts, result: Tests, few: Sequence[str]) -> frozenset[str]:
    """The ids of tests that fail on the base commit; it is run again while a failure is not explained by these."""
    known: frozenset[str] = frozenset()
    own = set(result.of(checkouts.new)) if checkouts.new else set()
    for _ in range(RERUNS if counts(result)[1] else 0):  # a test that sometimes fails on the base commit is flaky
        with checkouts.at(checkouts.change.base_sha) as root:
            known |= failed(checkouts.ran(root, _there(checkouts.code.within(root), few), old=True))
        if not failed(result) - _as_named(known, result) - own:
            break
    return known


def _row(checkouts: _Checkouts, result: Tests, passed: bool) -> TestRun:
    assert result.done is not None  # run_tests says how the run ended
    tests, failures = counts(result)
    return TestRun(
        change_set_id=checkouts.change.id,
        command=" ".join(checkouts.code.repository.test_command),
        passed=passed,
        tests=tests,
        failures=failures,
        runner=checkouts.code.runner.name,
        seconds=round(result.done.seconds, 2),
        output=(result.done.stdout + result.done.stderr)[-KEPT:],
    )


def _as_named(known: frozenset[str], result: Tests) -> frozenset[str]:
    """The known failures, by their names in this run: a test's parameters may contain the time."""
    names = renamed(known, result.results)
    return frozenset(names.get(name, name) for name in known)


def _few(tree: Path, changed: Sequence[str], code: Ground, new: str) -> list[str]:
    """The new test, and the test files that import the changed modules."""
    paths = [inner for name in changed if (inner := code.inner(name))]
    return list(dict.fromkeys([*([new] if new else []), *related(tree, [path for path in paths if path != new])]))


def _there(tree: Path, few: Sequence[str]) -> list[str]:
    return [path for path in few if (tree / path).is_file()]


def _new_alone(result: Tests, new: str, known: frozenset[str]) -> list[str]:
    """The failure texts of the new test if it is the only one that fails, else an empty list."""
    mine = result.of(new) if new else {}
    return [mine[name] for name in mine if mine[name]] if failed(result) - known <= set(mine) else []


def counts(result: Tests) -> tuple[int, int]:
    """(tests that ran, tests that failed). Skipped tests do not count."""
    ran = [text for text in result.results.values() if not text.startswith("skipped")]
    return len(ran), sum(map(bool, ran))


def failed(result: Tests) -> frozenset[str]:
    """Ids of the tests that failed; empty for a run that did not finish."""
    if not result.finished:
        return frozenset()
    return frozenset(name for name, text in result.results.items() if text and not text.startswith("skipped"))


def faults(result: Tests, expected: Sequence[str], new: str, known: frozenset[str] = frozenset()) -> list[str]:
    """The reasons why this run did not pass; empty if it passed.

    ``expected`` are the test ids of the base commit, ``new`` is the file of the new test, and ``known`` are the ids
    that failed on the base commit.
    """
    tests, failures = counts(result)
    names = renamed(expected, result.results)
    gone = sorted({names.get(name, name) for name in expected} - set(result.results))
    known = _as_named(known, result)
    broken = failed(result) - known if result.finished else failures
    found = {
        "the deadline was exceeded": result.done and result.done.timed_out,
        "the run did not finish, or its report is not from our reporter": not result.finished,
        "no tests ran": not tests,
        f"failed: {_named(result, known)}": broken,
        f"existing tests did not run: {', '.join(gone)[:300]}": gone,
        "the new test did not pass": new and (not result.of(new) or any(result.of(new).values())),
    }
    return [text for text, wrong in found.items() if wrong]


def _named(result: Tests, known: frozenset[str]) -> str:
    return ", ".join(name for name, text in result.results.items() if text and name not in known)[:300]


def _before(known: frozenset[str]) -> str:
    return f" ({len(known)} already failed before the change)" if known else ""
