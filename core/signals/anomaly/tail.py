"""How surprising a value is, learned from the largest values so far: an online tail without a tuned threshold.

Peaks are the largest values of blocks of rows. Their excess over the k-th largest is modelled as exponential (the
limit of light tails: Balkema, de Haan 1974, Pickands 1975) with an unknown scale. With the scale integrated out, the
probability that the next block's peak exceeds ``x`` is ``k/n * (1 + (x - u) / (k * mean excess)) ** -k``.
"""

from __future__ import annotations

import math
from bisect import insort

PEAKS = 20  # largest peaks that describe the tail
FEWEST = 8  # blocks before the first surprise
EPOCH = 400  # blocks of an epoch; peaks of the current and the previous epoch count
GRAIN = 0.08  # of the distance from the centre to the peaks: the smallest excess


class Tail:
    """The upper tail of one statistic; ``step`` is O(1), with a small sort once per block."""

    __slots__ = ("block", "best", "left", "peaks", "older", "n", "n_older", "level", "excess", "k", "rarity")

    def __init__(self, block: int):
        self.block = self.left = block
        self.best = -math.inf
        self.peaks: list[float] = []
        self.older: list[float] = []
        self.n = self.n_older = self.k = 0
        self.level = math.inf  # lower values are not surprising
        self.excess = self.rarity = 0.0

    def step(self, x: float, centre: float, grain: float) -> float:
        """The surprise of ``x``, -ln of its probability in a block, given the values before it; then learns ``x``.

        ``centre`` is the usual value of the statistic, ``grain`` the smallest difference that matters.
        """
        surprise = 0.0
        if x > self.level:
            scale = self._scale(centre, grain)
            surprise = self.rarity + self.k * math.log1p((x - self.level) / (self.k * scale))
        if x > self.best:
            self.best = x
        self.left -= 1
        if not self.left:
            self._end_block()
        return surprise

    def limit(self, surprise: float, centre: float, grain: float) -> float:
        """The value with this surprise; infinite while too little is known."""
        if self.level == math.inf:
            return math.inf
        over = self.k * math.expm1(max(0.0, surprise - self.rarity) / self.k)
        return self.level + over * self._scale(centre, grain)

    def _scale(self, centre: float, grain: float) -> float:
        return max(self.excess, GRAIN * (self.level - centre), grain, 1e-300)

    def _end_block(self) -> None:
        insort(self.peaks, self.best)
        if len(self.peaks) > PEAKS:
            del self.peaks[0]
        self.n, self.best, self.left = self.n + 1, -math.inf, self.block
        if self.n >= EPOCH:
            self.older, self.n_older, self.peaks, self.n = self.peaks, self.n, [], 0
        n = self.n + self.n_older
        if n >= FEWEST:
            self._fit(n)

    def _fit(self, n: int) -> None:
        peaks = sorted(self.peaks + self.older)
        self.k = min(len(peaks), PEAKS, max(3, n // 3))
        top = peaks[-self.k :]
        self.level = top[0]
        self.excess = sum(top) / self.k - top[0]
        self.rarity = math.log(n / self.k)
