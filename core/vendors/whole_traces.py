"""What the readers of vendors' spans share: each reads, beside a page of failing ones, some whole traces. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import timedelta

from core.models.traces import SpanRecord

TRACES = 20  # whole traces that are read for one page of failing spans
EARLIER = timedelta(minutes=5)  # how much earlier a trace may begin than its failing span
ID = re.compile(r"[0-9a-fA-F]{1,39}")  # of a trace: a stranger chose it, so no other may stand in a query
ROLES = {"server": "server", "consumer": "server", "client": "client", "producer": "client"}  # by the kind of a span


def traces_of(spans: Iterable[SpanRecord]) -> list[str]:
    """The ids of the first traces that may stand in a query."""
    return list(dict.fromkeys(span.trace for span in spans if ID.fullmatch(span.trace)))[:TRACES]
