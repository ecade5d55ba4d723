"""Nothing is pushed before its review has passed, what is refused leaves no branch, and any worker has the commit."""

from __future__ import annotations

import subprocess

import pytest
from sqlmodel import col, select

from core import runtime
from core.actions import approvals
from core.db import store
from core.models import Analysis, Approval, Cause, ChangeSet, Impact, Severity, Status, TestRun
from core.ops import durable
from core.ops.stage_log import Entry
from core.repair import engine
from core.repair.environment.environment import Environment
from core.repair.sandbox.interpreter import PLATFORM
from core.runtime import connected
from core.stages import fix, handover, pull_request, test, workspace
from core.stages.context import FIRST, FixPass, StageContext
from core.stages.ground import Ground
from core.stages.results import Rebased
from core.stages.review import gates, review
from core.vendors.base import ReviewFinding, ReviewProgress
from core.vendors.command import git
from tests.stories.test_coderabbit_review import Peer, start
from tests.stories.test_flow import ended
from tests.stories.world import OLD_TEST, PlainRunner, World, pass_gates, write_known_fix
from tests.who import by


def branches(w) -> dict[str, str]:
    """The remote's branches but its main one, with their commits."""
    rows = git(w.origin, "for-each-ref", "--format=%(refname:short) %(objectname)", "refs/heads").splitlines()
    return {name: sha for name, sha in (row.split() for row in rows) if name != "main"}


def changes() -> list[ChangeSet]:
    with store.read() as session:
        return list(session.exec(select(ChangeSet).order_by(col(ChangeSet.id))))


def test_nothing_is_on_the_remote_while_a_review_looks(world, monkeypatch):
    w, seen = world(), []

    def look(*_given):
        seen.append(branches(w))
        return [gates.Gate("style", True, "no style findings", 0, 0)]

    monkeypatch.setattr(gates, "review", look)
    issue = ended(w, w.issue(), Status.RESOLVED, Status.ESCALATED)
    assert issue.status is Status.RESOLVED, issue.reason
    assert seen == [{}]
    assert branches(w) == {f"fix/issue-{issue.id}": changes()[0].head_sha}


def test_a_fix_that_its_review_refuses_is_never_pushed(world, monkeypatch):
    w, pushed = world(), []
    monkeypatch.setattr(gates, "review", lambda *_given: [gates.Gate("style", False, "a slip", 1, 0)])
    monkeypatch.setattr(workspace.Clone, "push", lambda *given: pushed.append(given))
    ended(w, w.issue(), Status.ESCALATED)
    assert pushed == [] and branches(w) == {} and not w.ledger.effects()
    assert [bool(row.head_sha) for row in changes()] == [True] * 3, "the commits are kept, for the next attempts"


def refuse_by_a_person(w, _monkeypatch) -> None:
    with store.read() as session:
        asked = session.exec(select(Approval).where(Approval.state == "pending")).one()
    assert branches(w), "it was published, to be looked at"
    approvals.reject(asked.id, actor=by("ada"), reason="not before the sale @all", key="k")


def fail_the_tests(_w, monkeypatch) -> None:
    run = PlainRunner.run

    def failing(self, argv, tree, timeout=120):
        told = ["python", "-c", "print('1 failed'); raise SystemExit(1)"]
        return run(self, told if "pytest" in argv else argv, tree)

    monkeypatch.setattr(PlainRunner, "run", failing)


@pytest.mark.parametrize("how", ["a rejected approval", "failed tests"])
def test_a_refused_change_takes_its_branch_and_its_pull_request_back(how, world, monkeypatch):
    w = world()
    if how == "failed tests":
        fail_the_tests(w, monkeypatch)
    issue_id = w.issue("checkout")
    if how == "a rejected approval":
        ended(w, issue_id, Status.AWAITING_APPROVAL)
        refuse_by_a_person(w, monkeypatch)
    issue = ended(w, issue_id, Status.ESCALATED)
    assert branches(w) == {} and w.ledger.effects("close") == ["close 1"], issue.reason
    (change,) = changes()
    assert change.branch == "" and change.head_sha and change.pull_number == 1
    said = w.ledger.get(f"comment-withdrawn-{change.id}")
    assert said.startswith("Closed: this fix was rejected.") and "@all" not in said


def test_findings_that_block_take_the_branch_back_until_a_fix_passes(world):
    leak = ReviewFinding("shop.py", 2, "critical", "division by the wrong number")
    seen = []

    class Watching(Peer):
        def look(self, repository, number, head):
            seen.append((number, branches(w)))
            return super().look(repository, number, head)

    peer = Watching(
        ReviewProgress("done", (leak,), "1 finding"),
        ReviewProgress("done", (leak,), "1 finding"),
        ReviewProgress("done", (), "none"),
    )
    w, issue_id = start(world, peer)
    issue = ended(w, issue_id, Status.RESOLVED, Status.ESCALATED)
    assert issue.status is Status.RESOLVED, issue.reason
    name, rows = f"fix/issue-{issue_id}", changes()
    assert seen == [(number, {name: row.head_sha}) for number, row in enumerate(rows, 1)]
    assert w.ledger.effects("close") == ["close 1", "close 2"] and branches(w) == {name: rows[-1].head_sha}


