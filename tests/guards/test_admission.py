"""Business hours and the hourly limit hold automatic releases, and say so; an approval passes both."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from core import runtime
from core.decision import windows
from core.models import Notification, Status, now
from core.policy.sections import BusinessHours
from core.stages.context import StepContext
from core.stages.deliver import admission
from tests.guards.stored import issue_in, one, rows
from tests.guards.test_release_actions import change_of
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
