"""The ratio of two costs that were measured in pairs, with its interval. Pure.

Both variants run in turn on the same machine, so that what disturbs one disturbs the other ("duet benchmarking", Bulej
et al. 2020; a ratio with its interval: Kalibera and Jones 2013). The logarithms of the pairs' ratios are averaged by
the Hodges-Lehmann estimator (1963), and the interval is that of Wilcoxon's signed-rank test, whose distribution is
exact for few pairs (Hollander, Wolfe and Chicken, "Nonparametric Statistical Methods", 2014, 3.2 and 3.3). A single
disturbed pair moves neither far, and the same pairs always give the same interval.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from statistics import median

LEVEL = 0.95  # of the interval
FEWEST = 6  # pairs: with fewer, no interval of this level is bounded
TINY = 1e-7  # seconds; below it, a clock tells nothing


@dataclass(frozen=True)
class Ratio:
    """How many times as much the old code costs as the new one, and the 95 % interval of that."""

    value: float
    low: float
    high: float
    pairs: int

    @property
    def message(self) -> str:
        return f"{self.value:.1f} times as fast (95 % interval {self.low:.1f} to {self.high:.1f}, {self.pairs} pairs)"


def paired(old: Sequence[float], new: Sequence[float]) -> Ratio:
    """The ratio old / new of costs in the same unit, pair by pair. Raises ValueError for too few pairs."""
    if len(old) != len(new) or len(old) < FEWEST:
        raise ValueError(f"at least {FEWEST} pairs are needed")
    logs = [math.log(max(a, TINY) / max(b, TINY)) for a, b in zip(old, new, strict=True)]
    means = sorted((logs[i] + logs[j]) / 2 for i in range(len(logs)) for j in range(i, len(logs)))
    skip = skipped(len(logs))
    return Ratio(math.exp(median(means)), math.exp(means[skip]), math.exp(means[-1 - skip]), len(logs))


def skipped(pairs: int) -> int:
    """How many of the sorted averages of two lie outside of the interval, on each side.

    It is the largest k with P(W <= k) <= (1 - LEVEL) / 2, for the signed-rank sum W of this many pairs.
    """
    ways = [1]  # ways[w]: sets of ranks whose sum is w
    for rank in range(1, pairs + 1):
        ways = [a + b for a, b in zip([*ways, *[0] * rank], [*[0] * rank, *ways], strict=True)]
    least = (1 - LEVEL) / 2 * 2**pairs
    return max(sum(total <= least for total in accumulate(ways)) - 1, 0)
