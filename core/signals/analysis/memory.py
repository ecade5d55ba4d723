"""Memory: similar past issues, and how they were resolved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.signals.grouping.masking import words

WEIGHTS = {"fingerprint": 0.4, "pattern": 0.3, "words": 0.2, "service": 0.1}
LEAST = 0.25  # the lowest similarity that is shown


@dataclass(frozen=True)
class PastIssue:
    """A remembered issue; ``cure`` describes the fix in plain words."""

    id: int
    fingerprint: str
    pattern: str
    service: str
    title: str
    cure: str = ""


def similar(issue: PastIssue, past: Sequence[PastIssue], most: int = 5) -> list[tuple[PastIssue, float]]:
    """Past issues with their similarity 0..1, most similar first, ties by newest; excludes the issue itself."""
    scored = [(other, round(_likeness(issue, other), 4)) for other in past if other.id != issue.id]
    near = [pair for pair in scored if pair[1] >= LEAST]
    return sorted(near, key=lambda pair: (-pair[1], -pair[0].id))[:most]


def _likeness(a: PastIssue, b: PastIssue) -> float:
    first, second = words(a.title), words(b.title)
    alike = {
        "fingerprint": float(a.fingerprint == b.fingerprint),
        "pattern": float(bool(a.pattern) and a.pattern == b.pattern),
        "words": len(first & second) / len(first | second) if first and second else 0.0,
        "service": float(a.service == b.service),
    }
    return sum(WEIGHTS[name] * value for name, value in alike.items())
