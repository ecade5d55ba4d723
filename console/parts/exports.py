"""Downloads: the audit trail as CSV and as JSON lines."""

from __future__ import annotations

import csv
import io
import json

from sqlmodel import Session

from core.queries import trail

HEADS = ("id", "at", "actor", "action", "subject", "detail", "key", "previous", "hash")


def trail_lines(session: Session, wanted: trail.AuditFilter) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in trail.export(session, wanted))


def trail_csv(session: Session, wanted: trail.AuditFilter) -> str:
    """A cell that looks like a formula gets an apostrophe; all cells are quoted (OWASP, CSV injection)."""
    text = io.StringIO()
    rows = csv.writer(text, quoting=csv.QUOTE_ALL)
    rows.writerow(HEADS)
    for row in trail.export(session, wanted):
        values = {**row, "detail": json.dumps(row["detail"], ensure_ascii=False)}
        rows.writerow([_plain(values[name]) for name in HEADS])
    return text.getvalue()


FORMULA = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")  # the last four are the full-width forms of the first


def _plain(value: object) -> object:
    shown = value.lstrip(" \u00a0\u200b\ufeff") if isinstance(value, str) else ""
    return f"'{value}" if shown.startswith(FORMULA) else value
