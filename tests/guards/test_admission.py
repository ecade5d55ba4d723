"""Business hours and the hourly limit hold automatic releases, and say so; an approval passes both."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from core import runtime
from core.decision import windows
from core.models import Deployment, Issue, Notification, Status, now
from core.models.kept import Hold
from core.policy.sections import BusinessHours
from core.stages.context import StepContext
from core.stages.deliver import admission, brakes
from core.stages.deliver.holds import EVERYTHING
from core.stages.results import Done, Lane
from tests.guards.stored import issue_in, one, rows
from tests.guards.test_release_actions import change_of, deployed, hold
from tests.screens import PLATFORM

WEEK = BusinessHours(zone="Europe/Berlin", days=[0, 1, 2, 3, 4], start="09:00", end="17:00")
LIMIT = "deployments_per_hour = 5"
FULL = "deployments_per_hour = 0"


@pytest.mark.parametrize(("at", "opens"), [
    ("2026-11-27T07:59", "2026-11-27T08:00"),  # Friday, an hour ahead of UTC
    ("2026-11-27T08:00", "2026-11-27T08:00"),
    ("2026-11-27T15:59", "2026-11-27T15:59"),
    ("2026-11-27T16:00", "2026-11-30T08:00"),
    ("2026-11-28T12:00", "2026-11-30T08:00"),
])  # fmt: skip
def test_business_hours_open_by_their_zone_and_days(at, opens):
    found = windows.business_opens(datetime.fromisoformat(at).replace(tzinfo=UTC), WEEK)
    assert found == datetime.fromisoformat(opens).replace(tzinfo=UTC)


def test_without_days_every_hour_is_a_business_hour():
    at = datetime(2026, 11, 28, 3, tzinfo=UTC)
    assert windows.business_opens(at, BusinessHours()) == at


def closed_today() -> str:
    """Guards whose business hours do not include today."""
    days = [(now().weekday() + 3) % 7]
    return f'{LIMIT}\nbusiness_hours = {{zone = "UTC", days = {days}, start = "09:00", end = "17:00"}}'


@pytest.mark.parametrize(("guards", "automatic", "says"), [
    (closed_today(), True, "Waiting for business hours"),
    (closed_today(), False, ""),
    (FULL, True, "Waiting: limit of 0 automatic deployments an hour reached"),
    (FULL, False, ""),
    (LIMIT, True, ""),
])  # fmt: skip
def test_what_holds_an_automatic_release(console, guards, automatic, says):
    console.platform_file.write_text(PLATFORM.replace(LIMIT, guards), encoding="utf-8")
    issue = issue_in(Status.QUEUED)
    wait = admission.admit(StepContext(runtime.current(), issue.id, issue.run), change_of(issue).id, automatic)
    assert (wait.seconds > 0) == bool(says) and wait.message.startswith(says)
    if says:
        assert one(type(issue), issue.id).reason == wait.message


def test_a_full_hour_is_told_on_slack_once(console):
    console.platform_file.write_text(PLATFORM.replace(LIMIT, FULL), encoding="utf-8")
    for issue in (issue_in(Status.QUEUED), issue_in(Status.QUEUED)):
        admission.admit(StepContext(runtime.current(), issue.id, issue.run), change_of(issue).id, True)
    [told] = rows(Notification)
    assert (told.event, told.channel, told.repeats) == ("rate_limit", "slack", 1)


def context_of(issue: Issue) -> StepContext:
    return StepContext(runtime.current(), issue.id, issue.run)


def limited(console, guards: str = FULL) -> None:
    console.platform_file.write_text(PLATFORM.replace(LIMIT, guards), encoding="utf-8")


PENDING = {"status": "pending", "vendor_id": ""}
PLACES = [  # (a deployment of this change or of another one; does the change have a place in the full hour?)
    ("mine", PENDING, True),  # taken by a step that died before it returned
    ("mine", {"status": "watching"}, True),
    ("mine", {"status": "failed", "vendor_id": "dpl_1"}, True),  # it reached the vendor
    ("mine", {"status": "failed", "vendor_id": ""}, False),  # given back
    ("mine", {**PENDING, "environment": "preview"}, False),
    ("another", PENDING, False),
]


@pytest.mark.parametrize(("whose", "values", "admitted"), PLACES)
def test_a_change_keeps_the_place_that_it_took(console, whose, values, admitted):
    limited(console)
    issue, other = issue_in(Status.QUEUED), issue_in(Status.QUEUED)
    change, another = change_of(issue), change_of(other)
    deployed(change if whose == "mine" else another, **values)
    assert (admission.admit(context_of(issue), change.id, True).seconds == 0) is admitted


@pytest.mark.parametrize("give_back", [False, True], ids=["it waits", "it is not released"])
def test_only_a_release_that_never_reached_the_vendor_returns_its_place(console, give_back):
    limited(console, LIMIT)
    issue, other = issue_in(Status.QUEUED), issue_in(Status.QUEUED)
    change, another = change_of(issue), change_of(other)
    mine, theirs, preview = (
        deployed(change, **PENDING), deployed(another, **PENDING), deployed(change, **PENDING, environment="preview"),
    )  # fmt: skip
    live = deployed(change, status="watching", vendor_id="")
    if give_back:
        assert admission.give_back(context_of(issue), change.id, "x" * 3000) == Done(ok=True)
    else:
        hold(EVERYTHING, reason="x" * 3000)
        admission.admit(context_of(issue), change.id, True)
    after = {row.id: row for row in rows(Deployment)}
    assert (after[mine.id].status, len(after[mine.id].note)) == ("failed", 2000) and after[mine.id].ended_at
    assert [after[row.id].status for row in (theirs, preview, live)] == ["pending", "pending", "watching"]


@pytest.mark.parametrize(("reason", "end"), [("", "stopped all releases"), ("a flood", "all releases: a flood")])
def test_a_stop_is_named_before_the_limit(console, reason, end):
    limited(console)
    issue = issue_in(Status.QUEUED)
    hold(EVERYTHING, reason=reason)
    found = admission.admit(context_of(issue), change_of(issue).id, True)
    assert found.message.endswith(end) and found.seconds == brakes.LOOK_SECONDS == 60


def test_failed_releases_in_a_row_hold_the_next_automatic_one(console):
    limited(console, f"{LIMIT}\nbrake_after_failures = 1")
    failed, issue = issue_in(Status.ESCALATED), issue_in(Status.QUEUED)
    deployed(change_of(failed), status="rolled_back")
    found = admission.admit(context_of(issue), change_of(issue).id, True)
    assert found.message.startswith("Waiting: the brake of shop is on") and len(rows(Hold)) == 1


def test_the_lane_is_the_repositorys(console):
    issue = issue_in(Status.TESTING)
    assert admission.lane(context_of(issue)) == Lane("shop")
    assert one(Issue, issue.id).status is Status.QUEUED
    assert admission.LIMIT_SECONDS == 60
