"""Limits on untrusted data: texts are cut and stripped of characters that databases refuse, and lists are bounded.

Each record is limited once before it is stored, so that later readers have little to read. Pure.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from operator import le
from typing import Any

from core.models import Crash, Record
from core.models.patterns import whole

MESSAGE = 40_000  # characters of the message, and of any other text without its own bound
SHORT = {
    "service": 200,
    "environment": 100,
    "release": 200,
    "level": 40,
    "title": 1000,
    "url": 2000,
    "message": MESSAGE,
}
TEXTS = {"file": 1000, "function": 500, "code": 1000, "type": 200, "module": 300, "message": 10_000}  # of a crash
WITHIN = {"locals": 2000, "tags": 300}  # each text of a mapping of this name
ENDS = {"frames": 300, "chain": 20, "logs": 100}  # entries; the last are nearest to the fault
ENTRIES, DEPTH = 3000, 8  # of any other list or mapping; nested containers
ROOM = 200_000  # characters of all texts of a row's crash and attributes; each text beyond it is cut to SPARE
SPARE, NAME = 500, 200  # characters of a text beyond ROOM; of an entry's name
IDENTITY, COUNT = 500, 2**31 - 1  # characters of an identity; the largest number of the database's columns
USUAL = 60_000  # characters of a crash's JSON that needs no cutting
HUGE = 2.0**63  # larger numbers, and values that are not numbers, are dropped


def bounded(record: Record) -> dict[str, Any]:
    """The record as a row within all limits; a usual record is unchanged."""
    crash = record.crash.model_dump(mode="json", by_alias=True) if record.crash else None
    row = record.__dict__ | {"crash": crash}
    return row if _usual(record) else _bounded(row)


def _usual(record: Record) -> bool:
    """Is it small, with characters that every database accepts? Faster than cutting, and true of nearly all records."""
    return (
        _usual_texts(record)
        and all(map(_usual_value, record.attributes.values()))
        and record.at.tzinfo is not None
        and 1970 <= record.at.year < 9999
        and all(0 <= number <= COUNT for number in (record.count, record.users))
        and _usual_crash(record.crash)
    )


def _usual_texts(record: Record) -> bool:
    short = [getattr(record, name) or "" for name in SHORT]
    fits = all(map(le, map(len, short), SHORT.values())) and len(record.vendor_id) <= IDENTITY
    names, values = record.attributes, (value for value in record.attributes.values() if isinstance(value, str))
    text = "".join([*short, record.vendor_id, *names, *values])
    fits = fits and len(names) <= ENTRIES and max(map(len, names), default=0) <= NAME
    return fits and text.isascii() and "\0" not in text and len(text) <= USUAL


def _usual_value(value: Any) -> bool:
    return value is None or isinstance(value, str) or isinstance(value, int) and abs(value) < HUGE


def _usual_crash(crash: Crash | None) -> bool:
    try:
        text = crash.model_dump_json() if crash else ""
    except (ValueError, RecursionError):  # half a surrogate pair, or excessive depth
        return False
    return len(text) <= USUAL and r"\u0000" not in text


def _bounded(row: dict[str, Any]) -> dict[str, Any]:
    cut = _Cut()
    short = {name: _text(row[name], most) for name, most in SHORT.items() if row[name] is not None}
    kept = {
        "vendor_id": _identity(row["vendor_id"]),
        "count": min(max(row["count"], 0), COUNT),
        "users": min(max(row["users"], 0), COUNT),
        "at": _moment(row["at"]),
        "crash": cut.data(row["crash"]),
        "attributes": cut.data(row["attributes"]),
    }
    return row | short | kept


def plain(value: Any, depth: int = 30) -> Any:
    """JSON that every database takes: numbers that are none or too large become null."""
    if isinstance(value, dict) and depth:
        return {key: plain(inner, depth - 1) for key, inner in value.items()}
    if isinstance(value, list) and depth:
        return [plain(inner, depth - 1) for inner in value]
    return None if isinstance(value, dict | list) else _number(value)


def _number(value: Any) -> Any:
    """The value; null for a number that is none or too large."""
    return None if isinstance(value, int | float) and not abs(value) < HUGE else value


def _text(text: str, most: int) -> str:
    text = whole(text[:most])
    return text.replace("\0", "\ufffd") if "\0" in text else text


def _identity(name: str) -> str:
    """A stable identity; a long one is replaced by its digest, because indexes take no long entries."""
    return (
        _text(name, IDENTITY) if len(name) <= IDENTITY else hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()
    )


def _moment(at: datetime) -> datetime:
    """An aware time, far enough from the limits of the calendar for every zone."""
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return at if 1970 <= at.year < 9999 else datetime(1970, 1, 1, tzinfo=UTC)


class _Cut:
    """Cuts one row's crash and attributes; all their texts share ``ROOM``."""

    def __init__(self) -> None:
        self.left = ROOM

    def data(self, value: Any, name: str = "", depth: int = DEPTH) -> Any:
        """The value as bounded plain JSON; ``name`` is the name of its entry."""
        if isinstance(value, str):
            return self.text(value, WITHIN.get(name) or TEXTS.get(name, MESSAGE))
        if isinstance(value, dict) and depth:
            return dict(self.entry(name, k, v, depth - 1) for k, v in list(value.items())[:ENTRIES])
        if isinstance(value, list | tuple) and depth:
            return [self.data(v, name, depth - 1) for v in value[-ENDS.get(name, ENTRIES) :]]
        return _number(value) if isinstance(value, int | float) else None

    def entry(self, name: str, key: str, value: Any, depth: int) -> tuple[str, Any]:
        """An entry of the mapping ``name``; within some mappings, the mapping's bound holds for every text."""
        return self.text(key, NAME), self.data(value, name if name in WITHIN else key, depth)

    def text(self, text: str, most: int) -> str:
        kept = _text(text, most if self.left > 0 else min(most, SPARE))
        self.left -= len(kept)
        return kept
