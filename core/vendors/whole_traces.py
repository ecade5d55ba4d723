"""What the readers of vendors' spans share: each reads, beside a page of failing ones, some whole traces. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import timedelta

from core.models.traces import SpanRecord

TRACES = 20  # whole traces that are read for one page of failing spans
EARLIER = timedelta(minutes=5)  # how much earlier a trace may begin than its failing span
ROLES = {"server": "server", "consumer": "server", "client": "client", "producer": "client"}  # by the kind of a span


def traces_of(spans: Iterable[SpanRecord], shape: re.Pattern[str]) -> list[str]:
    """The ids of the first traces. Only those of the vendor's ``shape`` may stand in a query: a stranger chose them."""
    return list(dict.fromkeys(span.trace for span in spans if shape.fullmatch(span.trace)))[:TRACES]
