"""Production is never left unguarded: whatever fails, a deployment ends confirmed or rolled back, or people are alarmed
while the guard keeps trying.
"""

from __future__ import annotations

import errno
import threading
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
from dbos import DBOS
from sqlmodel import col, select

from core import flow
from core.access import rights
from core.actions import production as production_actions
from core.db import store
from core.models import Deployment, Notification, Outcome, Status
from core.ops import infrastructure
from core.repair.sandbox import checkout
from core.repair.sandbox.runner import LimitedRunner
from core.stages import steps, workspace
from core.stages.deliver import guard, merge, restoring
from core.vendors import command
from core.vendors.base import Deployed, VendorError
from core.vendors.command import Unreachable
from core.vendors.delivery.vercel import VercelDelivery
from tests.stories.outage import Outage
from tests.stories.test_flow import ended, rows
from tests.stories.world import until
from tests.who import by


@pytest.fixture(autouse=True)
def short_rests(monkeypatch):
    """Durable waits are recorded as ever, and take a hundredth of a second."""
    for module in (flow, steps):
        monkeypatch.setattr(module, "rest", lambda seconds: DBOS.sleep(min(seconds, 0.01)))


def refused(says="refused the request", status=400):
    return VendorError("vercel", f"{says} ({status})", permanent=status < 500, status=status)


def failing(monkeypatch, target, name, error, times=10**9):
    """Make a method raise ``error`` for its first ``times`` calls; returns the list of calls that failed."""
    real, calls = getattr(target, name), []

    def work(*args, **kw):
        if len(calls) < times:
            calls.append(args)
            raise error
        return real(*args, **kw)

    monkeypatch.setattr(target, name, work)
    return calls


def production() -> Deployment:
    return rows(Deployment, Deployment.environment == "production")[0]


def alarms(channel="slack") -> list[Notification]:
    return rows(Notification, Notification.event == "unverified", Notification.channel == channel)


# --- the database ----------------------------------------------------------------------------------


@pytest.mark.parametrize("refusals", [5, 60])
def test_a_database_that_is_away_while_a_bad_release_is_watched(database, world, refusals, monkeypatch):
    w = world(database=database, watch=30)
    w.ledger.put("rate_of_fix", 0.0)
    issue_id = w.issue()
    until(lambda: w.ledger.effects("production") and w.get(issue_id).status is Status.WATCHING)
    with Outage(store.engine(), refusals, monkeypatch) as outage:
        w.ledger.put("rate_of_fix", 0.4)
        until(lambda: outage.over)
    issue = ended(w, issue_id, Status.ESCALATED, Status.RESOLVED)
    assert issue.status is Status.ESCALATED and "requests failed since the release" in issue.reason
    assert w.ledger.get("alias") == "dpl_1" and production().status == "rolled_back"
    assert [o.result for o in rows(Outcome)] == ["rolled_back"]


@pytest.mark.parametrize("place", ["analyze", "fix", "previewing", "production"])
def test_a_database_that_is_away_at_any_stage_ends_no_issue(database, world, place, monkeypatch, request):
    w = world(database=database)
    outage = Outage(store.engine(), 40, monkeypatch)
    request.addfinalizer(outage.end)
    entered = threading.Event()
    work = {"analyze": (w.rt.analysts[0], "analyze"), "fix": (workspace, "clone"),
            "previewing": (w.deployer, "preview"), "production": (w.deployer, "promote")}[place]  # fmt: skip
    real = getattr(*work)

    def cut(*args, **kw):
        if not entered.is_set():
            entered.set()
            outage.begin()
        return real(*args, **kw)

    monkeypatch.setattr(*work, cut)
    issue_id = w.issue()
    until(lambda: outage.over)
    issue = ended(w, issue_id, Status.RESOLVED, Status.ESCALATED)
    assert issue.status is Status.RESOLVED, issue.reason
    assert len(w.ledger.effects("production")) == 1 and w.ledger.effects("merge")


