"""Stories of a watched release: two faults at once, a fix that harms, late harm, the team's own deployments."""

from __future__ import annotations

from core.actions import production as production_actions
from core.db import store
from core.models import Deployment, Issue, Notification, Outcome, Status
from core.vendors.command import git
from tests.stories.test_flow import ended, rows
from tests.stories.world import until
from tests.who import by

ALWAYS = [n / 10 for n in range(-150, 600)]  # ten times a second, from a quarter of a minute ago on
BEFORE = [n / 10 for n in range(-150, 0)]


def another(title: str = "KeyError: 'GONE'") -> int:
    """An issue of another fault in the same service, which a person works on."""
    with store.write() as session:
        made = Issue(fingerprint="another-fault", title=title, service="pricing", status=Status.ESCALATED)
        session.add(made)
        session.flush()
        return made.id


def production() -> Deployment:
    return rows(Deployment, Deployment.environment == "production")[-1]


def policy(w, old: str, new: str) -> None:
    file = w.settings.platform_file
    file.write_text(file.read_text().replace(old, new))


def test_a_fix_is_not_rolled_back_for_the_errors_of_another_fault_in_its_service(world):
    """15 of 20 failing requests stay: the rule of shares called that uncured."""
    w = world(watch=1.5)
    w.ledger.put("rates", {"dpl_1": 0.2})
    w.ledger.put("rate_of_fix", 0.15)
    w.report(another(), ALWAYS, count=3)
    issue_id = w.issue()
    w.report(issue_id, BEFORE)
    issue = ended(w, issue_id, Status.RESOLVED, Status.ESCALATED)
    assert issue.status is Status.RESOLVED, issue.reason
    assert production().status == "verified" and not w.ledger.effects("rollback")


def test_a_fix_that_cures_one_fault_and_causes_another_is_rolled_back(world):
    """As many requests fail as before, but by another fault."""
    w = world(watch=3.0)
    w.ledger.put("rate_of_fix", 0.1)
    issue_id = w.issue()
    w.report(issue_id, [n / 10 for n in range(-250, 0)], count=2)
    issue = ended(w, issue_id, Status.ESCALATED, Status.RESOLVED)
    assert issue.status is Status.ESCALATED and "requests failed since the release" in issue.reason, issue.reason
    assert w.ledger.get("alias") == "dpl_1" and production().status == "rolled_back"


def test_harm_that_begins_after_an_early_confirmation_is_rolled_back_and_reopens_the_issue(world):
    w = world(watch=30.0)
    policy(w, "[watch]", "[watch]\nearliest = 0.3")
    issue_id = w.issue()
    w.report(issue_id, BEFORE, count=2)
    issue = ended(w, issue_id, Status.RESOLVED, Status.ESCALATED)
    assert issue.status is Status.RESOLVED and production().status == "verified", issue.reason
    assert (production().ended_at - production().ready_at).total_seconds() < 30, "it did not wait for the whole watch"
    w.ledger.put("rate_of_fix", 0.6)
    issue = ended(w, issue_id, Status.ESCALATED)
    assert "late regression after" in issue.reason and "requests failed since the release" in issue.reason
    assert w.ledger.get("alias") == "dpl_1" and production().status == "rolled_back"
    assert [o.result for o in rows(Outcome)] == ["rolled_back"]


def team_deploys(w, base: str) -> str:
    """The team's commit on top of ``base``, live as a deployment of its own."""
    team = w.folder / "team"
    git(team, "fetch", "--quiet", str(w.origin), "+refs/heads/*:refs/remotes/origin/*")
    git(team, "checkout", "--quiet", "--detach", base)
    (team / "notes.txt").write_text("ours\n")
    git(team, "add", "--all")
    git(team, "commit", "--quiet", "--message", "Ours")
    git(team, "push", "--quiet", "--force", str(w.origin), "HEAD:refs/heads/ours")
    sha = git(team, "rev-parse", "HEAD").strip()
    with w.ledger.lock:
        made = w.ledger.get("deployments", {})
        w.ledger.put("deployments", {**made, "ours": {"vendor_id": "dpl_team", "sha": sha, "kind": "production"}})
        w.ledger.move("dpl_team")
    return sha


def test_a_watch_that_waits_for_a_person_leaves_the_lane_to_others(world):
    w = world(watch=0.3)
    w.ledger.put("blind", True)
    first = w.issue()
    until(lambda: rows(Notification, Notification.event == "watch_unsure"))
    second = w.issue(release="r2")
    issue = ended(w, first, Status.RESOLVED, Status.ESCALATED)
    assert issue.status is Status.RESOLVED and "which contains the fix" in issue.reason, issue.reason
    assert w.get(second).status is Status.WATCHING
    w.ledger.put("blind", False)
    assert ended(w, second, Status.RESOLVED, Status.ESCALATED).status is Status.RESOLVED
    assert not w.ledger.effects("rollback")


def test_the_teams_deployment_during_a_watch_that_contains_the_fix_is_a_success(world):
    w = world(watch=60.0)
    issue_id = w.issue()
    ended(w, issue_id, Status.WATCHING)
    team_deploys(w, w.change(issue_id).head_sha)
    issue = ended(w, issue_id, Status.RESOLVED, Status.ESCALATED)
    assert issue.status is Status.RESOLVED and "production serves dpl_team" in issue.reason, issue.reason
    assert "which contains the fix" in issue.reason
    assert production().status == "superseded" and w.ledger.get("alias") == "dpl_team"
    assert not w.ledger.effects("rollback") and w.ledger.effects("merge")
    assert [o.result for o in rows(Outcome)] == ["fixed"]


def test_a_fix_that_the_teams_deployment_supersedes_goes_out_again_on_top_of_it(world):
    w = world(watch=4.0)
    before = w.deployer.production("shop").sha
    issue_id = w.issue()
    ended(w, issue_id, Status.WATCHING)
    ours = team_deploys(w, before)
    issue = ended(w, issue_id, Status.RESOLVED, Status.ESCALATED)
    assert issue.status is Status.RESOLVED, issue.reason
    first, second = rows(Deployment, Deployment.environment == "production")
    assert (first.status, second.status) == ("superseded", "verified") and first.key != second.key
    assert "does not contain the fix" in first.note and w.ledger.get("alias") == second.vendor_id
    assert git(w.origin, "merge-base", "--is-ancestor", ours, second.sha) == ""
    assert not w.ledger.effects("rollback")
    assert [o.result for o in rows(Outcome)] == ["fixed"]


def test_a_deployment_whose_commit_nobody_knows_is_a_persons_question(world):
    w = world(watch=60.0)
    issue_id = w.issue()
    ended(w, issue_id, Status.WATCHING)
    with w.ledger.lock:
        made = w.ledger.get("deployments", {})
        w.ledger.put("deployments", {**made, "ours": {"vendor_id": "dpl_x", "sha": "f" * 40, "kind": "production"}})
        w.ledger.move("dpl_x")
    issue = ended(w, issue_id, Status.RESOLVED, Status.ESCALATED)
    assert issue.status is Status.ESCALATED and "it is unknown whether its commit contains the fix" in issue.reason


def test_a_person_who_rolls_back_ends_the_late_watch(world):
    w = world(watch=30.0)
    policy(w, "[watch]", "[watch]\nearliest = 0.3")
    issue_id = w.issue()
    w.report(issue_id, BEFORE, count=2)
    ended(w, issue_id, Status.RESOLVED)
    production_actions.roll_back(production().id, actor=by("ada"), reason="prices look odd", key="k")
    assert w.get(issue_id).status is Status.ESCALATED and w.ledger.effects("rollback") == ["rollback dpl_1"]
