"""Whether the latest intervals of a service differ from those before, by these counts alone.

The detector (anomaly.py) learns what is rare from days, in which every night may look like a loss of traffic. A sudden
change that lasts is told from the time right before it: counts are compared as Poisson rates, with the dispersion that
they had in that time (rates.py).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean
from typing import Protocol

from core.signals.anomaly import rates
from core.signals.anomaly.rates import Change, Tally, times

Pairs = Sequence[tuple[float, float]]
HOUR, HALF_DAY = 60, 720  # intervals before
SPANS = 8, 20, 40  # latest intervals that are compared with them
FEWEST = 30  # intervals before: fewer tell little
CERTAIN = math.log(1e5)  # log Bayes factor of a change
LIKELY = math.log(1e2)  # of one that the detector noticed, too
SAME_SHARE, LARGER_SHARE = (times(1.0), times(1.5)), tuple(map(times, (3.0, 10.0, 30.0, 100.0)))
SAME_TRAFFIC, LESS_TRAFFIC = (times(1.0), times(0.7)), tuple(map(times, (0.4, 0.2, 0.05, 0.001)))


class Counts(Protocol):
    """What was counted in one interval; None where nothing was measured."""

    @property
    def requests(self) -> float | None: ...
    @property
    def errors(self) -> float | None: ...


def fails_more(before: Sequence[Counts], late: Sequence[Counts], least: float = CERTAIN) -> bool:
    """Whether a larger share of the requests fails late than before."""
    return _changed(_failed(before), _failed(late), LARGER_SHARE, SAME_SHARE, least)


def _failed(rows: Sequence[Counts]) -> Pairs:
    return [(one.errors or 0.0, one.requests) for one in rows if one.requests]


def serves_less(before: Sequence[Counts], late: Sequence[Counts]) -> bool:
    """Whether fewer requests come late than before."""
    usual = max(1.0, fmean([one.requests for one in before if one.requests is not None] or [0.0]))
    return _changed(_served(before, usual), _served(late, usual), LESS_TRAFFIC, SAME_TRAFFIC)


def _served(rows: Sequence[Counts], usual: float) -> Pairs:
    """Each interval has the exposure of the requests that are usual, so that rates are near 1."""
    return [(one.requests, usual) for one in rows if one.requests is not None]


def _changed(
    before: Pairs, late: Pairs, these: Sequence[Change], those: Sequence[Change], least: float = CERTAIN
) -> bool:
    """Whether these pairs of count and exposure favour these changes."""
    if len(before) < FEWEST:
        return False
    spread = rates.dispersion([count for count, _ in before], [exposure for _, exposure in before])
    return rates.favours(_tally(before, spread), _tally(late, spread), these, those) > least


def _tally(rows: Pairs, spread: float) -> Tally:
    return Tally(sum(count for count, _ in rows), sum(exposure for _, exposure in rows), spread)
