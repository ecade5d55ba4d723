"""Computes the KPIs from sums that SQL counted (core/queries/outcomes.py). Pure.

A figure is None if there are too few cases. Each figure carries its formula and what it counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from core.models.proportion import wilson
from core.policy.value import ValueRules

BY_DEFAULT = ValueRules()
BASELINE_SECONDS = BY_DEFAULT.baseline
YEAR = 365  # days
ENOUGH = 5  # the fewest cases for a share or a mean
BINS = 10  # of the calibration


@dataclass(frozen=True)
class Ended:
    """One run that ended, for the charts; ``result`` is fixed, rolled_back, failed, escalated or human."""

    at: datetime
    result: str
    total_seconds: float | None = None


@dataclass(frozen=True)
class Mean:
    """``n`` values and their sum."""

    n: int = 0
    total: float = 0.0

    @property
    def value(self) -> float:
        return self.total / self.n


@dataclass(frozen=True)
class ConfidenceTally:
    """Completed decisions to act within one tenth of confidence: ``held`` of ``n`` fixes held.

    ``confidence`` and ``squared`` are sums over the ``n``: of the confidence, and of (confidence - held)^2.
    """

    place: int
    n: int
    held: int
    confidence: float
    squared: float


@dataclass(frozen=True)
class RunTally:
    """The sums over the runs that ended in a span of time; times in seconds.

    ``repairs`` are the times from first error to verified of the runs that the platform fixed; ``saved`` is the sum
    of their savings against the baseline, each at least 0. ``acted`` are completed decisions to act, ``held`` those
    whose fix held.
    """

    results: Mapping[str, int] = field(default_factory=dict)
    repairs: Mean = Mean()
    median: float | None = None
    saved: float = 0.0
    detect: Mean = Mean()
    confidence: Mean = Mean()
    acted: int = 0
    held: int = 0

    @property
    def runs(self) -> int:
        return sum(self.results.values())

    @property
    def fixed(self) -> int:
        return self.results.get("fixed", 0)


@dataclass(frozen=True)
class DeploymentCount:
    """Completed production deployments (verified or rolled back), and those rolled back."""

    ended: int = 0
    rolled_back: int = 0


@dataclass(frozen=True)
class Figure:
    """One KPI over ``n`` cases; ``value`` is None if there are too few. ``target`` has the same unit."""

    name: str
    value: float | None
    n: int
    unit: str  # share, seconds, hours, money
    counts: str  # what ``n`` counts
    formula: str
    target: float | None = None
    low_is_good: bool = False
    needs: int = ENOUGH


def _figure(name: str, value, n: int, unit: str, counts: str, formula: str, needs: int = ENOUGH, **more) -> Figure:
    return Figure(name, value() if n >= needs else None, n, unit, counts, formula, needs=needs, **more)


def mttr(tally: RunTally) -> Figure:
    return _figure(
        "MTTR, auto-fixed",
        lambda: tally.repairs.value,
        tally.repairs.n,
        "seconds",
        "issues fixed by the platform",
        "mean of (verified in production - first error)",
        target=300.0,
        low_is_good=True,
    )


def mttr_median(tally: RunTally) -> Figure:
    return _figure(
        "Median repair",
        lambda: tally.median,
        tally.repairs.n,
        "seconds",
        "issues fixed by the platform",
        "median of (verified in production - first error), the last 1,000",
        target=300.0,
        low_is_good=True,
    )


def detection(tally: RunTally) -> Figure:
    return _figure(
        "Time to detect",
        lambda: tally.detect.value,
        tally.detect.n,
        "seconds",
        "issues",
        "mean of (issue opened - first error)",
        low_is_good=True,
    )


def auto_resolution(tally: RunTally) -> Figure:
    return _figure(
        "Auto-resolution",
        lambda: tally.fixed / tally.runs,
        tally.runs,
        "share",
        "runs that ended",
        "fixed by the platform / all runs that ended",
        target=0.8,
    )


def decision_accuracy(tally: RunTally) -> Figure:
    """Excludes escalations: it is unknown whether the platform could have fixed them."""
    return _figure(
        "Decision accuracy",
        lambda: tally.held / tally.acted,
        tally.acted,
        "share",
        "decisions to act that ended",
        "decisions to act whose fix held / decisions to act that ended",
        target=0.85,
    )


def mean_confidence(tally: RunTally) -> Figure:
    return _figure(
        "Mean confidence",
        lambda: tally.confidence.value,
        tally.confidence.n,
        "share",
        "decisions of ended runs",
        "mean of the decisions' confidence",
        target=0.85,
    )


def rollback_rate(deployed: DeploymentCount) -> Figure:
    return _figure(
        "Rollback rate",
        lambda: deployed.rolled_back / deployed.ended,
        deployed.ended,
        "share",
        "production deployments that ended",
        "rolled back / (verified + rolled back)",
        target=0.05,
        low_is_good=True,
    )


def availability(requests: float, errors: float) -> Figure:
    """Blind to an outage in which no request arrives; ``uptime`` is not."""
    return _figure(
        "Request success",
        lambda: 1 - errors / requests,
        int(requests),
        "share",
        "requests to all services",
        "1 - failed requests / requests",
        needs=1000,
        target=0.999,
    )


def uptime(checks: int, failed: int) -> Figure:
    return _figure(
        "Uptime, health checks",
        lambda: 1 - failed / checks,
        checks,
        "share",
        "health checks of production",
        "1 - failed health checks / health checks, one a minute",
        needs=60,
        target=0.999,
    )


def hours_saved(tally: RunTally, rules: ValueRules = BY_DEFAULT) -> Figure:
    return _figure(
        "Hours saved",
        lambda: tally.saved / 3600,
        tally.repairs.n,
        "hours",
        "issues fixed by the platform",
        f"sum of ({rules.baseline_hours:g} h baseline - time to repair), never below 0",
    )


def money_saved(tally: RunTally, rules: ValueRules) -> Figure:
    return _figure(
        f"Savings, {rules.currency}",
        lambda: tally.saved / 3600 * rules.engineer_hour,
        tally.repairs.n,
        "money",
        "issues fixed by the platform",
        f"hours saved x {rules.engineer_hour:g} {rules.currency} an hour",
    )


def money_a_year(tally: RunTally, rules: ValueRules, days: float) -> Figure:
    """The savings of a year at the rate of the period, which has ``days``."""
    return _figure(
        f"Savings a year, {rules.currency}",
        lambda: tally.saved / 3600 * rules.engineer_hour * YEAR / days,
        tally.repairs.n,
        "money",
        "issues fixed by the platform",
        f"savings of the period x {YEAR} / {days:g} days",
        target=rules.savings_a_year,
    )


def all_of(
    tally: RunTally,
    deployed: DeploymentCount,
    served: tuple[float, float],
    checks: tuple[int, int],
    rules: ValueRules,
    days: float,
) -> list[Figure]:
    """All figures of a span of ``days``; ``served`` is (requests, failed requests), ``checks`` (checks, failed)."""
    return [
        mttr(tally),
        mttr_median(tally),
        auto_resolution(tally),
        decision_accuracy(tally),
        mean_confidence(tally),
        rollback_rate(deployed),
        availability(*served),
        uptime(*checks),
        detection(tally),
        hours_saved(tally, rules),
        money_saved(tally, rules),
        money_a_year(tally, rules, days),
    ]


@dataclass(frozen=True)
class ConfidenceBin:
    """Decisions with a confidence in [low, high): ``held`` of ``n`` fixes held; the share's 95 % interval."""

    low: float
    high: float
    n: int
    held: int
    confidence: float
    interval: tuple[float, float]

    @property
    def share(self) -> float:
        return self.held / self.n


