"""Test: the service's own test command on the committed change, in the sandbox runner."""

from __future__ import annotations

import re

from core import store, workspace
from core.journal import Entry
from core.models import ChangeSet, Issue, TestRun
from core.runtime import Runtime
from core.vendors.command import Completed

COUNT = re.compile(r"(\d+) (passed|failed|error)")
KEPT = 20_000
DEADLINE = 600.0  # seconds


def run(rt: Runtime, issue_id: int, run: int, attempt: int, entry: Entry, change_id: int) -> dict:
    with store.read() as session:
        issue, change = session.get_one(Issue, issue_id), session.get_one(ChangeSet, change_id)
    name, repository = rt.repository_of(issue.service)
    found = workspace.clone_with(rt, name, repository, change)
    with rt.workbench, workspace.tree(rt, found, f"test-{change_id}", change.head_sha) as tree:
        done = rt.runner.run(repository.test_command, tree, timeout=DEADLINE)
    tests, failures = counts(done)
    passed = done.ok and tests > 0
    with store.write() as session:
        session.add(
            TestRun(
                change_set_id=change_id,
                command=" ".join(repository.test_command),
                passed=passed,
                tests=tests,
                failures=failures,
                runner=rt.runner.name,
                seconds=round(done.seconds, 2),
                output=(done.stdout + done.stderr)[-KEPT:],
            )
        )
    entry.says = f"{tests} tests, {failures} failed" + (", the deadline came first" if done.timed_out else "")
    if not passed:
        entry.failed(entry.says)
    return {"ok": passed, "says": f"the service's own tests did not pass: {entry.says}"}


def counts(done: Completed) -> tuple[int, int]:
    """(tests, failures) as pytest's last line says; a command that ran no test has not passed."""
    found: dict[str, int] = {}
    for line in reversed(done.stdout.splitlines()):
        if found := {word: int(number) for number, word in COUNT.findall(line)}:
            break
    return sum(found.values()), found.get("failed", 0) + found.get("error", 0)