# --- the vendor ------------------------------------------------------------------------------------


def test_a_project_that_cannot_be_read_after_production_was_created(world, monkeypatch):
    w = world()
    calls = failing(monkeypatch, w.deployer, "serve", refused("is away", 503), times=4)
    issue = ended(w, w.issue(), Status.RESOLVED, Status.ESCALATED)
    assert issue.status is Status.RESOLVED, issue.reason
    assert len(calls) == 4 and len(w.ledger.effects("production")) == 1


def test_a_project_that_can_never_be_read_alarms_and_is_restored_when_it_can(world, monkeypatch):
    w = world()
    w.ledger.put("rate_of_fix", 0.4)
    failing(monkeypatch, w.deployer, "serve", refused("is away", 503))
    away = failing(monkeypatch, w.deployer, "rollback", refused("is away", 503), times=9)
    issue_id = w.issue()
    until(alarms)
    assert w.get(issue_id).status is not Status.ESCALATED, "the guard holds on"
    issue = ended(w, issue_id, Status.ESCALATED)
    assert len(away) == 9 and w.ledger.get("alias") == "dpl_1"
    assert "DBOS" not in issue.reason and "the workflow broke" not in issue.reason
    assert guard.alarms() == []


@pytest.mark.parametrize("status", [400, 409, 500])
def test_a_rollback_that_is_refused_alarms_everybody_until_it_succeeds(world, monkeypatch, status):
    w = world()
    w.ledger.put("rate_of_fix", 0.4)
    free = threading.Event()
    real = w.deployer.rollback

    def rollback(project, to):
        if not free.is_set():
            raise refused("the rollback was refused", status)
        return real(project, to)

    monkeypatch.setattr(w.deployer, "rollback", rollback)
    issue_id = w.issue()
    until(lambda: guard.alarms() and alarms())
    [row] = guard.alarms()
    assert "the rollback was refused" in row.alarm
    assert {n.channel for n in rows(Notification, Notification.event == "unverified")} == {"slack", "email", "console"}
    assert "vercel rollback dpl_1" in alarms()[0].body and row.vendor_id in alarms()[0].body
    assert w.get(issue_id).status is not Status.ESCALATED
    monkeypatch.setattr(guard, "REPEAT", 0.5)
    told = len(alarms())
    until(lambda: len(alarms()) > told)
    free.set()
    ended(w, issue_id, Status.ESCALATED)
    assert w.ledger.get("alias") == "dpl_1" and production().status == "rolled_back" and guard.alarms() == []


def unmoved_alias(w, monkeypatch) -> None:
    """Promotions are accepted, and production goes on serving what it served."""

    def promote(project, preview_id, key):
        made = type(w.deployer).promote(w.deployer, project, preview_id, key)
        w.ledger.put("alias", "dpl_1")
        return made

    monkeypatch.setattr(w.deployer, "promote", promote)
    failing(monkeypatch, w.deployer, "serve", refused("the alias did not move in 60 s"))


def test_a_promotion_whose_alias_moves_after_the_rollback_is_restored_again(world, monkeypatch):
    w = world()
    monkeypatch.setattr(restoring, "EVERY", 0.05)
    unmoved_alias(w, monkeypatch)
    ended(w, w.issue(), Status.ESCALATED, Status.RESOLVED)
    w.ledger.put("alias", production().vendor_id)
    until(lambda: w.ledger.get("alias") == "dpl_1")
    until(lambda: production().status == "rolled_back")
    monkeypatch.setattr(restoring, "SETTLED", 0.0)


def test_a_promotion_that_is_accepted_while_the_alias_never_moves(world, monkeypatch):
    w = world()
    unmoved_alias(w, monkeypatch)
    issue = ended(w, w.issue(), Status.ESCALATED, Status.RESOLVED)
    assert issue.status is Status.ESCALATED and "the alias did not move" in issue.reason
    assert w.ledger.get("alias") == "dpl_1" and production().status == "rolled_back"


