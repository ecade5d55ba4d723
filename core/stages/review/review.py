"""Review: runs the gates, then pushes a change that passed, with a pull request where GitHub is connected.

Before that, nothing of the change leaves this machine: no branch, no pull request.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from core.audit import effects
from core.db import store
from core.models import ChangeSet, Issue, Review, recorded
from core.repair.localize.sources import reading
from core.repair.sandbox.newer_syntax import reader
from core.runtime import connected
from core.stages import pull_request, workspace
from core.stages.context import StageContext
from core.stages.ground import ground
from core.stages.results import ReviewResult
from core.stages.review import coderabbit_review, gates, patch_gates, text_gates, vulnerabilities
from core.stages.review.gate import Gate
from core.stages.security import upgraded


def run(context: StageContext, change_id: int) -> ReviewResult:
    rt, issue_id, entry = context.runtime, context.issue_id, context.log
    started = time.monotonic()
    with store.read() as session:
        issue, change = session.get_one(Issue, issue_id), session.get_one(ChangeSet, change_id)
    name, repository = rt.repository_of(issue.service)
    runner = connected(rt.runner, "runner")
    found = workspace.clone_with(rt, name, repository, change)
    with rt.workbench:
        code = ground(rt, name, repository, found, change.base_sha)
    repository = code.repository
    inside = [] if repository.folder == "." else [f"--relative={repository.folder}"]
    diff = found.diff(change.base_sha, change.head_sha, "-U0", *inside)
    with (
        rt.workbench,
        workspace.tree(rt, found, f"review-{change_id}", change.head_sha) as root,
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
    passed = all(gate.passed or not gate.done for gate in results)
    findings = [finding for gate in results for finding in gate.findings]
    _keep(issue_id, change_id, passed, results, time.monotonic() - started)
    if passed:
        branch = pull_request.branch_of(issue_id)
        found.push(change.head_sha, branch)
        effects.of_issue(issue_id, "push", change.head_sha, branch=branch, sha=change.head_sha)
        pull_request.open_for(rt, issue_id, change_id, repository)
    failed = [f"{gate.gate}: {gate.message}" for gate in results if not gate.passed and gate.done]
    entry.message = "; ".join(failed) or _said(results)
    if failed:
        left = pull_request.withdraw(rt, change, entry.message)  # an interrupted earlier review may have published it
        entry.failed("; ".join(filter(None, [entry.message, left])))
    with store.read() as session:
        waits = passed and coderabbit_review.applies(rt, repository, session.get_one(ChangeSet, change_id))
    faults = [f"{f.path}:{f.line}: {f.message}" for f in findings if f.severity != "note"]
    needs_approval = any(not gate.passed for gate in results)
    return ReviewResult(passed, peer=waits, findings=tuple(failed + faults), needs_approval=passed and needs_approval)


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
