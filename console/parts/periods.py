"""The figures of a period and of the previous one, computed once a minute for all viewers."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import lru_cache

from core.db import store
from core.policy.reader import Policy
from core.policy.value import ValueRules
from core.queries import kpis, outcomes


def before(policy: Policy, since: datetime, days: int) -> list[kpis.Figure]:
    """The figures of the ``days`` before ``since``, which is rounded to the minute."""
    at = since.replace(second=0, microsecond=0)
    return _before(str(store.engine().url), policy.watch.source, policy.value.model_dump_json(), at, days)


@lru_cache(maxsize=32)
def _before(_store: str, source: str, value: str, since: datetime, days: int) -> list[kpis.Figure]:
    rules = ValueRules.model_validate_json(value)
    with store.read() as session:
        return outcomes.figures(session, source, rules, since - timedelta(days=days), since)