def test_a_deployment_that_hangs_is_cancelled_before_production_is_left(world, monkeypatch):
    w = world()
    monkeypatch.setattr(VercelDelivery, "patience", 0.001)
    hanging: dict[str, str] = {}
    shape = w.deployer._shape

    def building(row):
        found = shape(row)
        if row["kind"] == "production" and found.vendor_id not in ("dpl_1", *hanging):
            return Deployed(found.vendor_id, found.url, "BUILDING", found.sha)
        return found

    monkeypatch.setattr(w.deployer, "_shape", building)
    monkeypatch.setattr(w.deployer, "cancel", lambda vendor_id: hanging.update({vendor_id: "CANCELED"}))
    issue = ended(w, w.issue(), Status.ESCALATED, Status.RESOLVED)
    assert issue.status is Status.ESCALATED and "is still building" in issue.reason
    assert list(hanging) == [production().vendor_id]
    assert w.ledger.get("alias") == "dpl_1"


def test_a_watch_that_our_own_fault_breaks_ends_in_a_rollback(world, monkeypatch):
    w = world()
    real = w.rt.health.points

    def points(*args):
        if w.ledger.get("alias") != "dpl_1":
            raise ZeroDivisionError("no baseline")
        return real(*args)

    monkeypatch.setattr(w.rt.health, "points", points)
    issue = ended(w, w.issue(), Status.ESCALATED, Status.RESOLVED)
    assert issue.status is Status.ESCALATED and "The watch could not judge" in issue.reason
    assert w.ledger.get("alias") == "dpl_1"


def test_a_release_that_breaks_is_rolled_back_by_the_journey(world, monkeypatch):
    w = world()
    real = flow.watch_step

    def broken(*args):
        real(*args)
        raise RuntimeError("the code of the release is broken")

    monkeypatch.setattr(flow, "watch_step", broken)
    issue = ended(w, w.issue(), Status.ESCALATED, Status.RESOLVED)
    assert issue.status is Status.ESCALATED and "rolled back to dpl_1" in issue.reason
    assert w.ledger.get("alias") == "dpl_1" and production().status == "rolled_back"


def test_a_person_whose_rollback_is_refused_leaves_the_guard_at_work(world, monkeypatch):
    w = world(watch=30)
    issue_id = w.issue()
    until(lambda: w.get(issue_id).status is Status.WATCHING and production().status == "watching")
    calls = failing(monkeypatch, w.deployer, "rollback", refused("the rollback was refused"), times=1)
    with pytest.raises(rights.Refused, match="the rollback was refused"):
        production_actions.roll_back(production().id, actor=by("ada"), reason="prices look odd", key="k1")
    w.ledger.put("rate_of_fix", 0.4)
    issue = ended(w, issue_id, Status.ESCALATED)
    assert len(calls) == 1 and "requests failed since the release" in issue.reason
    assert w.ledger.get("alias") == "dpl_1"


# --- git, the disk, and what is left to a person ------------------------------------------------------


def test_a_git_remote_that_is_away_for_a_while(world, monkeypatch):
    w = world()
    calls = failing(monkeypatch, workspace.Clone, "fetch", Unreachable("git: Connection refused"), times=4)
    issue = ended(w, w.issue(), Status.RESOLVED, Status.ESCALATED)
    assert issue.status is Status.RESOLVED, issue.reason
    assert len(calls) == 4


def test_a_git_remote_that_stays_away_hands_over_with_the_reason_and_the_time(world, monkeypatch):
    monkeypatch.setattr(infrastructure, "LONGEST_WAIT", 3 * 3600.0)
    w = world()
    failing(monkeypatch, workspace.Clone, "fetch", Unreachable("git: Connection refused"))
    issue = ended(w, w.issue(), Status.ESCALATED, Status.RESOLVED)
    assert issue.reason.startswith("git: Connection refused (retried for ")
    assert not w.ledger.effects()


