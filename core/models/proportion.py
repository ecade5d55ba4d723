"""A share of counted cases with its interval. Pure."""

from __future__ import annotations

from math import sqrt


def wilson(held: int, n: int, z: float = 1.96) -> tuple[float, float]:
    """Score interval of a share, 95 % by default (E. B. Wilson, 1927). Without a case, all is possible."""
    if not n:
        return 0.0, 1.0
    p, square = held / n, z * z
    centre = (p + square / (2 * n)) / (1 + square / n)
    half = z / (1 + square / n) * sqrt(p * (1 - p) / n + square / (4 * n * n))
    return max(0.0, centre - half), min(1.0, centre + half)
