"""``python -m core detect``, ``group``: lines in, one answer a line out, in order, without looking ahead.

A line that cannot be read is named on standard error by its number and gets no answer; the others do.
Each command returns 0 when every line was answered, 1 when some were not, 2 when there was nothing to answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import TextIO

from core.signals.anomaly import Detector
from core.signals.templates import Templates

HEADER = ["timestamp", "value"]
MOST = 1_000_000  # characters of one line
MISSING = ("", "nan", "null", "none", "na", "n/a")


def detect(stdin: TextIO, stdout: TextIO, stderr: TextIO) -> int:
    """CSV ``timestamp,value`` with a header in; an anomaly score 0..1 for each row out (alarm: 0.5 and more)."""
    head = next(stdin, "")
    if [name.strip().lower() for name in head.lstrip("\ufeff").split(",")] != HEADER:
        print(f"line 1: expected the header {','.join(HEADER)}, found {head.strip()[:80] or 'nothing'}", file=stderr)
        return 2
    detector = Detector()

    def answer(line: str) -> str:
        return f"{detector.step(*_row(line)).score:.4f}"

    return _each(stdin, 2, answer, stdout, stderr)


def group(stdin: TextIO, stdout: TextIO, stderr: TextIO) -> int:
    """Log lines in, raw or message only; the id of each line's template out."""
    templates = Templates()

    def answer(line: str) -> str:
        if not line.strip():
            raise ValueError("an empty line has no group")
        return str(templates.group(line))

    return _each(stdin, 1, answer, stdout, stderr)


def _each(lines: Iterable[str], first: int, answer: Callable[[str], str], stdout: TextIO, stderr: TextIO) -> int:
    answered = refused = 0
    for number, line in enumerate(lines, first):
        try:
            if len(line) > MOST:
                raise ValueError(f"longer than {MOST} characters")
            stdout.write(answer(line) + "\n")
            answered += 1
        except ValueError as error:
            refused += 1
            print(f"line {number}: {error}", file=stderr)
    if not answered and not refused:
        print(f"line {first}: nothing to answer: the input is empty", file=stderr)
        return 2
    return 1 if refused else 0


def _row(line: str) -> tuple[datetime, float | None]:
    """(time, value or None where it is missing). Raises ValueError with what is wrong."""
    cells = [cell.strip().strip('"') for cell in line.split(",")]
    if len(cells) != len(HEADER):
        raise ValueError(f"expected timestamp,value, found {line.strip()[:80]!r}")
    return _time(cells[0]), _value(cells[1])


def _time(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = _epoch(text)
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at


def _epoch(text: str) -> datetime:
    try:
        seconds = float(text)
        return datetime.fromtimestamp(seconds / 1000 if seconds > 1e11 else seconds, UTC)
    except (ValueError, OverflowError, OSError):
        raise ValueError(f"{text[:40]!r} is no time, e.g. 2026-01-05 08:00:00") from None


def _value(text: str) -> float | None:
    if text.lower() in MISSING:
        return None
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{text[:40]!r} is no number") from None