def test_findings_that_block_the_last_attempt_leave_nothing(world):
    leak = ReviewFinding("shop.py", 2, "critical", "division by the wrong number")
    w, issue_id = start(world, Peer(ReviewProgress("done", (leak,), "1 finding")))
    ended(w, issue_id, Status.ESCALATED)
    assert branches(w) == {} and w.ledger.effects("close") == ["close 1", "close 2", "close 3"]


def moved(w, branch: str) -> str:
    """A person pushes to the branch of a fix."""
    team = w.folder / "team"
    git(team, "fetch", "--quiet", str(w.origin), branch)
    git(team, "checkout", "--quiet", "--detach", "FETCH_HEAD")
    git(team, "commit", "--quiet", "--allow-empty", "--message", "Mine")
    git(team, "push", "--quiet", str(w.origin), f"HEAD:refs/heads/{branch}")
    return git(team, "rev-parse", "HEAD").strip()


def test_a_branch_that_a_person_moved_stays(world, monkeypatch):
    w = world()
    issue_id = w.issue("checkout")
    ended(w, issue_id, Status.AWAITING_APPROVAL)
    theirs = moved(w, f"fix/issue-{issue_id}")
    refuse_by_a_person(w, monkeypatch)
    ended(w, issue_id, Status.ESCALATED)
    assert branches(w) == {f"fix/issue-{issue_id}": theirs} and not w.ledger.effects("close")


def test_a_branch_that_cannot_be_taken_back_is_told_to_the_person_who_takes_over(world, monkeypatch):
    w = world()
    issue_id = w.issue("checkout")
    ended(w, issue_id, Status.AWAITING_APPROVAL)
    w.origin.rename(w.folder / "away.git")
    with store.read() as session:
        asked = session.exec(select(Approval).where(Approval.state == "pending")).one()
    approvals.reject(asked.id, actor=by("ada"), reason="no", key="k")
    issue = ended(w, issue_id, Status.ESCALATED)
    assert f"branch fix/issue-{issue_id} could not be deleted" in issue.reason
    (w.folder / "away.git").rename(w.origin)
    assert pull_request.withdraw(w.rt, changes()[0], "no") == "" and branches(w) == {}


def test_a_withdrawal_that_was_cut_short_is_done_to_its_end(world):
    """Killed after the pull request was closed, or after the branch was deleted: a second call finds the rest."""
    w = world()
    issue_id = w.issue("checkout")
    ended(w, issue_id, Status.AWAITING_APPROVAL)
    (change,) = changes()
    found = workspace.known(w.rt, "shop", w.rt.policy.repositories["shop"])
    w.rt.host.close_pull("acme/shop", 1, change.head_sha, "k", "closed")
    assert found.delete(change.branch, change.head_sha) and found.delete(change.branch, change.head_sha)
    assert pull_request.withdraw(w.rt, change, "no") == "" and changes()[0].branch == ""
    assert w.ledger.effects("close") == ["close 1"] and branches(w) == {}


# --- the commit, on another worker


def context(w: World, issue_id: int, attempt: int = FIRST) -> StageContext:
    return StageContext(w.rt, issue_id, 1, attempt, Entry())


@pytest.fixture
def fixed(tmp_path, monkeypatch) -> World:
    """A fix that one worker wrote and nobody has pushed; the world's own clone is not the other worker's."""
    monkeypatch.setattr(engine, "repair", write_known_fix)
    monkeypatch.setattr(gates, "review", pass_gates)
    monkeypatch.setattr(durable, "begin", lambda session, issue: setattr(issue, "run", 1))
    w = World(tmp_path)
    issue_id = w.issue()
    with store.write() as session:
        session.add(_analysis(issue_id))
    assert fix.run(context(w, issue_id), []).ok
    return w


def _analysis(issue_id: int) -> Analysis:
    return Analysis(
        issue_id=issue_id, run=1, analyst="told", root_cause="whole is 0", cause=Cause.CODE, severity=Severity.LOW,
        impact=Impact.LOW, confidence=0.9, simplicity=1.0,
    )  # fmt: skip


def other_host(w: World) -> World:
    w.settings.data_dir = w.folder / "another-host"
    runtime.use(w.rt)
    return w


def test_another_worker_reviews_tests_and_publishes_the_very_same_commit(fixed):
    (change,) = changes()
    w = other_host(fixed)
    assert review.run(context(w, change.issue_id), change.id).ok
    assert branches(w) == {f"fix/issue-{change.issue_id}": change.head_sha}
    assert test.run(context(w, change.issue_id), change.id).ok


