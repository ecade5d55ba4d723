"""The KPIs of the last seven days for Prometheus: the figures of the KPI page, under the same rules.

A figure with too few cases has no sample, so that no graph shows a mean of one case.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import timedelta

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric

from core.db import store
from core.models import now
from core.policy.reader import Policy
from core.queries import outcomes
from core.queries.kpis import Figure

DAYS = 7
LABELS = ["figure", "unit"]


def text(policy: Policy) -> bytes:
    """Prometheus' exposition format."""
    until = now()
    with store.read() as session:
        found = outcomes.figures(session, policy.watch.source, policy.value, until - timedelta(days=DAYS), until)
    registry = CollectorRegistry()
    registry.register(_Figures(found))
    return generate_latest(registry)


class _Figures:
    def __init__(self, found: list[Figure]):
        self.found = found

    def collect(self) -> Iterator[Metric]:
        yield _family("kpi", "The figures of the KPI page", ((f, f.value) for f in self.found))
        yield _family("kpi_cases", "The cases behind each figure", ((f, f.n) for f in self.found))
        yield _family("kpi_target", "The target of each figure", ((f, f.target) for f in self.found))

    def describe(self) -> Iterable[Metric]:
        return ()


def _family(name: str, text: str, rows: Iterable[tuple[Figure, float | None]]) -> Metric:
    family = GaugeMetricFamily(f"platform_{name}", f"{text}, last {DAYS} days", labels=LABELS)
    for figure, value in rows:
        if value is not None:
            family.add_metric([label(figure.name), figure.unit], value)
    return family


def label(name: str) -> str:
    """The figure's name as a label: MTTR, auto-fixed becomes mttr_auto_fixed."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
