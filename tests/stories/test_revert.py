"""The revert of a suspect change as a proposed fix: proved and approved like every fix, and never unattended."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlmodel import col, select

from core.access.rights import Refused
from core.actions import approvals, issues, reverting
from core.db import store
from core.models import Analysis, Approval, AuditRow, ChangeSet, Decision, Issue, Outcome, Status, Verdict
from core.repair import engine
from core.repair.types import FixResult, Proof, RegressionTest
from core.vendors.command import git
from tests.stories.world import BROKEN, FIXED, NEW_TEST, World, until
from tests.who import by


def prove_what_is_proposed(tree: Path, crash, *, fixers, **_) -> FixResult:
    """In place of the repair engine: the first proposal of the first fixer, with the known test."""
    candidate = next(iter(fixers[0].propose(tree, crash)))
    for path, text in candidate.files.items():
        (tree / path).write_text(text)
    (tree / "tests" / "test_share_nothing.py").write_text(NEW_TEST)
    test = RegressionTest("tests/test_share_nothing.py", NEW_TEST)
    return FixResult("fix", "proved", candidate=candidate, test=test, proof=Proof(True, True, True, True))


def commit(w: World, text: str, name: str = "shop.py", subject: str = "Simplify the share") -> str:
    """A commit of the team on the main branch, which production serves."""
    team = w.folder / "team"
    (team / name).write_text(text)
    git(team, "add", "--all")
    git(team, "commit", "--quiet", "--message", subject)
    git(team, "push", "--quiet", str(w.origin), "main")
    sha = git(team, "rev-parse", "HEAD").strip()
    w.ledger.put("deployments", {"team": {"vendor_id": "dpl_1", "sha": sha, "kind": "production"}})
    return sha


def rows(table, *where) -> list:
    with store.read() as session:
        return list(session.exec(select(table).where(*where).order_by(col(table.id))).all())


def stands(w: World, issue_id: int, status: Status) -> Issue:
    return until(lambda: w.get(issue_id) if w.get(issue_id).status is status else None)


def escalated(w: World, suspect: str, score: float = 0.9) -> int:
    """An issue that the platform handed over, with this commit as its suspect change."""
    w.ledger.put("finding", {"confidence": 0.1})
    issue_id = w.issue()
    stands(w, issue_id, Status.ESCALATED)
    with store.write() as session:
        found = session.exec(select(Analysis).where(Analysis.issue_id == issue_id)).one()
        found.evidence = [{"says": "", "weight": 0, "change": {"name": suspect, "sha": suspect, "score": score}}]
        session.add(found)
    return issue_id


@pytest.fixture
def platform(world, monkeypatch):
    made = world()
    monkeypatch.setattr(engine, "repair", prove_what_is_proposed)
    return made


def test_a_revert_is_proposed_proved_approved_and_released(platform):
    w = platform
    commit(w, FIXED, subject="Guard the share")
    broke = commit(w, BROKEN)
    issue_id = escalated(w, broke)
    assert reverting.revert_change(issue_id, actor=by("ada"), commit=broke, key="k").done
    assert not reverting.revert_change(issue_id, actor=by("ada"), commit=broke, key="k").done

    stands(w, issue_id, Status.AWAITING_APPROVAL)
    [change] = rows(ChangeSet, ChangeSet.run == 2)
    assert (change.generator, change.status) == ("revert", "proved")
    assert change.title == f"Revert {broke[:10]}: Simplify the share"
    assert "+    if not whole:" in change.patch and change.proof["complete"]
    assert change.proof["autonomy"] | {"may": False, "class": "revert/none"} == change.proof["autonomy"]
    assert not w.ledger.effects("production")
    [_, decision] = rows(Decision)
    assert (decision.verdict, decision.needs_approval, decision.row) == (Verdict.AUTO_RESOLVE, True, 0)
    assert decision.receipt["row_says"] == f"ada asked for the revert of {broke[:10]}"

    [asked] = rows(Approval)
    approvals.approve(asked.id, actor=by("bob"), patch_hash=asked.patch_hash, key="a")
    assert stands(w, issue_id, Status.RESOLVED).resolution.startswith("revert: Revert ")
    assert w.ledger.effects("production") == [f"production {change.head_sha}"]
    assert rows(Outcome)[-1].verdict is None, "a person's decision does not count as one of the platform"
    [row] = rows(AuditRow, AuditRow.action == "revert_change")
    assert (row.actor, row.detail["commit"], row.detail["run"]) == ("ada", broke, 2)


def test_a_rejected_revert_is_no_part_of_the_next_run(platform):
    w = platform
    commit(w, FIXED)
    broke = commit(w, BROKEN)
    issue_id = escalated(w, broke)
    reverting.revert_change(issue_id, actor=by("ada"), commit=broke, key="k")
    stands(w, issue_id, Status.AWAITING_APPROVAL)
    [asked] = rows(Approval)
    approvals.reject(asked.id, actor=by("bob"), reason="we need that change", key="r")
    stands(w, issue_id, Status.ESCALATED)
    assert not w.ledger.effects("production")
    issues.retry(issue_id, actor=by("ada"), key="n")
    until(lambda: w.get(issue_id).run == 3 and w.get(issue_id).status is Status.ESCALATED)
    assert w.get(issue_id).reverts is None and len(rows(ChangeSet)) == 1


def built_on(w: World) -> str:
    broke = commit(w, BROKEN.replace("whole", "total"))
    commit(w, BROKEN.replace("whole", "everything"))
    return broke


def first(w: World) -> str:
    return git(w.folder / "team", "rev-list", "--max-parents=0", "HEAD").strip()


def elsewhere(w: World) -> str:
    git(w.folder / "team", "checkout", "--quiet", "-b", "other")
    broke = commit(w, FIXED)
    git(w.folder / "team", "push", "--quiet", str(w.origin), "other")
    git(w.folder / "team", "checkout", "--quiet", "main")
    commit(w, "# notes\n", "notes.py")
    return broke


def created(w: World) -> str:
    return commit(w, "RATES = {}\n", "rates.py")


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (built_on, "Later changes build on the commit"),
        (first, "is the first one"),
        (elsewhere, "does not contain the commit"),
        (created, "rates.py would be deleted"),
    ],
)
def test_a_commit_that_cannot_be_taken_out_is_handed_over_with_the_reason(platform, make, says):
    w = platform
    broke = make(w)
    issue_id = escalated(w, broke)
    reverting.revert_change(issue_id, actor=by("ada"), commit=broke, key="k")
    issue = until(lambda: w.get(issue_id) if w.get(issue_id).reason.count(says) else None)
    assert issue.status is Status.ESCALATED and not w.ledger.effects("production")


@pytest.mark.parametrize(
    ("score", "asked", "says"),
    [(0.9, "b" * 40, "not the issue's suspect"), (0.4, "a" * 40, "not the issue's suspect"), (0.9, "", "names no")],
)
def test_only_the_suspect_change_can_be_reverted(platform, score, asked, says):
    issue_id = escalated(platform, "a" * 40, score)
    with pytest.raises(Refused, match=says):
        reverting.revert_change(issue_id, actor=by("ada"), commit=asked, key="k")
    assert platform.get(issue_id).run == 1
