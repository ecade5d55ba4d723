"""KPI formulas, pure. A figure over too few cases is no figure: its value is None and it says so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from math import sqrt
from statistics import fmean, median

BASELINE_SECONDS = 2 * 3600.0  # mean time to repair by hand before the platform
ENOUGH = 5  # cases under which a share or a mean says nothing


@dataclass(frozen=True)
class Ended:
    """One run that ended; ``result`` is fixed, rolled_back, failed, escalated or human."""

    at: datetime
    result: str
    by: str = "platform"
    detect_seconds: float | None = None
    total_seconds: float | None = None
    verdict: str | None = None
    confidence: float | None = None
    issue_id: int = 0
    service: str = ""
    pattern: str = ""


@dataclass(frozen=True)
class Deployed:
    """Production deployments that came to an end (verified or rolled back), and those rolled back."""

    ended: int = 0
    rolled_back: int = 0


@dataclass(frozen=True)
class Figure:
    """One KPI over ``n`` cases; ``value`` is None when there are too few. ``target`` in the same unit."""

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


def repairs(runs: Sequence[Ended]) -> list[float]:
    """Seconds from first error to verified, of the runs that the platform fixed."""
    return [r.total_seconds for r in runs if r.result == "fixed" and r.total_seconds is not None]


def mttr(runs: Sequence[Ended]) -> Figure:
    times = repairs(runs)
    return _figure(
        "MTTR, auto-fixed",
        lambda: fmean(times),
        len(times),
        "seconds",
        "issues fixed by the platform",
        "mean of (verified in production - first error)",
        target=300.0,
        low_is_good=True,
    )


def mttr_median(runs: Sequence[Ended]) -> Figure:
    times = repairs(runs)
    return _figure(
        "Median repair",
        lambda: median(times),
        len(times),
        "seconds",
        "issues fixed by the platform",
        "median of (verified in production - first error)",
        target=300.0,
        low_is_good=True,
    )


def detection(runs: Sequence[Ended]) -> Figure:
    times = [r.detect_seconds for r in runs if r.detect_seconds is not None]
    return _figure(
        "Time to detect",
        lambda: fmean(times),
        len(times),
        "seconds",
        "issues",
        "mean of (issue opened - first error)",
        low_is_good=True,
    )


def auto_resolution(runs: Sequence[Ended]) -> Figure:
    fixed = sum(r.result == "fixed" for r in runs)
    return _figure(
        "Auto-resolution",
        lambda: fixed / len(runs),
        len(runs),
        "share",
        "runs that ended",
        "fixed by the platform / all runs that ended",
        target=0.8,
    )


def judged(runs: Sequence[Ended]) -> list[tuple[float, bool]]:
    """(confidence, did the fix hold) of the runs on which the platform acted by itself."""
    return [
        (r.confidence or 0.0, r.result == "fixed")
        for r in runs
        if r.verdict in ("AUTO_RESOLVE", "SCHEDULE_MAINTENANCE") and r.result in ("fixed", "rolled_back", "failed")
    ]


def decision_accuracy(runs: Sequence[Ended]) -> Figure:
    """Escalations are left out: whether the platform could have done it is not known."""
    cases = judged(runs)
    return _figure(
        "Decision accuracy",
        lambda: sum(ok for _, ok in cases) / len(cases),
        len(cases),
        "share",
        "decisions to act that ended",
        "decisions to act whose fix held / decisions to act that ended",
        target=0.85,
    )


def mean_confidence(runs: Sequence[Ended]) -> Figure:
    values = [r.confidence for r in runs if r.confidence is not None]
    return _figure(
        "Mean confidence",
        lambda: fmean(values),
        len(values),
        "share",
        "decisions of ended runs",
        "mean of the decisions' confidence",
        target=0.85,
    )


def rollback_rate(deployed: Deployed) -> Figure:
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
    return _figure(
        "Availability",
        lambda: 1 - errors / requests,
        int(requests),
        "share",
        "requests to all services",
        "1 - failed requests / requests",
        needs=1000,
        target=0.999,
    )


def hours_saved(runs: Sequence[Ended], baseline: float = BASELINE_SECONDS) -> Figure:
    times = repairs(runs)
    return _figure(
        "Hours saved",
        lambda: sum(max(0.0, baseline - t) for t in times) / 3600,
        len(times),
        "hours",
        "issues fixed by the platform",
        f"sum of ({baseline / 3600:g} h by hand - time to repair), never below 0",
        needs=1,
    )


def money_saved(runs: Sequence[Ended], hourly: float, baseline: float = BASELINE_SECONDS) -> Figure:
    hours = hours_saved(runs, baseline)
    return Figure(
        "Savings",
        None if hours.value is None else hours.value * hourly,
        hours.n,
        "money",
        hours.counts,
        f"hours saved x {hourly:g} an hour",
        needs=1,
    )


@dataclass(frozen=True)
class Bin:
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


def wilson(held: int, n: int, z: float = 1.96) -> tuple[float, float]:
    """Score interval of a share (E. B. Wilson, 1927)."""
    p, square = held / n, z * z
    centre = (p + square / (2 * n)) / (1 + square / n)
    half = z / (1 + square / n) * sqrt(p * (1 - p) / n + square / (4 * n * n))
    return max(0.0, centre - half), min(1.0, centre + half)


def calibration(runs: Sequence[Ended], width: float = 0.1) -> list[Bin]:
    """Does a confidence of 0.8 hold in 8 of 10 cases? Bins without a case are left out."""
    bins: dict[int, list[tuple[float, bool]]] = {}
    last = round(1 / width) - 1
    for confidence, ok in judged(runs):
        bins.setdefault(min(last, int(confidence / width + 1e-9)), []).append((confidence, ok))
    return [_bin(i * width, width, cases) for i, cases in sorted(bins.items())]


def _bin(low: float, width: float, cases: Sequence[tuple[float, bool]]) -> Bin:
    held = sum(ok for _, ok in cases)
    return Bin(
        round(low, 6),
        round(low + width, 6),
        len(cases),
        held,
        fmean(c for c, _ in cases),
        wilson(held, len(cases)),
    )


def brier(runs: Sequence[Ended]) -> Figure:
    """Brier score (G. W. Brier, 1950): 0 is perfect, 0.25 is a coin."""
    cases = judged(runs)
    return _figure(
        "Brier score",
        lambda: fmean((c - ok) ** 2 for c, ok in cases),
        len(cases),
        "score",
        "decisions to act that ended",
        "mean of (confidence - held)^2",
        target=0.25,
        low_is_good=True,
    )
