"""Each way to production, from the fault to the end: one release, and what people are told of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlmodel import col, select

from core import runtime, scheduler
from core.actions import deployments as releases
from core.db import store
from core.models import Approval, ChangeSet, Deployment, Notification, Outcome, StageRun, Status, now
from core.ops import webhooks
from core.stages.collect import Collector
from core.stages.deliver import deploy, merging, reverting
from core.vendors.command import git
from tests.stories.delivering import cluster, commands, merge, pipeline, way
from tests.stories.world import World, until
from tests.who import by


def ended(w: World, issue_id: int):
    return until(lambda: w.get(issue_id) if w.get(issue_id).status in (Status.RESOLVED, Status.ESCALATED) else None)


def cured(w: World, issue_id: int):
    """How it ends when the fault was frequent until the release, however long this machine took until then."""
    until(lambda: rows(Deployment, Deployment.environment == "production", col(Deployment.ready_at).is_not(None)))
    w.was_frequent(issue_id)
    return ended(w, issue_id)


def rows(table, *where):
    with store.read() as session:
        return session.exec(select(table).where(*where).order_by(col(table.id))).all()


def told(event: str) -> list[str]:
    return [row.body for row in rows(Notification, Notification.event == event)]


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(merging, "EVERY", 0.1)
    monkeypatch.setattr(merging, "SOON", 0.1)


def log_of(state: Path) -> list:
    return json.loads(state.read_text())["log"]


def test_commands_release_the_fix_once(world):
    w = world()
    state = commands(w)
    w.ledger.put("rates", {})
    before = git(w.origin, "rev-parse", "main").strip()
    issue = cured(w, w.issue())
    assert issue.status is Status.RESOLVED, issue.reason
    change = w.change(issue.id)
    assert log_of(state) == [["deploy", change.head_sha, before]]
    made = rows(Deployment, Deployment.environment == "production")
    assert [(row.status, row.vendor_id, row.previous_vendor_id) for row in made] == [
        ("verified", change.head_sha, before)
    ]


def test_commands_roll_back_what_does_harm(world):
    w = world()
    state = commands(w)
    w.ledger.put("rates", {"dpl_1": 0.0, "harmful": 0.4})
    before = git(w.origin, "rev-parse", "main").strip()
    issue = w.issue()
    until(lambda: log_of(state))
    w.ledger.move("harmful")
    issue = ended(w, issue)
    assert issue.status is Status.ESCALATED
    change = w.change(issue.id)
    assert log_of(state) == [["deploy", change.head_sha, before], ["rollback", before, change.head_sha]]
    assert [row.status for row in rows(Deployment, Deployment.environment == "production")] == ["rolled_back"]


def test_a_workflow_of_github_releases_the_fix_once(world):
    w = world()
    pipeline(w)
    w.ledger.put("rates", {})
    issue = cured(w, w.issue())
    assert issue.status is Status.RESOLVED, issue.reason
    change = w.change(issue.id)
    assert w.ledger.effects("production") == [f"production {change.head_sha}"]
    (row,) = rows(Deployment, Deployment.environment == "production")
    assert (row.status, row.vendor_id, row.url) == (
        "verified", change.head_sha, "https://github.com/acme/shop/actions/runs/2"
    )  # fmt: skip


def test_a_run_that_waits_for_reviewers_is_waited_for_and_said(world, monkeypatch):
    monkeypatch.setattr(deploy, "LOOK_SECONDS", 0.1)
    w = world()
    pipeline(w)
    w.ledger.put("rates", {})
    w.ledger.put("hold", True)
    issue = w.issue()
    waits_for = "waits for the reviewers of production: https://github.com/acme/shop/actions/runs/2"
    until(lambda: [line for line in rows(StageRun) if line.says == waits_for and line.result == "waiting"])
    assert w.get(issue).status is Status.DEPLOYING and not told("unverified")
    w.ledger.put("hold", False)
    assert cured(w, issue).status is Status.RESOLVED
    assert len(w.ledger.effects("production")) == 1


def test_a_cluster_releases_the_fix_once_and_is_rolled_back(world):
    w = world()
    cluster(w)
    w.ledger.put("rates", {"dpl_1": 0.0, "harmful": 0.4})
    issue = w.issue()
    until(lambda: w.ledger.effects("production"))
    w.ledger.move("harmful")
    assert ended(w, issue).status is Status.ESCALATED
    image = "registry.example/shop:"
    assert w.ledger.effects("production") == [f"production {image}{w.change(issue).head_sha}"]
    assert w.ledger.effects("rollback") == [f"rollback {w.ledger.get('first_image')}"]


# --- pull requests --------------------------------------------------------------------------------------


def waits(w: World, issue_id: int):
    return until(lambda: told("ready_for_review") and w.get(issue_id).status is Status.AWAITING_APPROVAL)


def conflict(w: World) -> None:
    """The team changes the lines of the fix on the main branch."""
    place = w.folder / "rival"
    git(w.folder, "clone", "--quiet", "origin.git", place.name)
    (place / "shop.py").write_text("def share(part, whole):\n    return 1.0\n")
    git(place, "commit", "--quiet", "--all", "--message", "Another change of the same lines")
    git(place, "push", "--quiet", "origin", "HEAD:main")


def test_a_merged_pull_request_is_watched_and_learned(world, quick):
    w = world()
    way(w, "")
    issue = w.issue("checkout")
    waits(w, issue)
    assert "pull request 1" in told("ready_for_review")[0] and not told("approval_asked")
    (row,) = until(lambda: rows(Deployment, Deployment.environment == "production"))
    assert row.judged["rehearsal"]["ok"] and "Rollback rehearsed in " in row.note
    assert git(w.origin, "for-each-ref", "--format=%(refname)", "refs/heads/revert") == "", "nothing is pushed"
    w.ledger.put("rates", {})
    made = merge(w, issue)
    found = cured(w, issue)
    assert found.status is Status.RESOLVED, found.reason
    (row,) = rows(Deployment, Deployment.environment == "production")
    assert (row.status, row.vendor_id) == ("verified", made)
    (approval,) = rows(Approval)
    assert (approval.state, approval.by, approval.patch_hash) == ("approved", "eve (merge)", w.change(issue).patch_hash)
    assert w.ledger.effects() == ["pull fix/issue-1"] or not w.ledger.effects("production")
    assert [o.result for o in rows(Outcome)] == ["fixed"]


def test_a_merge_that_does_not_apply_is_said_before_somebody_merges(world, quick):
    w = world()
    way(w, "")
    issue = w.issue()
    waits(w, issue)
    (row,) = until(lambda: rows(Deployment, Deployment.environment == "production"))
    assert row.judged["rehearsal"]["ok"]
    conflict(w)
    refused = "do not apply to main"
    until(lambda: [one for one in rows(Deployment, Deployment.id == row.id) if refused in one.note])
    assert rows(Deployment, Deployment.id == row.id)[0].judged["rehearsal"]["ok"] is False
    assert w.get(issue).status is Status.AWAITING_APPROVAL, "the merge stays a person's decision"


def test_a_webhook_ends_the_wait_for_the_merge(world, monkeypatch):
    monkeypatch.setattr(merging, "EVERY", 3600.0)
    w = world()
    way(w, "")
    w.ledger.put("rates", {})
    issue = w.issue()
    waits(w, issue)
    merge(w, issue)
    scheduler.run_round(w.rt, Collector(), "test", f"{webhooks.SLOT}1")
    assert cured(w, issue).status is Status.RESOLVED


def test_a_pull_request_closed_without_a_merge_is_a_rejection_with_its_comment(world, quick):
    w = world()
    way(w, "")
    issue = w.issue()
    waits(w, issue)
    w.ledger.put("state-1", {"state": "closed", "by": "eve", "says": "we want <b>another</b> fix @all"})
    found = ended(w, issue)
    assert found.status is Status.ESCALATED
    assert "closed without a merge by eve: we want ‹b›another‹/b› fix" in found.reason
    assert [(o.result) for o in rows(Outcome)] == ["rejected"]
    assert not rows(Deployment, Deployment.environment == "production", Deployment.vendor_id != "")


def harmful(world) -> tuple[World, int, str]:
    """A merged fix whose release does harm: the world, the issue, and the merge commit."""
    w = world(watch=2)
    way(w, "")
    w.ledger.put("rates", {"merged": 0.5, "dpl_1": 0.0})
    issue = w.issue()
    waits(w, issue)
    return w, issue, merge(w, issue)


def test_harm_opens_the_revert_which_is_a_rollback_when_it_is_merged(world, quick):
    w = world(watch=2)
    way(w, "")
    issue = w.issue()
    waits(w, issue)
    w.ledger.put("rates", {"merged": 0.5, "dpl_1": 0.0})
    made = merge(w, issue)
    w.ledger.move("merged")
    found = ended(w, issue)
    assert found.status is Status.ESCALATED and "the revert is ready for review: pull request 2" in found.reason
    (row,) = rows(Deployment, Deployment.environment == "production")
    assert row.status == "reverting" and told("reverting") and not told("rolled_back")
    (branch,) = git(w.origin, "for-each-ref", "--format=%(refname:short)", "refs/heads/revert").split()
    assert git(w.origin, "diff", f"{made}^1", branch) == ""
    w.ledger.put("state-2", {"state": "merged", "sha": "f" * 40, "at": now().isoformat(), "by": "eve"})
    reverting.follow(runtime.current())
    (row,) = rows(Deployment, Deployment.environment == "production")
    assert row.status == "rolled_back" and told("rolled_back")
    assert [o.result for o in rows(Outcome)] == ["rolled_back"]


def reverted(w: World) -> None:
    """The revert was merged, on the main branch too."""
    git(w.folder / "person", "fetch", "--quiet", "origin")
    git(w.folder / "person", "merge", "--quiet", "--ff-only", "origin/revert/issue-1-2")
    git(w.folder / "person", "push", "--quiet", "origin", "HEAD:main")
    w.ledger.put("state-2", {"state": "merged", "sha": "f" * 40, "at": now().isoformat(), "by": "eve"})
    reverting.follow(runtime.current())


def test_what_was_reverted_can_be_offered_once_more_as_a_new_pull_request(world, quick):
    w, issue, _ = harmful(world)
    ended(w, issue)
    reverted(w)
    w.ledger.put("pulls", {})  # GitHub finds no open one
    (change,) = rows(ChangeSet)
    releases.release_anyway(issue, actor=by("ada"), patch_hash=change.patch_hash, reason="it was not us", key="k")
    until(lambda: w.get(issue).status is Status.AWAITING_APPROVAL)
    again = rows(ChangeSet)[-1]
    assert (again.run, again.pull_number, again.patch_hash) == (2, 3, change.patch_hash)
    assert again.head_sha != change.head_sha and again.base_sha == git(w.origin, "rev-parse", "main").strip()
    assert git(w.origin, "rev-parse", f"fix/issue-{issue}").strip() == again.head_sha


def test_a_revert_that_is_closed_keeps_the_release(world, quick):
    w, issue, _ = harmful(world)
    ended(w, issue)
    w.ledger.put("state-2", {"state": "closed", "by": "eve", "says": "the <i>database</i> was slow"})
    reverting.follow(runtime.current())
    (row,) = rows(Deployment, Deployment.environment == "production")
    assert (row.status, row.kept_by) == ("verified", "eve") and "eve closed the revert: the ‹i›database" in row.note
    assert not told("rolled_back")


def test_a_revert_that_does_not_apply_raises_the_alarm_with_the_command_by_hand(world, quick):
    w, issue, made = harmful(world)
    (w.folder / "person" / "shop.py").write_text("def share(part, whole):\n    return 0.0\n")
    git(w.folder / "person", "commit", "--quiet", "--all", "--message", "Another change of the same lines")
    git(w.folder / "person", "push", "--quiet", "origin", "HEAD:main")
    says = until(lambda: told("unverified"))[0]
    assert "does not apply to main" in says and f"git revert {made} on main" in says
    assert w.get(issue).status is Status.ROLLING_BACK, "the guard holds it until somebody has acted"


def test_without_a_code_host_the_main_branch_says_what_was_merged(world, quick):
    w = world()
    way(w, "")
    w.rt.host = None
    issue = w.issue()
    waits(w, issue)
    assert f"branch fix/issue-{issue}" in told("ready_for_review")[0]
    w.ledger.put("rates", {})
    made = merge(w, issue)
    found = cured(w, issue)
    assert found.status is Status.RESOLVED, found.reason
    (row,) = rows(Deployment, Deployment.environment == "production")
    assert row.vendor_id == made
