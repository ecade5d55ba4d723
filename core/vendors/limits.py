"""Rate limits in responses: how long to wait, and how many calls are left. Pure; times are by the vendor's clock."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from core.vendors.base import FAULTS

RESETS = ("x-ratelimit-reset", "x-sentry-rate-limit-reset", "ratelimit-reset")
REMAINING = ("x-ratelimit-remaining", "x-sentry-rate-limit-remaining", "ratelimit-remaining")
EPOCH = 1e9  # a reset value above this is an epoch time, below it the remaining seconds
LONGEST, SECONDARY = 3600.0, 60.0  # seconds; GitHub requests a minute after its secondary limit


def limited(status: int, headers: Mapping[str, str], message: str = "") -> bool:
    """Does the response mean a rate limit? GitHub also uses 403 for it."""
    if status == 429:
        return True
    return status == 403 and ("retry-after" in headers or left(headers) == 0 or "rate limit" in message.lower())


def wait_asked(status: int, headers: Mapping[str, str], message: str = "") -> float | None:
    """Seconds that a vendor requests to wait, at most an hour: Retry-After (seconds or date) or a reset header."""
    at = vendor_time(headers)
    if value := headers.get("retry-after"):
        wait = _number(value)
        return _bounded(_until(value, at) if wait is None else wait)
    if not limited(status, headers, message):
        return None
    for name in RESETS:
        if (reset := _number(headers.get(name, ""))) is not None and (status == 429 or left(headers) == 0):
            return _bounded(reset - at if reset > EPOCH else reset)
    return SECONDARY if "secondary rate limit" in message.lower() else None


def left(headers: Mapping[str, str]) -> int | None:
    """Calls that the vendor still allows until its reset; None if unknown."""
    found = next((headers[name] for name in REMAINING if name in headers), "")
    return int(found) if found.isdecimal() and len(found) < 10 else None


def vendor_time(headers: Mapping[str, str]) -> float:
    """The vendor's time in epoch seconds, else that of this machine."""
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
