"""``python -m core correlate``: reads records as JSON lines, prints each one with its ``issue`` id, in order."""

from __future__ import annotations

import json
from io import BufferedReader
from typing import TextIO

from pydantic import ValidationError

from core.cli.lines import answer_each
from core.models import Record
from core.signals.grouping.candidates import Correlator


def correlate(stdin: BufferedReader, stdout: TextIO, stderr: TextIO) -> int:
    correlator = Correlator()

    def answer(_, line: str) -> str:
        given, record = _read(line)
        found = correlator.place(record)
        result = {"issue": found.issue_id, "because": found.because, "score": round(found.score, 3)}
        return json.dumps(given | result, ensure_ascii=False)

    return answer_each(stdin, stdout, stderr, answer)


def _read(line: str) -> tuple[dict, Record]:
    """The object of a line, and its record. Raises ValueError with a message of one line."""
    try:
        given = json.loads(line)
    except (json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"not JSON: {error}") from None
    if not isinstance(given, dict):
        raise ValueError(f"a record must be an object, not {type(given).__name__}")
    try:
        record = Record.model_validate(given)
    except ValidationError as error:
        faults = (f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        raise ValueError("; ".join(faults)) from None
    if record.at.tzinfo is None:
        raise ValueError("at: a time needs its zone, e.g. 2024-06-07T05:00:00Z")
    return given, record
