"""The quality of generated changes over time: coverage, complexity, findings and the score of their reviews.

The score of a review is the share of its gates that passed; a gate that could not run is none. Findings that are only
notes do not count. Coverage is a share (0..1) of the changed statements, complexity that of the most complex changed
function (McCabe).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import fmean

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from sqlmodel import Session, col

from core.db import store
from core.db.columns import select_columns
from core.models import Review, now

DAYS, METRIC_DAYS = 90, 7
MOST = 5_000  # reviews that the figures cover
FIGURES = {  # name: (what it is, unit)
    "coverage": ("Coverage of changed statements", "share"),
    "complexity": ("Most complex changed function", "complexity"),
    "findings": ("Findings of a review", "findings"),
    "score": ("Gates that passed", "share"),
}


@dataclass(frozen=True)
class Quality:
    """The means of one period, by figure; a figure that no review has is missing. ``reviews`` is their number."""

    reviews: int
    means: Mapping[str, float]


def of_reviews(rows: Iterable[tuple[Sequence[dict], Sequence[dict]]]) -> Quality:
    """The means over the gates and findings of reviews. Pure."""
    values: dict[str, list[float]] = defaultdict(list)
    number = 0
    for gates, findings in rows:
        number += 1
        for name, value in _of_one(gates, findings):
            values[name].append(value)
    return Quality(number, {name: fmean(values[name]) for name in FIGURES if values[name]})


def _of_one(gates: Sequence[dict], findings: Sequence[dict]) -> Iterator[tuple[str, float]]:
    by_name = {gate.get("gate"): gate for gate in gates}
    for name in ("coverage", "complexity"):
        value = by_name.get(name, {}).get("value")
        if isinstance(value, int | float):
            yield name, float(value)
    ran = [bool(gate.get("passed")) for gate in gates if gate.get("done", True)]
    if ran:
        yield "score", sum(ran) / len(ran)
    yield "findings", float(sum(finding.get("severity") != "note" for finding in findings))


def by_week(session: Session, until: datetime) -> dict[datetime, Quality]:
    """The last DAYS days by the Monday (UTC) of their week; weeks without a review are missing."""
    weeks: dict[datetime, list] = defaultdict(list)
    for at, gates, findings in _rows(session, until - timedelta(days=DAYS), until):
        day = at.replace(hour=0, minute=0, second=0, microsecond=0)
        weeks[day - timedelta(days=day.weekday())].append((gates, findings))
    return {week: of_reviews(weeks[week]) for week in sorted(weeks)}


def latest(session: Session, until: datetime) -> Quality:
    """The last METRIC_DAYS days."""
    rows = _rows(session, until - timedelta(days=METRIC_DAYS), until)
    return of_reviews((gates, findings) for _, gates, findings in rows)


def _rows(session: Session, since: datetime, until: datetime) -> Sequence:
    return session.exec(
        select_columns(Review.created_at, Review.gates, Review.findings)
        .where(col(Review.created_at) >= since, col(Review.created_at) <= until)
        .order_by(col(Review.id).desc())
        .limit(MOST)
    ).all()


def text() -> bytes:
    """Prometheus' exposition format; a figure without a review has no sample."""
    with store.read() as session:
        found = latest(session, now())
    registry = CollectorRegistry()
    registry.register(_QualityFigures(found))
    return generate_latest(registry)


class _QualityFigures:
    def __init__(self, found: Quality):
        self.found = found

    def collect(self) -> Iterator[Metric]:
        family = GaugeMetricFamily(
            "platform_quality", f"Mean quality of reviewed changes, last {METRIC_DAYS} days", labels=["figure", "unit"]
        )
        for name, value in self.found.means.items():
            family.add_metric([name, FIGURES[name][1]], value)
        yield family
        yield GaugeMetricFamily("platform_quality_reviews", "Reviews behind these figures", value=self.found.reviews)

    def describe(self) -> Iterable[Metric]:
        return ()
