"""Files to take away: the audit trail as CSV and as JSON lines."""

from __future__ import annotations

import csv
import io
import json

from sqlmodel import Session

from core.views import trail

HEADS = ("id", "at", "actor", "action", "subject", "detail", "key", "previous", "hash")


def trail_lines(session: Session, wanted: trail.Filter) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in trail.export(session, wanted))


def trail_csv(session: Session, wanted: trail.Filter) -> str:
    """A cell that a spreadsheet would take for a formula gets an apostrophe (OWASP, CSV injection)."""
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(HEADS)
    for row in trail.export(session, wanted):
        values = {**row, "detail": json.dumps(row["detail"], ensure_ascii=False)}
        rows.writerow([_plain(values[name]) for name in HEADS])
    return text.getvalue()


def _plain(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value