def calibration(judged: Sequence[ConfidenceTally]) -> list[ConfidenceBin]:
    """Does a confidence of 0.8 hold in 8 of 10 cases? Tenths without a case are omitted."""
    return [
        ConfidenceBin(j.place / BINS, (j.place + 1) / BINS, j.n, j.held, j.confidence / j.n, wilson(j.held, j.n))
        for j in sorted(judged, key=lambda j: j.place)
    ]


def brier(judged: Sequence[ConfidenceTally]) -> Figure:
    """Brier score (G. W. Brier, 1950): 0 is perfect, 0.25 is a coin."""
    cases = sum(j.n for j in judged)
    return _figure(
        "Brier score",
        lambda: sum(j.squared for j in judged) / cases,
        cases,
        "score",
        "decisions to act that ended",
        "mean of (confidence - held)^2",
        target=0.25,
        low_is_good=True,
    )


@dataclass(frozen=True)
class Part:
    """One part of the time to repair: its mean seconds over the sampled runs."""

    name: str
    seconds: float


def parts(detect: float, stages: Mapping[str, float], total: float) -> list[Part]:
    """The parts of the mean repair time, in order; the rest is waiting: queue, approval, window."""
    named = [Part("detect", detect), *(Part(name, seconds) for name, seconds in stages.items())]
    rest = total - sum(part.seconds for part in named)
    return [*named, Part("waiting", max(0.0, rest))]


def meets(figure: Figure) -> bool | None:
    """Whether the figure meets its target; None if one of them is missing."""
    if figure.target is None or figure.value is None:
        return None
    return figure.value <= figure.target if figure.low_is_good else figure.value >= figure.target
