"""Review: the gates, and a pull request with their verdict where GitHub is connected."""

from __future__ import annotations

import time

from core import pull_request, store, workspace
from core.journal import Entry
from core.models import ChangeSet, Issue, Review
from core.runtime import Runtime
from core.stages import gates, peer

CONTEXT = "platform/review"


def run(rt: Runtime, issue_id: int, run: int, attempt: int, entry: Entry, change_id: int) -> dict:
    started = time.monotonic()
    with store.read() as session:
        issue, change = session.get_one(Issue, issue_id), session.get_one(ChangeSet, change_id)
    name, repository = rt.repository_of(issue.service)
    found = workspace.clone(rt, name, repository)
    diff = found.git("diff", "--no-ext-diff", "--no-color", "-U0", change.base_sha, change.head_sha)
    with rt.workbench, workspace.tree(rt, found, f"review-{change_id}", change.head_sha) as tree:
        before = gates.texts_before(found.git, change.base_sha, diff)
        results = gates.review(tree, diff, repository, rt.policy.fix, rt.runner, before)
    passed = all(gate.passed for gate in results)
    findings = [finding for gate in results for finding in gate.findings]
    with store.write() as session:
        session.add(
            Review(
                change_set_id=change_id,
                passed=passed,
                gates=[gate.as_json() for gate in results],
                findings=[vars(finding) for finding in findings],
                seconds=round(time.monotonic() - started, 2),
            )
        )
    if passed:
        pull_request.open_for(rt, issue_id, change_id, repository)
    failed = [f"{gate.gate}: {gate.says}" for gate in results if not gate.passed]
    entry.says = "; ".join(failed) or f"all {len(results)} gates passed"
    if failed:
        entry.failed(entry.says)
    with store.read() as session:
        waits = passed and peer.applies(rt, repository, session.get_one(ChangeSet, change_id))
    return {"ok": passed, "peer": waits, "findings": failed + [f"{f.path}:{f.line}: {f.says}" for f in findings]}
