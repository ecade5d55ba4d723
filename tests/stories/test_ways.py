"""Each way to production, from the fault to the end: one release, and what people are told of it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from sqlmodel import col, select

from core import runtime
from core.db import store
from core.models import Approval, Deployment, Notification, Outcome, Status, now
from core.stages.deliver import merging, reverting
from core.vendors.command import git
from tests.stories.world import World, until

DEPLOY = """
import json, os, pathlib, sys
what, home = sys.argv[1], pathlib.Path(os.environ["STATE"])
state = json.loads(home.read_text())
key, sha = os.environ["DEPLOY_KEY"], os.environ["DEPLOY_SHA"]
if what == "status":
    told = state["keys"].get(key, "absent") if key else "absent"
    print("some words first")
    print(json.dumps({"state": told, "sha": state["sha"]}))
else:
    assert (pathlib.Path.cwd() / "shop.py").exists() and not (pathlib.Path.cwd() / ".git").exists()
    state["keys"][key], state["sha"] = "live", sha
    state["log"].append([what, sha, os.environ["DEPLOY_PREVIOUS_SHA"]])
    home.write_text(json.dumps(state))
"""


def ended(w: World, issue_id: int):
    return until(lambda: w.get(issue_id) if w.get(issue_id).status in (Status.RESOLVED, Status.ESCALATED) else None)


def rows(table, *where):
    with store.read() as session:
        return session.exec(select(table).where(*where).order_by(col(table.id))).all()


def told(event: str) -> list[str]:
    return [row.body for row in rows(Notification, Notification.event == event)]


def way(w: World, text: str) -> None:
    platform = w.settings.platform_file
    platform.write_text(platform.read_text().replace('vercel_project = "shop"\n', text))


def commands(w: World, secrets: str = "[]") -> Path:
    """The world's repository is deployed by a program of the team, whose state lies in a file."""
    program, state = w.folder / "deploy.py", w.folder / "state.json"
    program.write_text(DEPLOY)
    main = git(w.origin, "rev-parse", "main").strip()
    state.write_text(json.dumps({"sha": main, "keys": {}, "log": []}))
    argv = {name: json.dumps([sys.executable, str(program), name]) for name in ("deploy", "status", "rollback")}
    lines = "".join(f"commands.{name} = {words}\n" for name, words in argv.items())
    way(w, f'delivery = "commands"\n{lines}commands.secrets = {secrets}\nenvironment = {{STATE = "{state}"}}\n')
    return state


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
    issue = ended(w, w.issue())
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


# --- pull requests --------------------------------------------------------------------------------------


def merge(w: World, issue_id: int, sha: str = "") -> str:
    """A person merges the fix's branch, as a squash if no commit is named; returns the commit on main."""
    branch, place = f"fix/issue-{issue_id}", w.folder / f"person-{issue_id}"
    git(w.folder, "clone", "--quiet", "origin.git", place.name)
    git(place, "-c", "user.name=eve", "-c", "user.email=e@e.test", "merge", "--quiet", "--no-ff",
        "-m", "Merge", f"origin/{branch}")  # fmt: skip
    git(place, "push", "--quiet", "origin", "HEAD:main")
    made = git(place, "rev-parse", "HEAD").strip()
    w.ledger.put("state-1", {"state": "merged", "sha": made, "at": now().isoformat(), "by": "eve"})
    return made


def waits(w: World, issue_id: int):
    return until(lambda: told("ready_for_review") and w.get(issue_id).status is Status.AWAITING_APPROVAL)


def test_a_merged_pull_request_is_watched_and_learned(world, quick):
    w = world()
    way(w, "")
    issue = w.issue("checkout")
    waits(w, issue)
    assert "pull request 1" in told("ready_for_review")[0] and not told("approval_asked")
    w.ledger.put("rates", {})
    made = merge(w, issue)
    found = ended(w, issue)
    assert found.status is Status.RESOLVED, found.reason
    (row,) = rows(Deployment, Deployment.environment == "production")
    assert (row.status, row.vendor_id) == ("verified", made)
    (approval,) = rows(Approval)
    assert (approval.state, approval.by, approval.patch_hash) == ("approved", "eve (merge)", w.change(issue).patch_hash)
    assert w.ledger.effects() == ["pull fix/issue-1"] or not w.ledger.effects("production")
    assert [o.result for o in rows(Outcome)] == ["fixed"]


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


def test_without_a_code_host_the_main_branch_says_what_was_merged(world, quick):
    w = world()
    way(w, "")
    w.rt.host = None
    issue = w.issue()
    waits(w, issue)
    assert f"branch fix/issue-{issue}" in told("ready_for_review")[0]
    w.ledger.put("rates", {})
    made = merge(w, issue)
    found = ended(w, issue)
    assert found.status is Status.RESOLVED, found.reason
    (row,) = rows(Deployment, Deployment.environment == "production")
    assert row.vendor_id == made
