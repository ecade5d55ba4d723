"""Review: runs the gates, then pushes a change that passed, with a pull request where GitHub is connected.

Before that, nothing of the change leaves this machine: no branch, no pull request.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from core.audit import effects
from core.db import store
from core.models import ChangeSet, Issue, Review, recorded
from core.policy.services import Repository
from core.repair.localize.sources import reading
from core.repair.sandbox.newer_syntax import reader
from core.repair.types import Runner
from core.runtime import Runtime, connected
from core.stages import pull_request, workspace
from core.stages.context import StageContext
from core.stages.ground import Ground, ground
from core.stages.results import ReviewResult
from core.stages.review import coderabbit_review, gates, patch_gates, text_gates, vulnerabilities
from core.stages.review.gate import Gate
from core.stages.security import upgraded
from core.stages.workspace import Clone


def run(context: StageContext, change_id: int) -> ReviewResult:
    rt, issue_id = context.runtime, context.issue_id
    started = time.monotonic()
    with store.read() as session:
        issue, change = session.get_one(Issue, issue_id), session.get_one(ChangeSet, change_id)
    name, repository = rt.repository_of(issue.service)
    runner = connected(rt.runner, "runner")
    found = workspace.clone_with(rt, name, repository, change)
    with rt.workbench:
        code = ground(rt, name, repository, found, change.base_sha)
    results = _results(rt, runner, code, found, change)
    failed = [f"{gate.gate}: {gate.message}" for gate in results if not gate.passed and gate.done]
    passed = not failed
    _keep(issue_id, change_id, passed, results, time.monotonic() - started)
    if passed:
        _publish(rt, issue_id, change, found, code.repository)
    context.log.message = "; ".join(failed) or _said(results)
    if not passed:
        _withdraw(context, change)
    waits = passed and _waits(rt, code.repository, change_id)
    needs_approval = passed and not all(gate.passed for gate in results)
    return ReviewResult(passed, peer=waits, findings=(*failed, *_faults(results)), needs_approval=needs_approval)


def _results(rt: Runtime, runner: Runner, code: Ground, found: Clone, change: ChangeSet) -> list[Gate]:
    """What each gate says of the change."""
    repository = code.repository
    inside = [] if repository.folder == "." else [f"--relative={repository.folder}"]
    diff = found.diff(change.base_sha, change.head_sha, "-U0", *inside)
    with (
        rt.workbench,
        workspace.tree(rt, found, f"review-{change.id}", change.head_sha) as root,
        reading(reader(code.runner)),
    ):
        tree = code.within(root)
        before = gates.texts_before(found.git, change.base_sha, diff, repository.folder)
        on = vulnerabilities.stand(tree, diff, before, repository, rt.policy.osv, runner)  # before any code has run
        of_patch = patch_gates.review(tree, diff, before, repository, code.inner(change.test_path))
        results = [*gates.review(tree, diff, repository, rt.policy.fix, code.runner, before), *of_patch]
    results = [*results, vulnerabilities.gate(on, rt.advisories, rt.policy.osv)]
    if change.template == upgraded.TEMPLATE:
        results = [text_gates.audited(gate) for gate in results]
    return results


def _publish(rt: Runtime, issue_id: int, change: ChangeSet, found: Clone, repository: Repository) -> None:
    assert change.id is not None
    branch = pull_request.branch_of(issue_id)
    found.push(change.head_sha, branch)
    effects.of_issue(issue_id, "push", change.head_sha, branch=branch, sha=change.head_sha)
    pull_request.open_for(rt, issue_id, change.id, repository)


def _withdraw(context: StageContext, change: ChangeSet) -> None:
    """Take back what an interrupted earlier review may have published."""
    entry = context.log
    left = pull_request.withdraw(context.runtime, change, entry.message)
    entry.failed("; ".join(filter(None, [entry.message, left])))


def _waits(rt: Runtime, repository: Repository, change_id: int) -> bool:
    """Is CodeRabbit's review awaited? Read anew: publishing has changed the row."""
    with store.read() as session:
        return coderabbit_review.applies(rt, repository, session.get_one(ChangeSet, change_id))


def _faults(results: Sequence[Gate]) -> list[str]:
    findings = [finding for gate in results for finding in gate.findings if finding.severity != "note"]
    return [f"{finding.path}:{finding.line}: {finding.message}" for finding in findings]


def _keep(issue_id: int, change_id: int, passed: bool, results: Sequence[Gate], seconds: float) -> None:
    """Store the review and the branch's name before the push, so that the branch can be withdrawn even if this process
    is killed in between.
    """
    with store.write() as session:
        session.add(
            Review(
                change_set_id=change_id,
                passed=passed,
                gates=[gate.as_json() for gate in results],
                findings=[recorded.plain(finding) for gate in results for finding in gate.findings],
                seconds=round(seconds, 2),
            )
        )
        if passed:
            session.get_one(ChangeSet, change_id).branch = pull_request.branch_of(issue_id)


def _said(results: Sequence[Gate]) -> str:
    """The summary of a review that passed: which gates ran, and which could not."""
    rest = [f"{gate.gate}: {gate.message}" for gate in results if not gate.done]
    if not rest:
        return f"all {len(results)} gates passed"
    return "; ".join([f"{len(results) - len(rest)} of {len(results)} gates ran and passed", *rest])
