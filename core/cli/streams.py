"""``python -m core detect`` and ``group``: one line of output for each line of input, without looking ahead."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from io import BufferedReader
from math import isinf
from typing import TextIO

from core.cli.lines import answer_each
from core.signals.anomaly.anomaly import Detector

HEADER = ["timestamp", "value"]
MISSING = frozenset(("", "nan", "null", "none", "na", "n/a"))
EPOCH = re.compile(r"\d{9,}(?:\.\d+)?")  # fewer digits are a date: 20260105


def detect(stdin: BufferedReader, stdout: TextIO, stderr: TextIO) -> int:
    """Read CSV ``timestamp,value`` with a header; print an anomaly score 0..1 for each row (alarm: 0.5 and more).

    An empty value is missing data and gets a score, too.
    """
    detector = Detector()

    def answer(number: int, line: str) -> str | None:
        if number > 1:
            at, value = _row(line)
            if value is None:
                print(f"line {number}: no value; treated as missing data", file=stderr)
            return f"{detector.step(at, value).score:.4f}"
        if [cell.strip().strip('"').lower() for cell in line.split(",")] != HEADER:
            raise ValueError(f"expected the header {','.join(HEADER)}, found {line[:80]!r}")
        return None

    return answer_each(stdin, stdout, stderr, answer)


def group(stdin: BufferedReader, stdout: TextIO, stderr: TextIO) -> int:
    """Read log lines, raw or message only; print the id of each line's template."""
    from core.signals.grouping.templates import Templates  # detect has no need of Drain

    templates = Templates()
    return answer_each(stdin, stdout, stderr, lambda _, line: str(templates.group(line)))


def _row(line: str) -> tuple[datetime, float | None]:
    """(time, value; None if missing). Raises ValueError with a message of one line."""
    cells = [cell.strip().strip('"') for cell in line.split(",")]
    if len(cells) != len(HEADER):
        raise ValueError(f"expected timestamp,value, found {line[:80]!r}")
    return _time(cells[0]), _value(cells[1])


def _time(text: str) -> datetime:
    try:
        at = _epoch(text) if EPOCH.fullmatch(text) else datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError):
        raise ValueError(f"{text[:40]!r} is not a time such as 2026-01-05 08:00:00") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _epoch(text: str) -> datetime:
    """Seconds since 1970, or milliseconds if the number would otherwise lie in the far future."""
    seconds = float(text)
    return datetime.fromtimestamp(seconds / 1000 if seconds > 1e11 else seconds, UTC)


def _value(text: str) -> float | None:
    if text.lower() in MISSING:
        return None
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"{text[:40]!r} is not a number") from None
    if isinf(value):
        raise ValueError(f"{text[:40]!r} is not a finite number")
    return value
