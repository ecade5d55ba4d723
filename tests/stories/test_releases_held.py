"""Stories of releases that wait: admission before the lane, a stop, a freeze, a brake, and places given back."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlmodel import col

from core.actions import approvals, deployments, issues
from core.db import store
from core.models import AuditRow, ChangeSet, Deployment, Issue, Notification, Status, now
from core.stages.deliver import holds
from tests.stories.test_flow import asked, ended, rows
from tests.stories.world import until
from tests.who import by


def production(*where) -> list[Deployment]:
    return rows(Deployment, Deployment.environment == "production", *where)


def waits(w, issue_id: int, says: str) -> Issue:
    return until(lambda: w.get(issue_id) if says in w.get(issue_id).reason else None)


def policy(w, text: str) -> None:
    """Add to platform.toml, as a person who edits it does."""
    file = w.settings.platform_file
    file.write_text(file.read_text() + text)


def stop(w, **more) -> None:
    deployments.stop(actor=by("ada"), reason="an incident", key="stop", **more)


def test_an_approved_release_overtakes_one_that_waits_for_the_limit(world):
    w = world(limit=0)
    automatic = w.issue(release="r1")
    waits(w, automatic, "an hour reached")
    question = asked(w, w.issue("checkout", release="r2"))
    approvals.approve(question.id, actor=by("ada"), patch_hash=question.patch_hash, key="k")
    assert ended(w, question.issue_id, Status.RESOLVED, Status.ESCALATED).status is Status.RESOLVED
    assert w.get(automatic).status is Status.QUEUED


def test_a_stop_holds_every_release_until_a_person_starts_them(world):
    w = world()
    stop(w)
    automatic = w.issue(release="r1")
    waits(w, automatic, "ada stopped all releases: an incident")
    question = asked(w, w.issue("checkout", release="r2"))
    approvals.approve(question.id, actor=by("ada"), patch_hash=question.patch_hash, key="k")
    waits(w, question.issue_id, "ada stopped all releases")
    assert not w.ledger.effects("production") and not production()
    deployments.start(actor=by("ada"), key="start")
    until(lambda: any(w.get(number).status is Status.RESOLVED for number in (automatic, question.issue_id)))


def test_a_stop_lets_production_be_rolled_back(world):
    w = world(watch=60)
    w.ledger.put("rate_of_fix", 0.0)
    number = w.issue()
    ended(w, number, Status.WATCHING)
    stop(w)
    w.ledger.put("rate_of_fix", 0.4)
    ended(w, number, Status.ESCALATED)
    assert w.ledger.get("alias") == "dpl_1"


def test_a_stop_holds_what_is_in_the_lane_already(world):
    """The first is watched in the lane; the second was admitted behind it, and then a person stops releases."""
    w = world(watch=60)
    first = w.issue(release="r1")
    ended(w, first, Status.WATCHING)
    second = w.issue(release="r2")
    until(lambda: production(Deployment.issue_id == second))
    stop(w)
    w.ledger.put("rate_of_fix", 0.4)  # the first is rolled back, and the lane is free
    ended(w, first, Status.ESCALATED)
    waits(w, second, "stopped all releases")
    assert len(w.ledger.effects("production")) == 1


FREEZE = """
[[guards.freezes]]
name = "Sale"
start = {start}
end = {end}
"""


def test_a_freeze_holds_releases_and_says_its_name(world):
    w = world()
    at = now()
    policy(w, FREEZE.format(start=(at - timedelta(hours=1)).isoformat(), end=(at + timedelta(hours=1)).isoformat()))
    waits(w, w.issue(), "Waiting for the end of the freeze 'Sale'")
    assert not production()


@pytest.mark.parametrize("repositories", ["[]", '["shop"]'])
def test_the_end_of_a_freeze_is_noticed(world, repositories):
    w = world()
    at = now()
    policy(w, FREEZE.format(start=(at - timedelta(hours=1)).isoformat(), end=(at + timedelta(seconds=4)).isoformat()))
    policy(w, f"repositories = {repositories}\n")
    assert ended(w, w.issue(), Status.RESOLVED, Status.ESCALATED).status is Status.RESOLVED


def roll_back_twice(w) -> None:
    w.ledger.put("rate_of_fix", 0.4)
    for name in ("r1", "r2"):
        ended(w, w.issue(release=name), Status.ESCALATED)


def test_two_failed_releases_in_a_row_put_the_brake_on_until_a_person_lifts_it(world):
    w = world()
    roll_back_twice(w)
    [brake] = rows(holds.Hold)
    assert (brake.scope, brake.by, brake.ended_at) == ("shop", "platform", None)
    told = rows(Notification, Notification.event == "brake")
    assert {(n.channel, n.repeats) for n in told} == {("slack", 0), ("email", 0)}
    assert "its last 2 releases failed (issues 1 and 2)" in told[0].body
    assert [row.subject for row in rows(AuditRow, AuditRow.action == "brake")] == ["repository/shop"]
    w.ledger.put("rate_of_fix", 0.0)
    third = w.issue(release="r3")
    waits(w, third, "the brake of shop is on")
    assert len(w.ledger.effects("production")) == 2
    deployments.lift("shop", actor=by("ada"), reason="the cause was another one", key="lift")
    assert ended(w, third, Status.RESOLVED, Status.ESCALATED).status is Status.RESOLVED
    assert len(rows(holds.Hold)) == 1, "the failures before the lift are not counted again"


def test_an_approved_release_passes_the_brake_and_one_that_waits_for_it(world):
    w = world()
    roll_back_twice(w)
    w.ledger.put("rate_of_fix", 0.0)
    waits(w, w.issue(release="r3"), "the brake of shop is on")
    question = asked(w, w.issue("checkout", release="r4"))
    approvals.approve(question.id, actor=by("ada"), patch_hash=question.patch_hash, key="k")
    assert ended(w, question.issue_id, Status.RESOLVED, Status.ESCALATED).status is Status.RESOLVED


def test_a_release_that_holds_keeps_the_brake_off(world):
    w = world()
    for name, rate in (("r1", 0.4), ("r2", 0.0), ("r3", 0.4)):
        w.ledger.put("rate_of_fix", rate)
        ended(w, w.issue(release=name), Status.RESOLVED, Status.ESCALATED)
        w.ledger.put("rates", {**w.ledger.get("rates"), w.ledger.get("alias"): 0.0})  # it stays as it was found
    assert rows(holds.Hold) == []


def test_a_fix_that_no_longer_applies_is_written_anew_and_gives_its_place_back(world):
    w = world(limit=2)
    ids = [w.issue(release="r1"), w.issue(release="r2")]
    ends = [ended(w, number, Status.RESOLVED, Status.ESCALATED) for number in ids]
    assert [issue.status for issue in ends] == [Status.RESOLVED] * 2, [issue.reason for issue in ends]
    assert sorted(issue.run for issue in ends) == [1, 2] and len(w.ledger.effects("production")) == 2
    [stale] = rows(ChangeSet, ChangeSet.status == "stale")
    assert stale.run == 1 and "Production has changed" in stale.note
    [lost] = production(Deployment.change_set_id == stale.id)
    assert (lost.status, lost.vendor_id) == ("failed", "")
    with store.read() as session:
        assert holds.places_taken(session, now()) == 2


def test_an_issue_that_ends_in_the_queue_gives_its_place_back(world):
    w = world(watch=60)
    first = w.issue(release="r1")
    ended(w, first, Status.WATCHING)
    second = w.issue(release="r2")
    until(lambda: production(Deployment.issue_id == second))
    issues.escalate(second, actor=by("ada"), to="ops", reason="not today", key="k")
    from core.stages.deliver import admission

    with store.write() as session:
        assert admission.return_abandoned(session) == 1
    [row] = production(Deployment.issue_id == second)
    assert (row.status, row.vendor_id) == ("failed", "")
    with store.read() as session:
        assert holds.places_taken(session, now()) == 1


def test_one_event_is_told_once_a_channel(world):
    w = world()
    w.ledger.put("rate_of_fix", 0.4)
    number = ended(w, w.issue(), Status.ESCALATED).id
    told = rows(Notification, Notification.issue_id == number, col(Notification.event) != "approval_asked")
    assert sorted((n.event, n.channel, n.repeats) for n in told) == [("rolled_back", "email", 0),
                                                                     ("rolled_back", "slack", 0)]  # fmt: skip


def test_an_unhealthy_deployment_is_told_once_a_channel(world):
    w = world()
    w.rt.probe = lambda url: "it returned 502" if url.startswith("http://shop.test") else ""
    number = ended(w, w.issue(), Status.ESCALATED).id
    told = rows(Notification, Notification.issue_id == number)
    assert sorted(n.channel for n in told) == ["email", "slack"]
