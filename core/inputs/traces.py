"""Stores what traces show: the calls between services, and the failing spans.

Spans come from services (OTLP) and from the vendors' traces. A vendor's trace is read as a whole, so its calls are
known at once; the two sides of a call by OTLP arrive in separate requests (core/inputs/calls.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sqlmodel import Session, col, delete, func, select

from core.db import bulk
from core.inputs import calls
from core.inputs.otlp_records import SOURCE, moment
from core.models import now
from core.models.traces import FailedSpan, SpanRecord, trace_key
from core.policy.reader import Policy

KEPT = timedelta(days=2)  # as long as an issue's onset is of interest
ROWS = 100_000  # failing spans at most; of a storm, the latest ones stay
FAILING = 200  # of one request or page; a sample shows where failures begin as well as all spans
NAME, TEXT = 100, 300  # characters


def of_otlp(row: dict) -> SpanRecord | None:
    """The span in a stored row of an OTLP request; None for a metric."""
    if "span" not in row:
        return None
    raised = row["exceptions"][0] if row["exceptions"] else {}
    return SpanRecord(
        source=SOURCE,
        at=moment(int(row["at"])),
        message=": ".join(filter(None, (raised.get("exception.type"), raised.get("exception.message")))),
        **{name: row[name] for name in ("trace", "span", "parent", "service", "environment", "name", "role", "peer")},
        ms=float(row["ms"]),
        failed=row["failed"],
    )


def keep(session: Session, spans: Sequence[SpanRecord], policy: Policy, team: bool) -> None:
    """Store the spans of whole traces. ``team``: only the team can write to their source, so its calls count."""
    if team:
        calls.seen(session, calls.within(spans, policy))
    store(session, spans)
    prune(session)


def store(session: Session, spans: Sequence[SpanRecord]) -> None:
    """Store the failing spans, each once."""
    failing = [span for span in spans if span.failed and span.trace and span.span]
    bulk.insert(session, FailedSpan, [_row(span) for span in failing[:FAILING]])


def _row(span: SpanRecord) -> dict:
    return {
        "source": span.source,
        "trace": trace_key(span.trace),
        "span": span.span[:NAME],
        "parent": span.parent[:NAME],
        "service": span.service[: calls.SERVICE],
        "environment": span.environment[:NAME],
        "role": span.role,
        "peer": span.peer[: calls.SERVICE],
        "name": span.name[:TEXT],
        "message": span.message[:TEXT],
        "at": span.at,
        "ended_at": span.end,
    }


def prune(session: Session) -> None:
    """Remove old failing spans, and all but the latest ROWS."""
    session.exec(delete(FailedSpan).where(col(FailedSpan.ended_at) < now() - KEPT))
    newest = session.exec(select(func.max(FailedSpan.id))).one()
    if newest and newest > ROWS:
        session.exec(delete(FailedSpan).where(col(FailedSpan.id) <= newest - ROWS))
