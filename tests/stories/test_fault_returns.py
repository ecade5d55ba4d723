"""A fault that comes back after its fix: the team undoes the fix, and the issue is fixed a second time."""

from __future__ import annotations

from datetime import timedelta

from core.db import store
from core.models import Deployment, Issue, Outcome, Signal, Status, now
from core.stages import group
from core.vendors.command import git
from tests.stories.test_flow import ended, rows
from tests.stories.world import BROKEN, until


def undone(w) -> None:
    """The team deploys the old code on top of what production serves."""
    team, serving = w.folder / "team", w.deployer.production("shop").sha
    git(team, "fetch", "--quiet", str(w.origin), "+refs/heads/*:refs/remotes/origin/*")
    git(team, "checkout", "--quiet", "--detach", serving)
    (team / "shop.py").write_text(BROKEN)
    (team / "tests" / "test_share_nothing.py").unlink()
    git(team, "commit", "--quiet", "--all", "--message", "Undo")
    git(team, "push", "--quiet", "--force", str(w.origin), "HEAD:refs/heads/undo")
    sha = git(team, "rev-parse", "HEAD").strip()
    with w.ledger.lock:
        made = w.ledger.get("deployments", {})
        w.ledger.put("deployments", {**made, "undo": {"vendor_id": "dpl_undo", "sha": sha, "kind": "production"}})
        w.ledger.move("dpl_undo")
        w.ledger.put("rates", {**w.ledger.get("rates", {}), "dpl_undo": 0.1})
        w.ledger.put("merged", None)


def seen_again(issue_id: int) -> None:
    """Reports of the same crash, ten minutes after the fix."""
    with store.write() as session:
        issue = session.get_one(Issue, issue_id)
        issue.ended_at = now() - timedelta(minutes=10)
        old = rows(Signal, Signal.issue_id == issue_id)[0].model_dump(exclude={"id", "issue_id", "vendor_id", "at"})
        session.add_all(Signal(**old, vendor_id=f"again-{n}", at=now() - timedelta(seconds=n / 10)) for n in range(50))


def test_a_fault_that_returns_is_fixed_again_in_a_second_run(world):
    w = world()
    issue_id = w.issue()
    assert ended(w, issue_id, Status.RESOLVED, Status.ESCALATED).status is Status.RESOLVED
    first = w.deployer.production("shop").sha
    undone(w)
    seen_again(issue_id)
    group.group_new(w.rt)
    assert w.get(issue_id).reason == "The error returned after its fix."
    assert group.start_new(w.rt) == [issue_id]
    live = (Deployment.environment == "production", Deployment.status == "watching")
    until(lambda: rows(Deployment, *live))
    w.was_frequent(issue_id)
    issue = ended(w, issue_id, Status.RESOLVED, Status.ESCALATED)
    assert (issue.status, issue.run) == (Status.RESOLVED, 2), issue.reason
    assert w.deployer.production("shop").sha != first and not w.ledger.effects("rollback")
    assert [(o.run, o.result) for o in rows(Outcome)] == [(1, "fixed"), (2, "fixed")]
