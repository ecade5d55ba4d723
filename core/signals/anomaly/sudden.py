"""Whether the latest intervals of a service differ from the hour before, by what that hour alone tells.

The detector (anomaly.py) learns what is rare from days, in which every night may look like a loss of traffic. A sudden
change that lasts is told from the hour before it: counts are compared as Poisson rates, with the dispersion that they
had in that hour (rates.py).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean

from core.signals.anomaly import rates
from core.signals.anomaly.rates import Change, Tally, times

HOUR, LATEST = 60, 8  # intervals before, and those that are compared with them
FEWEST = 30  # intervals before: fewer tell little
CERTAIN = math.log(1e5)  # log Bayes factor of a change
SAME_SHARE, LARGER_SHARE = (times(1.0), times(1.5)), tuple(map(times, (3.0, 10.0, 30.0, 100.0)))
SAME_TRAFFIC, LESS_TRAFFIC = (times(1.0), times(0.7)), tuple(map(times, (0.4, 0.2, 0.05, 0.001)))


def fails_more(errors: Sequence[float], requests: Sequence[float]) -> bool:
    """Whether a larger share of the requests fails in the LATEST intervals; counts by interval, oldest first."""
    return _changed(errors, requests, LARGER_SHARE, SAME_SHARE)


def serves_less(requests: Sequence[float]) -> bool:
    """Whether fewer requests come in the LATEST intervals; counts by interval, oldest first."""
    usual = max(1.0, fmean(requests or [0.0]))  # as exposure, so that rates are near 1, inside the grid
    return _changed(requests, [usual] * len(requests), LESS_TRAFFIC, SAME_TRAFFIC)


def _changed(
    counts: Sequence[float], exposures: Sequence[float], these: Sequence[Change], those: Sequence[Change]
) -> bool:
    if len(counts) < FEWEST + LATEST:
        return False
    spread = rates.dispersion(counts[:-LATEST], exposures[:-LATEST])
    before = Tally(sum(counts[:-LATEST]), sum(exposures[:-LATEST]), spread)
    after = Tally(sum(counts[-LATEST:]), sum(exposures[-LATEST:]), spread)
    return rates.favours(before, after, these, those) > CERTAIN
