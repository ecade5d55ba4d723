"""Counts by interval before and since a release, and what they say of each other. Pure.

Beside the odds of two rates (rates.py) there are two questions whose answers need no law of the counts. *Was it ever
so before?* Where the window since the release is exchangeable with n earlier ones of its length, it beats all of them
with a chance of 1/(n + 1): a rank test, which jobs, spells and bursts pass as well as steady rates do. *Does it last?*
What ended by itself is no state of the release: of the time since then the later half alone must show it too.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate, pairwise

from core.signals import timeline
from core.signals.anomaly.rates import Change, Tally, elsewhere, favours, times
from core.signals.timeline import SLACK, Bin

NEAR = 30.0  # seconds around the release within which a rise counts as begun with it

SAME = (times(1),)


@dataclass(frozen=True)
class Series:
    """``was`` and ``now`` are counts in the bins ``old`` and ``new``, before and since the release."""

    was: Sequence[float]
    old: Sequence[Bin]
    now: Sequence[float]
    new: Sequence[Bin]

    @cached_property
    def spread(self) -> float:
        """Variance over mean of the counts before: bursts make it larger than 1."""
        return timeline.spread(self.was, self.old)

    @property
    def before(self) -> Tally:
        return timeline.tally(self.was, self.old, self.spread)

    @property
    def after(self) -> Tally:
        return timeline.tally(self.now, self.new, self.spread)

    def odds(self, these: Iterable[Change], those: Iterable[Change] = SAME) -> float:
        """ln of how much better ``these`` changes of the rate explain the counts than ``those`` do."""
        return favours(self.before, self.after, these, those)

    @property
    def later(self) -> Series:
        """The same, with the later half of what is known since the release."""
        half = len(self.new) // 2
        return replace(self, now=self.now[half:], new=self.new[half:])

    @cached_property
    def usual(self) -> bool:
        """Was the rate as high before in a window as long as the time since the release?"""
        rates = (n / span.exposure for n, span in windows(self.was, self.old, length(self.new)) if span.exposure > 0)
        return max(rates, default=0.0) >= self.after.rate > 0


def windows(counts: Sequence[float], spans: Sequence[Bin], seconds: float) -> Iterator[tuple[float, Bin]]:
    """Each shortest run of bins that covers ``seconds``, as one bin with its count; none if all together cover less."""
    rows = (counts, [span.exposure for span in spans], [span.end - span.start for span in spans])
    total, exposed, covered = ([0.0, *accumulate(row)] for row in rows)
    for i, span in enumerate(spans):
        j = bisect_left(covered, covered[i] + seconds - SLACK)
        if j > len(spans):
            return
        if j > i:
            yield total[j] - total[i], Bin(span.start, spans[j - 1].end, exposed[j] - exposed[i])


def begun_elsewhere(counts: Sequence[float], spans: Sequence[Bin], loose: float) -> float:
    """ln odds that the counts began to rise at another time than the release."""
    borders = enumerate(pairwise(spans), 1)  # what began between two bins began in the gap, if there is one
    here = [i for i, (last, span) in borders if last.end <= NEAR and span.start >= -NEAR]
    if not here:
        return 0.0
    return elsewhere(counts, [s.exposure for s in spans], range(here[0], here[-1] + 1), loose)


def length(spans: Sequence[Bin]) -> float:
    """Seconds that the bins cover."""
    return sum(span.end - span.start for span in spans)