@contextmanager
def full(monkeypatch, target, name, nth, error):
    """The disk is full from the nth call of a function on, for three calls."""
    real, calls = getattr(target, name), []

    def work(*args, **kw):
        calls.append(name)
        if nth <= len(calls) < nth + 3:
            raise error()
        return real(*args, **kw)

    monkeypatch.setattr(target, name, work)
    yield calls


def no_space():
    return OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("nth", range(1, 26))
def test_a_disk_that_is_full_when_the_store_is_written(world, monkeypatch, nth):
    w = world(watch=0.2)
    issue_id = w.issue()
    with full(monkeypatch, store, "write", nth, no_space) as calls:
        issue = ended(w, issue_id, Status.RESOLVED, Status.ESCALATED)
    assert issue.status is Status.RESOLVED, issue.reason
    assert len(calls) >= nth and len(w.ledger.effects("production")) == 1
    assert [o.result for o in rows(Outcome)] == ["fixed"]


WRITES = [(checkout, "check_out", 1), (checkout, "check_out", 2), (checkout, "check_out", 3), (workspace, "known", 1),
          (workspace, "known", 2), (workspace.Clone, "commit", 1), (workspace.Clone, "push", 1)]  # fmt: skip


@pytest.mark.parametrize(("target", "name", "nth"), WRITES)
def test_a_disk_that_is_full_when_the_workspace_is_written(world, monkeypatch, target, name, nth):
    w = world(watch=0.2)
    with full(monkeypatch, target, name, nth, no_space) as calls:
        issue = ended(w, w.issue(), Status.RESOLVED, Status.ESCALATED)
    assert issue.status is Status.RESOLVED, issue.reason
    assert len(calls) >= nth + 3


def test_a_disk_that_is_full_while_the_tests_run_is_no_failed_test(world, monkeypatch):
    w = world(watch=0.2)
    real, ran = command.os.statvfs, []

    def statvfs(path):
        ran.append(path)
        return real(path) if len(ran) > 3 else SimpleNamespace(f_bavail=0, f_frsize=1)

    w.rt.runner = LimitedRunner()
    monkeypatch.setattr(command.os, "statvfs", statvfs)
    issue = ended(w, w.issue(), Status.RESOLVED, Status.ESCALATED)
    assert issue.status is Status.RESOLVED, issue.reason
    assert len(ran) > 3


@pytest.mark.parametrize("status", [405, 409])
def test_a_merge_that_is_refused_leaves_the_fix_fixed_and_is_tried_again(world, monkeypatch, status):
    w = world()
    monkeypatch.setattr(merge, "EVERY", 0.1)
    calls = failing(monkeypatch, w.rt.host, "merge", refused("not mergeable", status), times=3)
    issue = ended(w, w.issue(), Status.RESOLVED, Status.ESCALATED)
    assert issue.status is Status.RESOLVED
    assert [o.result for o in rows(Outcome)] == ["fixed"]
    assert production().status == "verified"
    until(lambda: w.ledger.effects("merge") and w.change(issue.id).status == "merged")
    told = rows(Notification, Notification.event == "merge_outstanding")
    assert len(calls) == 3 and len(told) == 1 and "not mergeable" in told[0].body
    assert w.get(issue.id).status is Status.RESOLVED


def test_no_text_of_the_durable_engine_reaches_a_person(world, monkeypatch):
    w = world()
    failing(monkeypatch, w.rt.analysts[0], "analyze", VendorError("openai", "has no credit left", permanent=True))
    issue = ended(w, w.issue(), Status.ESCALATED)
    with store.read() as session:
        bodies = session.exec(select(Notification.body).order_by(col(Notification.id))).all()
    assert "has no credit left" in issue.reason
    assert not [text for text in [issue.reason, *bodies] if "DBOS" in text or "workflow broke" in text]
