"""How the fault fares that a release is to cure."""

from __future__ import annotations

from dataclasses import dataclass

from core.models.counted import counted
from core.signals.release import Count

NAMED = 3  # fingerprints that a sentence names


@dataclass(frozen=True)
class Own:
    """The issue's own errors: ln odds of a cure, counts before and after, and what the old rate would have brought."""

    odds: float
    lately: float  # the same odds by the last quarter of what is known since the release
    was: float
    now: float
    expected: float
    bursts: int
    fingerprints: tuple[str, ...] = ()
    message: str = ""  # of a slowdown

    @property
    def count(self) -> Count:
        if self.message:
            return Count("the issue's own latency", self.was, self.now, self.message)
        name = f"the issue's own error ({', '.join(self.fingerprints[:NAMED]) or 'no reports'})"
        text = f"{name}: {counted(self.now, 'error')} since the release, {self.expected:.1f} expected at its old rate"
        return Count(name, self.was, self.now, text)
