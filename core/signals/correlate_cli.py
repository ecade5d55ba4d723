"""``python -m core correlate``: JSON lines of records in, the same with an ``issue`` id out, in order."""

from __future__ import annotations

import json
from typing import TextIO

from pydantic import ValidationError

from core.models import Record
from core.signals.candidates import Correlator

MOST = 1_000_000  # characters of one line


def main(argv: list[str], stdin: TextIO, stdout: TextIO, stderr: TextIO) -> int:
    """0 when every line was answered, 1 when a line was refused (each is named on ``stderr``)."""
    if argv:
        print("correlate takes no arguments: JSON lines of records on standard input", file=stderr)
        return 2
    correlator, refused = Correlator(), 0
    for number, line in enumerate(stdin, 1):
        if not line.strip():
            continue
        try:
            given, record = _read(line)
        except ValueError as error:
            refused += 1
            print(f"line {number}: {error}", file=stderr)
            continue
        found = correlator.place(record)
        answer = given | {"issue": found.issue_id, "because": found.because, "score": round(found.score, 3)}
        print(json.dumps(answer, ensure_ascii=False), file=stdout)
    return 1 if refused else 0


def _read(line: str) -> tuple[dict, Record]:
    """A line's object and its record. Raises ValueError with what is wrong, in one line."""
    if len(line) > MOST:
        raise ValueError(f"longer than {MOST} characters")
    try:
        given = json.loads(line)
    except (json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"not JSON: {error}") from None
    if not isinstance(given, dict):
        raise ValueError(f"a record is an object, not {type(given).__name__}")
    try:
        record = Record.model_validate(given)
    except ValidationError as error:
        faults = (f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        raise ValueError("; ".join(faults)) from None
    if record.at.tzinfo is None:
        raise ValueError("at: a time needs its zone, e.g. 2024-06-07T05:00:00Z")
    return given, record
