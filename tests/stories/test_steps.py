"""A release that serves a share of the traffic first, and one whose rollback is rehearsed."""

from __future__ import annotations

import pytest
from sqlmodel import col, select

from core.actions import deployments as releases
from core.db import store
from core.models import ChangeSet, Deployment, Issue, Notification, StageRun, Status
from tests.stories.delivering import way
from tests.stories.world import World, until
from tests.who import by

STEPS = 'vercel_project = "shop"\nsteps = [10, 50]\n'


def rows(table, *where):
    with store.read() as session:
        return session.exec(select(table).where(*where).order_by(col(table.id))).all()


def production() -> list[Deployment]:
    return list(rows(Deployment, Deployment.environment == "production"))


def ended(w: World, issue_id: int) -> Issue:
    return until(lambda: w.get(issue_id) if w.get(issue_id).status in (Status.RESOLVED, Status.ESCALATED) else None)


def stepped(world, **rates) -> World:
    w = world()
    way(w, STEPS)
    w.ledger.put("stages", [10, 50])
    w.ledger.put("rates", {"dpl_1": 0.1, "canary": 0.0} | rates)
    return w


def test_a_release_passes_each_share_and_then_serves_everything(world):
    w = stepped(world)
    issue = w.issue()
    until(lambda: w.ledger.effects("share 100"))
    w.was_frequent(issue)
    found = ended(w, issue)
    assert found.status is Status.RESOLVED, found.reason
    assert w.ledger.effects("share") == ["share 10", "share 50", "share 100"]
    (row,) = production()
    told = row.judged["traffic"]
    assert (told["steps"], told["share"]) == ([10, 50], 100) and told["begun"] < told["all"]
    assert row.ready_at.isoformat() == told["all"], "the watch of all traffic begins when it serves all"
    assert row.judged["rehearsal"]["ok"] and row.judged["rehearsal"]["seconds"] >= 0
    (line,) = [one.says for one in rows(StageRun, StageRun.stage == "deploy") if "serves 10 %" in one.says]
    assert "Rollback rehearsed in " in line


def test_harm_at_a_share_rolls_back_before_more_of_the_traffic_meets_it(world):
    w = stepped(world, canary=0.4, dpl_1=0.0)
    found = ended(w, w.issue())
    assert found.status is Status.ESCALATED and "at 10 % of the traffic: " in found.reason
    assert w.ledger.effects("share") == ["share 10"] and w.ledger.effects("rollback") == ["rollback dpl_1"]
    (row,) = production()
    assert row.status == "rolled_back" and w.deployer.rolling.share("shop", row.vendor_id) == 0
    assert [n.body for n in rows(Notification, Notification.event == "rolled_back")]


def test_a_release_that_somebody_aborts_is_rolled_back_and_not_released_again(world):
    w = stepped(world)
    issue = w.issue()
    until(lambda: w.ledger.effects("share 10"))
    (row,) = until(lambda: [one for one in production() if one.vendor_id])
    w.ledger.put("shares", {row.vendor_id: -1})
    found = ended(w, issue)
    assert found.status is Status.ESCALATED and "aborted" in found.reason
    assert len(w.ledger.effects("production")) == 1 and production()[0].status == "rolled_back"


def test_a_stop_holds_the_share_and_a_start_lets_it_go_on(world):
    w = stepped(world)
    issue = w.issue()
    until(lambda: w.ledger.effects("share 10"))
    releases.stop(actor=by("bob"), reason="incident", key="s")
    until(lambda: [one for one in rows(StageRun) if "stopped all releases: incident" in one.says])
    assert not w.ledger.effects("share 100")
    releases.start(actor=by("ada"), key="s2")
    until(lambda: w.ledger.effects("share 100"))
    w.was_frequent(issue)
    assert ended(w, issue).status is Status.RESOLVED


def test_a_target_with_other_stages_gets_nothing_and_the_reason_says_what_to_do(world):
    w = stepped(world)
    w.ledger.put("stages", [25])
    found = ended(w, w.issue())
    assert found.status is Status.ESCALATED and not w.ledger.effects("production")
    assert "has the stages [25] and not [10, 50]" in found.reason and "rolling-release configure" in found.reason


@pytest.fixture
def no_way_back(world) -> tuple[World, Issue]:
    w = world()
    w.ledger.put("no_way_back", True)
    w.ledger.put("rates", {"dpl_1": 0.1})
    return w, ended(w, w.issue())


def test_a_rehearsal_that_fails_keeps_the_release_from_production(no_way_back):
    w, found = no_way_back
    assert found.status is Status.ESCALATED and not w.ledger.effects("production")
    assert "The rehearsal of the rollback failed: dpl_1 was deleted" in found.reason
    (row,) = production()
    assert (row.status, row.judged["rehearsal"]["ok"]) == ("failed", False)


def test_a_person_releases_anyway_what_a_failed_rehearsal_kept_back(no_way_back):
    w, found = no_way_back
    (change,) = rows(ChangeSet)
    releases.release_anyway(found.id, actor=by("ada"), patch_hash=change.patch_hash, reason="we know", key="k")
    until(lambda: w.ledger.effects("production"))
    w.was_frequent(found.id)
    again = ended(w, found.id)
    assert again.status is Status.RESOLVED, again.reason
    last = production()[-1]
    assert last.judged["rehearsal"]["ok"] is False, "it is tried again, and what it showed stays on the row"


def test_a_rehearsal_is_repeated_when_the_reason_is_mended(no_way_back):
    w, found = no_way_back
    w.ledger.put("no_way_back", False)
    (change,) = rows(ChangeSet)
    releases.release_anyway(found.id, actor=by("ada"), patch_hash=change.patch_hash, reason="mended", key="k")
    until(lambda: w.ledger.effects("production"))
    assert production()[-1].judged["rehearsal"]["ok"] is True
