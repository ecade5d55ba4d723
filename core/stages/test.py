"""Test: the service's own test command on the committed change, in the sandbox runner.

What counts is the report of our own plugin (core/repair/prove/proof.py), not what was printed, and that every test of
the commit before has run. A test that failed on that commit already does not block, as in the proof: production may
have another fault.
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
        stands = ground(rt, name, repository, found, change.base_sha, root)
        command, runner, new = stands.repository.test_command, stands.runner, stands.inner(change.test_path)
        ran = partial(_ran, stands, limit)
        before = ran(root, ["--collect-only"])
    with rt.workbench, workspace.tree(rt, found, f"test-{change_id}", change.head_sha) as root:
        told = ran(root)
        if told.done and told.done.timed_out:
            few = _few(stands.within(root), found.diff(change.base_sha, change.head_sha, "--name-only"), stands, new)
            told = ran(root, few)
        if new and told.finished and not told.of(new):  # the suite does not look for tests there
            told = replace(told, results={**told.results, **ran(root, [new]).results})
    assert told.done is not None  # run_tests says how the run ended
    tests, failures = counts(told)
    known: frozenset[str] = frozenset()
    for _ in range(RERUNS if failures else 0):  # one that fails there at times is flaky
        with rt.workbench, workspace.tree(rt, found, f"test-{change_id}", change.base_sha) as root:
            known |= failed(ran(root, _there(stands.within(root), few)))
        if not failed(told) - _as_named(known, told) - set(told.of(new) if new else ()):
            break
    expected = [one for one in before.collected if not few or one.partition("::")[0] in few]
    wrong = faults(told, expected, new, known)
    with store.write() as session:
        session.add(
            TestRun(
                change_set_id=change_id,
                command=" ".join(command),
                passed=not wrong,
                tests=tests,
                failures=failures,
                runner=runner.name,
                seconds=round(told.done.seconds, 2),
                output=(told.done.stdout + told.done.stderr)[-KEPT:],
            )
        )
        other = dependence.other(rt, session, issue, change, _new_alone(told, new, known)) if wrong else None
    slow = [f"the whole suite is too slow for the limit of {limit:.0f} s, the related tests were run"] if few else []
    entry.says = "; ".join([f"{counted(tests, 'test')}, {failures} failed{_before(known)}", *slow, *wrong])
    if wrong:
        entry.failed("; ".join([entry.says, other.says] if other else [entry.says]))
    says = f"The service's tests did not pass: {entry.says}"
    return Checked(not wrong, says, met=other.issue_id if other else None)


def _ran(stands: Ground, limit: float, root: Path, only: Sequence[str] = ()) -> Tests:
    place, command, source = stands.within(root), stands.repository.test_command, stands.repository.source
    return run_tests(place, command, stands.runner, only, limit, source)


def _as_named(known: frozenset[str], told: Tests) -> frozenset[str]:
    """The names of known failures as this run has them: a test's parameters may hold a clock."""
    names = renamed(known, told.results)
    return frozenset(names.get(name, name) for name in known)


def _few(tree: Path, changed: str, stands: Ground, new: str) -> list[str]:
    """The new test, and the test files that import what the change touches."""
    paths = [stands.inner(name) for name in changed.split() if stands.inner(name)]
    return list(dict.fromkeys([*([new] if new else []), *related(tree, [path for path in paths if path != new])]))


def _there(tree: Path, few: Sequence[str]) -> list[str]:
    return [path for path in few if (tree / path).is_file()]


def _new_alone(told: Tests, new: str, known: frozenset[str]) -> list[str]:
    """The failures of the new test where it alone fails; none where anything else is wrong besides."""
    mine = told.of(new) if new else {}
    return [mine[name] for name in mine if mine[name]] if failed(told) - known <= set(mine) else []


def counts(told: Tests) -> tuple[int, int]:
    """(tests that ran to an end, those that failed); what was skipped did not run."""
    ran = [text for text in told.results.values() if not text.startswith("skipped")]
    return len(ran), sum(map(bool, ran))


def failed(told: Tests) -> frozenset[str]:
    """Ids of the tests that failed; none of a run that did not come to its end."""
    if not told.finished:
        return frozenset()
    return frozenset(name for name, text in told.results.items() if text and not text.startswith("skipped"))


def faults(told: Tests, expected: Sequence[str], new: str, known: frozenset[str] = frozenset()) -> list[str]:
    """Why this run is no pass; empty when it is.

    ``expected`` are the ids of before, ``new`` is the new test's file, ``known`` are the ids that failed before.
    """
    tests, failures = counts(told)
    names = renamed(expected, told.results)
    gone = sorted({names.get(name, name) for name in expected} - set(told.results))
    known = _as_named(known, told)
    broken = failed(told) - known if told.finished else failures
    found = {
        "the deadline was exceeded": told.done and told.done.timed_out,
        "the run did not finish, or its report is not from our reporter": not told.finished,
        "no tests ran": not tests,
        f"failed: {_named(told, known)}": broken,
        f"existing tests did not run: {', '.join(gone)[:300]}": gone,
        "the new test did not pass": new and (not told.of(new) or any(told.of(new).values())),
    }
    return [says for says, wrong in found.items() if wrong]


def _named(told: Tests, known: frozenset[str]) -> str:
    return ", ".join(name for name, text in told.results.items() if text and name not in known)[:300]


def _before(known: frozenset[str]) -> str:
    return f" ({len(known)} already failed before the change)" if known else ""
