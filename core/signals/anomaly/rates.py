"""Compare two error rates while data still arrives.

A tally is a count over an exposure (requests, or seconds if no requests are known). Counts are Poisson. The rate
before has a posterior on a grid, so few errors before mean an uncertain rate. A comparison is a log Bayes factor of
two hypotheses about the rate afterwards. Under the wrong hypothesis it exceeds ln(1/a) with a probability of at most
a, however often one looks (Ville's inequality; Wald, Sequential Analysis, 1947).

Bursts make counts vary more than a Poisson count does; the likelihoods are divided by that dispersion (Wedderburn,
Biometrika 61, 1974).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

Change = Callable[[float], float]  # the rate before -> the rate afterwards

GRID = tuple(10 ** (-7 + i / 12) for i in range(12 * 9 + 1))  # rates per unit of exposure: 1e-7 to 100
LEAST_COUNT = 5  # with fewer events, the dispersion is unknown
MOST_DISPERSION = 25.0


@dataclass(frozen=True)
class Tally:
    """``count`` events in ``exposure`` units; ``dispersion`` is variance over mean of such counts, at least 1."""

    count: float
    exposure: float
    dispersion: float = 1.0

    @property
    def rate(self) -> float:
        return self.count / self.exposure if self.exposure > 0 else 0.0


def times(factor: float) -> Change:
    return lambda rate: rate * factor


def plus(step: float) -> Change:
    return lambda rate: rate + step


def favours(before: Tally, after: Tally, these: Iterable[Change], those: Iterable[Change]) -> float:
    """Log Bayes factor for ``these`` changes of the rate against ``those``."""
    return _weight(before, after, these) - _weight(before, after, those)


def _weight(before: Tally, after: Tally, changes: Iterable[Change]) -> float:
    """Log likelihood of both tallies, averaged over the changes and over Jeffreys' prior of the rate."""
    changes = tuple(changes)
    known = [(rate, 0.5 * math.log(rate) + _likelihood(before, rate)) for rate in GRID]
    terms = [weight + _likelihood(after, change(rate)) for rate, weight in known for change in changes]
    return _sum(terms) - math.log(len(changes))


def _likelihood(tally: Tally, rate: float) -> float:
    return (tally.count * math.log(max(rate, 1e-12)) - rate * tally.exposure) / tally.dispersion


def _sum(terms: Sequence[float]) -> float:
    most = max(terms)
    return most + math.log(sum(math.exp(term - most) for term in terms))


def dispersion(counts: Sequence[float], exposures: Sequence[float]) -> float:
    """Pearson's chi-square over its degrees of freedom, between 1 and 25; 1 with too few events."""
    total, exposure = sum(counts), sum(exposures)
    bins = [(count, total * part / exposure) for count, part in zip(counts, exposures, strict=True) if part > 0]
    if total < LEAST_COUNT or len(bins) < 3:
        return 1.0
    chi = sum((count - expected) ** 2 / expected for count, expected in bins)
    return min(MOST_DISPERSION, max(1.0, chi / (len(bins) - 1)))


def elsewhere(counts: Sequence[float], exposures: Sequence[float], here: range, dispersion: float = 1.0) -> float:
    """Log Bayes factor for a rise at another bin border against a rise at a border of ``here``.

    Both have the same total prior weight; the rates before and after the border are free. Only rises count.
    """
    borders = {
        i: _split(counts, exposures, i) / dispersion for i in range(1, len(counts)) if _rises(counts, exposures, i)
    }
    at = [weight for i, weight in borders.items() if i in here]
    other = [weight for i, weight in borders.items() if i not in here]
    if not at or not other:
        return 0.0 if at or not other else math.inf
    others = len(counts) - 1 - len(here)
    return _sum(other) - math.log(max(others, 1)) - (_sum(at) - math.log(len(here)))


def _rises(counts: Sequence[float], exposures: Sequence[float], i: int) -> bool:
    return sum(counts[:i]) * sum(exposures[i:]) < sum(counts[i:]) * sum(exposures[:i])


def _split(counts: Sequence[float], exposures: Sequence[float], i: int) -> float:
    return _free(Tally(sum(counts[:i]), sum(exposures[:i]))) + _free(Tally(sum(counts[i:]), sum(exposures[i:])))


def _free(tally: Tally) -> float:
    """Log likelihood averaged over the rate, with a Gamma(1/2, 1) prior."""
    shape, exposure = 0.5, 1.0
    return (
        math.lgamma(shape + tally.count)
        - math.lgamma(shape)
        + shape * math.log(exposure)
        - (shape + tally.count) * math.log(exposure + tally.exposure)
    )
