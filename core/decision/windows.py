"""Maintenance windows, business hours and freezes: pure arithmetic on times."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from core.policy.sections import BusinessHours, Freeze, Maintenance

WEEK = 8  # days to look ahead: if today's window is over, the next one is a week away


def _spans(
    at: datetime, zone: str, days: list[int], start: str, length: timedelta
) -> Iterator[tuple[datetime, datetime]]:
    """(opens, closes) of the windows around ``at``, oldest first; a window may cross midnight.

    ``length`` is the time that passes: a window is as long on the night of a clock change as on any other.
    """
    local = at.astimezone(ZoneInfo(zone))
    for offset in range(-1, WEEK):
        day = local.date() + timedelta(days=offset)
        if day.weekday() in days:
            opens = datetime.combine(day, time.fromisoformat(start), ZoneInfo(zone)).astimezone(UTC)
            yield opens, opens + length


def _opens_at(at: datetime, zone: str, days: list[int], start: str, length: timedelta) -> datetime:
    for opens, closes in _spans(at, zone, days, start, length):
        if closes > at:
            return max(at, opens.astimezone(at.tzinfo))
    raise ValueError("A window needs at least one day of the week.")


def maintenance_opens(at: datetime, rules: Maintenance) -> datetime:
    """When the next maintenance window opens; ``at`` itself if one is open."""
    return _opens_at(at, rules.zone, rules.days, rules.start, timedelta(minutes=rules.minutes))


def business_opens(at: datetime, rules: BusinessHours) -> datetime:
    """When deployments may run next; ``at`` itself in business hours or if none are set."""
    if not rules.days:
        return at
    midnight = datetime.min
    length = datetime.combine(midnight, time.fromisoformat(rules.end)) - datetime.combine(
        midnight, time.fromisoformat(rules.start)
    )
    return _opens_at(at, rules.zone, rules.days, rules.start, length % timedelta(days=1))


def freeze(at: datetime, freezes: Iterable[Freeze], repository: str) -> Freeze | None:
    """The current freeze of this repository that ends last."""
    held = [f for f in freezes if f.start <= at < f.end and (not f.repositories or repository in f.repositories)]
    return max(held, key=lambda f: f.end, default=None)


def describe(frozen: Freeze) -> str:
    return f"{frozen.name!r} (until {frozen.end:%Y-%m-%d %H:%M %Z})"
