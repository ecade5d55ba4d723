"""How often the fixes of a class were right, on cases that whoever wrote the repairer had not seen.

A class is a kind of fixer and a grade of evidence: ``embedded/sibling``, ``model/type``. The counts are data
(precision.json), made by ``python -m tests.bench.repair.calibrate`` from the logged runs of the blind sets.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from core.models.counted import counted
from core.models.proportion import wilson
from core.repair.types import Candidate, Evidence

DATA = Path(__file__).with_name("precision.json")
EMBEDDED = "embedded"
REVERT = "revert"  # the generator of a fix that takes a commit out, at a person's request; it is not measured
KINDS = (EMBEDDED, "model")


@dataclass(frozen=True)
class Precision:
    """``right`` of ``all`` judged fixes."""

    right: int = 0
    all: int = 0

    @property
    def share(self) -> float:
        """0 where nothing was measured."""
        return self.right / self.all if self.all else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        return wilson(self.right, self.all)

    def reaches(self, least: float, cases: int) -> bool:
        """Whether enough cases show that the precision is at least this, with 95 % confidence."""
        return self.all >= cases and self.interval[0] >= least

    def misses(self, least: float) -> bool:
        """Whether the cases show that the precision is lower than this, with 95 % confidence."""
        return self.all > 0 and self.interval[1] < least

    def told(self, of: str) -> str:
        """``12 of 13 unseen cases were right (67 % to 99 %)``; ``of`` is what one case is called."""
        if not self.all:
            return f"not measured on any {of}"
        low, high = self.interval
        return f"{self.right} of {counted(self.all, of)} right ({low:.0%} to {high:.0%})"


def class_of(candidate: Candidate) -> str:
    return named(candidate.generator, candidate.grade)


def named(generator: str, grade: Evidence) -> str:
    kind = REVERT if generator == REVERT else KINDS[generator != EMBEDDED]
    return f"{kind}/{grade.name.lower()}"


def classes() -> list[str]:
    return [f"{kind}/{grade.name.lower()}" for kind in KINDS for grade in Evidence]


def measured(name: str) -> Precision:
    """The precision of a class on unseen cases; without cases where it was not measured."""
    return _read().get(name, Precision())


@cache
def _read() -> Mapping[str, Precision]:
    data = json.loads(DATA.read_text(encoding="utf-8"))
    return {name: Precision(right, cases) for name, (right, cases) in data["classes"].items()}
