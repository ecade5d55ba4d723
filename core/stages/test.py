"""Test: the service's own test command on the committed change, in the sandbox runner.

Only the report of the platform's own plugin counts (core/repair/prove/proof.py), not the printed output, and every test
of the base commit must have run. As in the proof, a test that already failed on the base commit does not block:
production may have another fault.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from core.db import store
from core.models import ChangeSet, Issue, TestRun
from core.models.counted import counted
from core.repair.prove.older import renamed
from core.repair.prove.proof import RERUNS, Tests, run_tests
from core.repair.prove.related import related
from core.stages import dependence, workspace
from core.stages.context import StageContext
from core.stages.ground import Ground, ground
from core.stages.results import Checked

KEPT = 20_000


def run(context: StageContext, change_id: int) -> Checked:
    rt, entry = context.runtime, context.log
    with store.read() as session:
        issue, change = session.get_one(Issue, context.issue_id), session.get_one(ChangeSet, change_id)
    name, repository = rt.repository_of(issue.service)
    found = workspace.clone_with(rt, name, repository, change)
    limit, few = rt.policy.fix.tests_seconds, list[str]()
    with rt.workbench, workspace.tree(rt, found, f"test-{change_id}", change.base_sha) as root:
        code = ground(rt, name, repository, found, change.base_sha, root)
        command, runner, new = code.repository.test_command, code.runner, code.inner(change.test_path)
        ran = partial(_ran, code, limit)
        before = ran(root, ["--collect-only"])
    with rt.workbench, workspace.tree(rt, found, f"test-{change_id}", change.head_sha) as root:
        result = ran(root)
        if result.done and result.done.timed_out:
            few = _few(code.within(root), found.diff(change.base_sha, change.head_sha, "--name-only"), code, new)
            result = ran(root, few)
        if new and result.finished and not result.of(new):  # the suite does not look for tests there
            result = replace(result, results={**result.results, **ran(root, [new]).results})
    assert result.done is not None  # run_tests says how the run ended
    tests, failures = counts(result)
    known: frozenset[str] = frozenset()
    for _ in range(RERUNS if failures else 0):  # a test that sometimes fails on the base commit is flaky
        with rt.workbench, workspace.tree(rt, found, f"test-{change_id}", change.base_sha) as root:
            known |= failed(ran(root, _there(code.within(root), few)))
        if not failed(result) - _as_named(known, result) - set(result.of(new) if new else ()):
            break
    expected = [one for one in before.collected if not few or one.partition("::")[0] in few]
    wrong = faults(result, expected, new, known)
    with store.write() as session:
        session.add(
            TestRun(
                change_set_id=change_id,
                command=" ".join(command),
                passed=not wrong,
                tests=tests,
                failures=failures,
                runner=runner.name,
                seconds=round(result.done.seconds, 2),
                output=(result.done.stdout + result.done.stderr)[-KEPT:],
            )
        )
        other = dependence.other(rt, session, issue, change, _new_alone(result, new, known)) if wrong else None
    slow = [f"the whole suite is too slow for the limit of {limit:.0f} s, the related tests were run"] if few else []
    entry.says = "; ".join([f"{counted(tests, 'test')}, {failures} failed{_before(known)}", *slow, *wrong])
    if wrong:
        entry.failed("; ".join([entry.says, other.says] if other else [entry.says]))
    message = f"The service's tests did not pass: {entry.says}"
    return Checked(not wrong, message, met=other.issue_id if other else None)


def _ran(code: Ground, limit: float, root: Path, only: Sequence[str] = ()) -> Tests:
    place, command, source = code.within(root), code.repository.test_command, code.repository.source
    return run_tests(place, command, code.runner, only, limit, source)


def _as_named(known: frozenset[str], result: Tests) -> frozenset[str]:
    """The known failures, by their names in this run: a test's parameters may contain the time."""
    names = renamed(known, result.results)
    return frozenset(names.get(name, name) for name in known)


def _few(tree: Path, changed: str, code: Ground, new: str) -> list[str]:
    """The new test, and the test files that import the changed modules."""
    paths = [code.inner(name) for name in changed.split() if code.inner(name)]
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