def test_a_commit_outlives_the_garbage_of_its_clone(fixed):
    (change,) = changes()
    path = fixed.settings.data_dir.resolve() / "repositories" / "shop.git"
    subprocess.run(["git", "gc", "--quiet", "--prune=now"], cwd=path, check=True)
    assert workspace.known(fixed.rt, "shop", fixed.rt.policy.repositories["shop"]).commits(change.head_sha) == [
        change.head_sha
    ]


@pytest.mark.parametrize("host", ["the same", "another"])
def test_production_moved_on_and_any_worker_makes_the_same_commit_of_it(host, fixed):
    (change,) = changes()
    assert review.run(context(fixed, change.issue_id), change.id).ok
    team = fixed.folder / "team"
    (team / "shop.py").write_text("# prices\n\n\n" + (team / "shop.py").read_text())
    (team / "tests" / "test_share.py").write_text(OLD_TEST + "\n")
    git(team, "commit", "--quiet", "--all", "--message", "More")
    git(team, "push", "--quiet", str(fixed.origin), "main")
    sha = git(team, "rev-parse", "HEAD").strip()
    fixed.ledger.put("deployments", {"team": {"vendor_id": "dpl_1", "sha": sha, "kind": "production"}})
    w = other_host(fixed) if host == "another" else fixed
    assert fix.rebase(context(w, change.issue_id, FixPass.REBASE), change.id) == Rebased(
        ok=True, moved=True, again=True
    )
    (now,) = changes()
    assert (now.base_sha, now.patch_hash) == (sha, change.patch_hash) and now.head_sha != change.head_sha
    assert branches(w) == {now.branch: now.head_sha}
    found = workspace.known(w.rt, "shop", w.rt.policy.repositories["shop"])
    assert found.moved(change, sha).sha == now.head_sha, "whoever makes it, whenever: the same commit"
    assert "# prices" in found.git("show", f"{now.head_sha}:shop.py")
    handover.run(context(w, change.issue_id), "tests_failed", "no")
    assert branches(w) == {}


def test_a_build_that_was_rolled_back_does_not_go_out_again_with_the_next_fix(fixed):
    """The fix stood on top of it; production serves the build before it again."""
    (change,) = changes()
    assert review.run(context(fixed, change.issue_id), change.id).ok
    before, team = change.base_sha, fixed.folder / "team"
    (team / "harm.py").write_text("harm = True\n")
    git(team, "add", "--all")
    git(team, "commit", "--quiet", "--message", "Harm")
    git(team, "push", "--quiet", str(fixed.origin), "main")
    for sha in (git(team, "rev-parse", "HEAD").strip(), before):
        fixed.ledger.put("deployments", {"team": {"vendor_id": "dpl_1", "sha": sha, "kind": "production"}})
        assert fix.rebase(context(fixed, change.issue_id, FixPass.REBASE), change.id).moved
        (now,) = changes()
        assert now.base_sha == sha
    found = workspace.known(fixed.rt, "shop", fixed.rt.policy.repositories["shop"])
    assert "harm.py" not in found.git("ls-tree", "--name-only", now.head_sha)


def test_a_change_whose_tests_failed_on_this_base_is_tested_again(fixed):
    (change,) = changes()
    for passed, moved in ((True, False), (False, True)):
        with store.write() as session:
            session.add(TestRun(change_set_id=change.id, command="pytest", passed=passed, tests=1, failures=0,
                                runner="plain", seconds=1.0, output=""))  # fmt: skip
        assert fix.rebase(context(fixed, change.issue_id, FixPass.REBASE), change.id).moved is moved


def test_what_no_longer_applies_is_said(fixed):
    (change,) = changes()
    team = fixed.folder / "team"
    (team / "shop.py").write_text("def share(part, whole):\n    return whole and part / whole\n")
    git(team, "commit", "--quiet", "--all", "--message", "Another way")
    git(team, "push", "--quiet", str(fixed.origin), "main")
    sha = git(team, "rev-parse", "HEAD").strip()
    fixed.ledger.put("deployments", {"team": {"vendor_id": "dpl_1", "sha": sha, "kind": "production"}})
    told = fix.rebase(context(fixed, change.issue_id, FixPass.REBASE), change.id)
    assert not told.ok and told.stale and "the fix no longer applies" in told.message


def test_an_earlier_attempts_texts_are_known_to_another_worker(fixed):
    w = other_host(fixed)
    row = changes()[0]
    asking = ChangeSet(issue_id=row.issue_id, run=1, attempt=2, generator="none")
    found = workspace.clone(w.rt, "shop", w.rt.policy.repositories["shop"])
    stands = Ground(found.repository, connected(w.rt.runner, "runner"), Environment(PLATFORM, ""))
    assert [*fix._refused(found, row.issue_id, asking, stands)[0]] == ["shop.py"]
