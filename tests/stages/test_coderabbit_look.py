"""A fix that CodeRabbit refused is withdrawn, and a withdrawal that fails is said."""

from __future__ import annotations

from core.db import store
from core.models import Stage, Status
from core.ops import stage_log
from core.policy.services import Repository
from core.runtime import Runtime
from core.stages.context import StageContext
from core.stages.review import coderabbit_review
from core.vendors.base import ReviewFinding, ReviewProgress
from tests import factories, screens


def test_a_withdrawal_that_fails_is_said(tmp_path, monkeypatch):
    rt = Runtime(screens.open_console(tmp_path))
    with store.write() as session:
        issue = factories.issue(session)
        change = factories.change_set(session, issue, pull_number=7)
        factories.review(session, change)
    seen = ReviewProgress("done", (ReviewFinding("a.py", 1, "critical", "wrong"),), "CodeRabbit reviewed it: 1 finding")
    monkeypatch.setattr(coderabbit_review, "_seen", lambda *_: seen)
    monkeypatch.setattr(Runtime, "repository_of", lambda *_: ("shop", Repository(remote="", github="acme/shop")))
    monkeypatch.setattr(
        coderabbit_review.pull_request, "withdraw", lambda *_: "branch fix/issue-1 could not be deleted"
    )
    with stage_log.stage(issue.id, issue.run, Stage.REVIEW, 1, Status.REVIEWING) as entry:
        judged = coderabbit_review.look(StageContext(rt, issue.id, issue.run, 1, entry), change.id, 0)
        assert not judged.ok and entry.message.endswith("1 of them blocking; branch fix/issue-1 could not be deleted")
