"""What answers say of limits: how long to wait, and how many calls are left. Pure; times are the vendor's own."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from core.vendors.base import FAULTS

RESETS = ("x-ratelimit-reset", "x-sentry-rate-limit-reset", "ratelimit-reset")
REMAINING = ("x-ratelimit-remaining", "x-sentry-rate-limit-remaining", "ratelimit-remaining")
EPOCH = 1e9  # a reset above this is a time, below it seconds left
LONGEST, SECONDARY = 3600.0, 60.0  # seconds; GitHub asks for a minute after its secondary limit


def limited(status: int, headers: Mapping[str, str], said: str = "") -> bool:
    """Whether an answer means "less often"; GitHub says it with 403 too."""
    if status == 429:
        return True
    return status == 403 and ("retry-after" in headers or left(headers) == 0 or "rate limit" in said.lower())


def wait_asked(status: int, headers: Mapping[str, str], said: str = "") -> float | None:
    """Seconds that a vendor asks us to wait, at most an hour: Retry-After (seconds or date), or its reset header."""
    at = vendor_time(headers)
    if value := headers.get("retry-after"):
        wait = _number(value)
        return _bounded(_until(value, at) if wait is None else wait)
    if not limited(status, headers, said):
        return None
    for name in RESETS:
        if (reset := _number(headers.get(name, ""))) is not None and (status == 429 or left(headers) == 0):
            return _bounded(reset - at if reset > EPOCH else reset)
    return SECONDARY if "secondary rate limit" in said.lower() else None


def left(headers: Mapping[str, str]) -> int | None:
    """Calls that the vendor still allows until its reset; None when it does not say."""
    found = next((headers[name] for name in REMAINING if name in headers), "")
    return int(found) if found.isdecimal() and len(found) < 10 else None


def vendor_time(headers: Mapping[str, str]) -> float:
    """The vendor's clock in epoch seconds; ours when it does not tell."""
    return time.time() - skew(headers)


def skew(headers: Mapping[str, str]) -> float:
    """Seconds by which this machine's clock is ahead of the vendor's."""
    try:
        return (datetime.now(UTC) - parsedate_to_datetime(headers.get("date", ""))).total_seconds()
    except FAULTS:
        return 0.0


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _until(date: str, at: float) -> float | None:
    try:
        return parsedate_to_datetime(date).timestamp() - at
    except FAULTS:
        return None


def _bounded(seconds: float | None) -> float | None:
    return None if seconds is None else min(max(0.0, seconds), LONGEST)
