"""The page of a watched deployment: the result of the newest look, and the button that keeps it."""

from __future__ import annotations

import pytest
from sqlmodel import select

from core import runtime
from core.db import store
from core.models import AuditRow, Deployment, Status
from core.queries import approvals
from core.runtime import Runtime
from tests import scenes, screens

HOSTILE = "<img src=x onerror=alert(1)>"
JUDGED = {
    "state": "unsure",
    "says": f"not exercised: {HOSTILE}",
    "counts": [{"name": f"own-fault {HOSTILE}", "before": 120.0, "after": 0.0, "says": ""}],
    "checks": {"cart: basket": HOSTILE},
}


@pytest.fixture
def watched(console) -> Deployment:
    runtime.use(Runtime(console))
    with store.write() as session:
        issue = scenes.story(session, Status.WATCHING)
        of = (Deployment.issue_id == issue.id, Deployment.environment == "production")
        made = session.exec(select(Deployment).where(*of)).one()
        made.judged = JUDGED
        return made


def keeps(at) -> list:
    return [button for button in at.button if button.key.startswith("keep-")]


def test_the_verdict_is_shown_and_untrusted_text_in_it_is_escaped(watched):
    told = screens.seen(screens.visit("deployments", deployment=watched.id))
    assert "Unclear; a person decides whether to keep it or roll it back" in told and "own-fault" in told
    assert "<img" not in told and told.count("&lt;img") == 3


def test_an_approver_keeps_it_with_a_reason(watched):
    [button] = keeps(screens.visit("deployments", "bob", deployment=watched.id))
    at = button.click().run()
    next(e for e in at.text_area if e.key.startswith("reason-")).input("the shop works")
    next(b for b in at.button if b.key.startswith("do-")).click().run()
    assert not at.exception
    with store.read() as session:
        assert session.get_one(Deployment, watched.id).kept_by == "bob"
        row = session.exec(select(AuditRow).where(AuditRow.action == "keep")).one()
    assert row.detail["reason"] == "the shop works"


def test_only_approvers_are_offered_it(watched):
    assert not keeps(screens.visit("deployments", "operator", deployment=watched.id))


@pytest.mark.parametrize("values", [{"status": "verified"}, {"status": "superseded"}, {"kept_by": "bob"}])
def test_a_decided_deployment_is_not_offered(watched, values):
    with store.write() as session:
        session.get_one(Deployment, watched.id).sqlmodel_update(values)
    assert not keeps(screens.visit("deployments", "bob", deployment=watched.id))


@pytest.mark.parametrize(
    ("judged", "shown"),
    [
        ({"rehearsal": {"ok": True, "says": "", "seconds": 1.24}}, "Rollback rehearsed in 1.2 s"),
        ({"rehearsal": {"ok": False, "says": HOSTILE, "seconds": 1}}, "Rollback rehearsal failed: &lt;img"),
        ({"traffic": {"steps": [10, 50], "share": 10}}, "10 % (steps: 10 %, 50 %, all)"),
        ({}, "Not rehearsed"),
    ],
)
def test_the_rehearsal_and_the_share_of_the_traffic_are_shown(watched, judged, shown):
    with store.write() as session:
        session.get_one(Deployment, watched.id).judged = JUDGED | judged
    told = screens.seen(screens.visit("deployments", deployment=watched.id))
    assert shown in told and "<img" not in told


@pytest.mark.parametrize(("ok", "kind"), [(True, "rehearsal"), (None, "promotion"), (False, "promotion")])
def test_the_next_approval_tells_how_long_the_last_rehearsal_took(watched, ok, kind):
    with store.write() as session:
        row = session.get_one(Deployment, watched.id)
        row.judged = {"rehearsal": {"ok": ok, "says": "", "seconds": 1.24}}
        row.promote_seconds, row.rollback_seconds = 9.0, None
        for other in session.exec(select(Deployment).where(Deployment.id != watched.id)):
            session.delete(other)
    with store.read() as session:
        found = approvals.rehearsal(session, watched.repository)
    assert found and (found.kind, found.seconds) == (kind, 1.24 if ok else 9.0)
