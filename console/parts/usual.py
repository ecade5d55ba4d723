"""The usual error rate of each service, computed every ten minutes for all viewers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache

from core.db import store
from core.policy.reader import Policy
from core.queries import beside
from core.queries.failing import CHART


def rates(policy: Policy, at: datetime) -> Mapping[str, float]:
    """By service, of the day before the chart that ends at ``at``."""
    until = at.replace(minute=at.minute // 10 * 10, second=0, microsecond=0) - CHART
    return _rates(str(store.engine().url), policy.watch.source, until)


@lru_cache(maxsize=4)
def _rates(_store: str, source: str, until: datetime) -> Mapping[str, float]:
    with store.read() as session:
        return beside.usual_rates(session, source, until)
