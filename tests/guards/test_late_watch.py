"""The looks after an early confirmation: late harm is rolled back and reopens the issue."""

from __future__ import annotations

from datetime import timedelta

import pytest
from freezegun import freeze_time
from sqlmodel import select

from core.db import store
from core.models import Issue, Outcome, Status
from core.stages.context import StepContext
from core.stages.results import Awaited, WatchResult
from core.stages.watch import late
from tests.guards.watching import BEFORE, READY, Host, another, every, real_clock, release


@pytest.fixture
def confirmed(console):
    made = release(console)
    made.set(status="verified", ended_at=READY + timedelta(seconds=90))
    with store.write() as session:
        session.get_one(Issue, made.issue_id).status = Status.RESOLVED
    return made


def context(watched) -> StepContext:
    return StepContext(watched.runtime(), watched.issue_id, 1)


def look(watched, second: float) -> WatchResult:
    given = context(watched)
    with freeze_time(READY + timedelta(seconds=second)):
        return late.watch(given, watched.change_id)


def harm(watched) -> None:
    watched.errors(every(5, 120, 400), another(), fingerprint="new-fault", release="9d03e7c")


@pytest.mark.parametrize(
    ("second", "found"), [(120, WatchResult("watching", 30)), (599, WatchResult("watching", 30)),
                          (600, WatchResult("over"))],
)  # fmt: skip
def test_it_looks_until_the_full_watch_time_and_keeps_the_issue_unchanged(confirmed, second, found):
    assert look(confirmed, second) == found
    assert (confirmed.issue.status, confirmed.row.status) == (Status.RESOLVED, "verified")


def test_a_clock_that_jumps_ahead_does_not_end_it(confirmed, monkeypatch):
    real_clock(monkeypatch, 120, 130, 600)
    assert [look(confirmed, second).state for second in (120, 730, 1200)] == ["watching", "watching", "over"]


@pytest.mark.parametrize("since", [25, 120])
def test_late_harm_in_a_changed_file_is_found_and_named(confirmed, since):
    confirmed.errors(every(5, since, 400), another(), fingerprint="new-fault", release="9d03e7c")
    found = look(confirmed, 400)
    assert found.state == "failed" and "new-fault in cart: " in found.message


def test_a_late_rise_outside_of_the_changed_files_goes_to_a_person(confirmed):
    fault = {"fingerprint": "new-fault", "release": "9d03e7c", "crash": {}}
    confirmed.errors(every(5, 120, 400), another(), **fault)
    assert look(confirmed, 400).state == "watching" and not confirmed.notified("watch_unsure")
    confirmed.errors(every(5, 400, 700), another(), **fault)
    assert look(confirmed, 700) == WatchResult("over")
    assert "new-fault in cart: " in confirmed.notified("watch_unsure")[0].body


@pytest.mark.parametrize("status", ["rolled_back", "superseded", "failed"])
def test_it_ends_if_the_release_is_no_longer_the_confirmed_one(confirmed, status):
    harm(confirmed)
    confirmed.set(status=status)
    assert look(confirmed, 400) == WatchResult("over")


def test_an_undecided_release_is_watched_for_twice_the_watch_time(console):
    watched = release(console, "minimum_requests = 1000000\n", reports=[-3000.0, -1500.0])
    watched.set(status="verified")
    assert look(watched, 700).state == "watching"
    assert look(watched, 1200) == WatchResult("over")


def test_an_undeployed_change_has_no_late_watch(confirmed):
    confirmed.change_id = 404
    assert look(confirmed, 300) == WatchResult("over")


def test_another_deployment_in_production_ends_it_and_nothing_is_rolled_back(confirmed):
    harm(confirmed)
    confirmed.host = Host("dpl_next")
    assert look(confirmed, 400) == WatchResult("over") and confirmed.row.status == "verified"


def test_an_unavailable_vendor_does_not_end_it(confirmed):
    confirmed.host = Host(fault="is down")
    assert look(confirmed, 300).state == "watching"


def outcomes() -> list[str]:
    with store.read() as session:
        return [row.result for row in session.exec(select(Outcome)).all()]


def test_late_harm_is_rolled_back_and_reopens_the_issue(confirmed):
    assert late.roll_back(context(confirmed), confirmed.change_id, "late harm") == Awaited(ok=True)
    assert confirmed.host.live == BEFORE and confirmed.row.status == "rolled_back"
    assert confirmed.issue.status is Status.ESCALATED and "late harm" in confirmed.issue.reason
    assert outcomes() == ["rolled_back"]


def test_a_newer_run_of_the_issue_is_not_disturbed(confirmed):
    with store.write() as session:
        issue = session.get_one(Issue, confirmed.issue_id)
        issue.run, issue.status = 2, Status.FIXING
    late.roll_back(context(confirmed), confirmed.change_id, "late harm")
    assert confirmed.row.status == "rolled_back" and confirmed.issue.status is Status.FIXING


def test_a_refused_rollback_is_retried_and_reported_once_a_day(confirmed):
    confirmed.host = Host(stuck=True)
    for _ in range(3):
        answer = late.roll_back(context(confirmed), confirmed.change_id, "late harm")
        assert answer == Awaited(30, ok=False)
    assert confirmed.row.status == "verified" and confirmed.issue.status is Status.RESOLVED
    told = confirmed.notified("deployment_failed")
    assert len(told) == 2 and "is retried" in told[0].body
