"""Maintenance windows and business hours: the nights of a clock change, and what a policy cannot say."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from core.decision import windows
from core.policy.reader import ConfigurationError, parse_policy
from core.policy.sections import Maintenance


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("start", "asked", "opens"),
    [
        ("02:30", "2026-03-29T00:00", "2026-03-29T01:30"),  # the clocks skip from 02:00 to 03:00
        ("02:30", "2026-03-29T01:45", "2026-03-29T01:45"),
        ("01:30", "2026-03-29T01:15", "2026-03-29T01:15"),
        ("02:30", "2026-10-25T01:25", "2026-10-25T01:25"),  # they go back from 03:00 to 02:00
        ("02:30", "2026-10-25T01:30", "2026-11-01T01:30"),
    ],
)
def test_a_window_lasts_an_hour_on_the_night_of_a_clock_change_too(start, asked, opens):
    rules = Maintenance(zone="Europe/Berlin", days=[6], start=start, minutes=60)
    assert windows.maintenance_opens(at(asked), rules) == at(opens)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[maintenance]\nzone = "Berlin"', "maintenance.zone"),
        ('[maintenance]\nzone = "../etc/passwd"', "maintenance.zone"),
        ('[maintenance]\nstart = "2 am"', "maintenance.start"),
        ('[maintenance]\nstart = "02:00Z"', "maintenance.start"),
        ("[maintenance]\nminutes = 0", "maintenance.minutes"),
        ("[maintenance]\ndays = []", "has no day"),
        ("[maintenance]\ndays = [7]", "has no day"),
        ('[guards.business_hours]\ndays = [0]\nend = "09:00"', "end when they start"),
        ('[guards.business_hours]\ndays = [0]\nend = "0900"', "end when they start"),
        ("[guards.business_hours]\ndays = [7]", "have no day"),
        ('[guards.business_hours]\nzone = "Moon/Base"', "guards.business_hours.zone"),
        (f"version = {'1' * 5000}", "platform.toml"),
    ],
)
def test_a_window_that_could_never_open_is_refused_when_the_file_is_read(text, says):
    with pytest.raises(ConfigurationError, match=says):
        parse_policy(text, "platform.toml")
