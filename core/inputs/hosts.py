"""Stores the load of hosts. It serves the analysis of new issues, so that two days are enough."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import timedelta

from sqlmodel import Session, col, delete

from core.db import bulk
from core.models import now
from core.models.hosts import HostMetric, HostPoint

KEPT = timedelta(days=2)
LATER = bulk.replacing(("source", "host", "name", "at"), ("value",))
NAME = 200  # characters of a host's or a metric's name


def keep(session: Session, points: Sequence[HostPoint]) -> None:
    """Store the points; an interval that was read before its end is updated."""
    rows = [_row(point) for point in points if math.isfinite(point.value)]
    bulk.insert(session, HostMetric, rows, LATER)
    if rows:
        session.exec(delete(HostMetric).where(col(HostMetric.at) < now() - KEPT))


def _row(point: HostPoint) -> dict:
    return point.model_dump() | {"host": point.host[:NAME], "name": point.name[:NAME]}
