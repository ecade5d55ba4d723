"""The failing spans of an issue's traces, from the database."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta

from sqlmodel import Session, col, func, select

from core.models import Issue, Record
from core.models.traces import FailedSpan, trace_key
from core.signals.analysis.corroboration import names_of
from core.signals.analysis.trace_origin import Failing

EARLY, LATE = timedelta(minutes=5), timedelta(minutes=30)  # around the onset; clocks and intervals differ
TRACES = 50  # a sample shows where a failure begins as well as all traces
SPANS = 2000


def failing(session: Session, issue: Issue, records: Iterable[Record]) -> list[Failing]:
    """The failing spans of the traces that the issue's signals name, else of those through its services at its onset.

    Alerts name no trace; a trace with a failing span of an affected service at the time of the onset stands for it.
    """
    named = _named(records)
    found = _of_traces(session, named)
    return found or _of_traces(session, _around(session, issue))


def _named(records: Iterable[Record]) -> list[str]:
    ids = (record.attributes.get("trace_id") for record in records)
    return list(dict.fromkeys(trace_key(one) for one in ids if isinstance(one, str) and one))[:TRACES]


def _around(session: Session, issue: Issue) -> Sequence[str]:
    rows = session.exec(
        select(FailedSpan.trace)
        .where(
            col(FailedSpan.service).in_(issue.affected),
            col(FailedSpan.ended_at) >= issue.first_seen - EARLY,
            col(FailedSpan.ended_at) < issue.first_seen + LATE,
            func.lower(FailedSpan.environment).in_(names_of(issue.environment)),
        )
        .group_by(FailedSpan.trace)
        .order_by(func.min(FailedSpan.ended_at))
        .limit(TRACES)
    )
    return list(rows)


def _of_traces(session: Session, traces: Sequence[str]) -> list[Failing]:
    if not traces:
        return []
    rows = session.exec(
        select(FailedSpan).where(col(FailedSpan.trace).in_(traces)).order_by(col(FailedSpan.id)).limit(SPANS)
    )
    return [_failing(row) for row in rows]


def _failing(row: FailedSpan) -> Failing:
    return Failing(row.source, row.trace, row.span, row.parent, row.service, row.name, row.peer, row.ended_at)
