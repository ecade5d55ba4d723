"""The reason of a decision on an issue, and the part of it that says what a person should do. Pure."""

from __future__ import annotations

NEXT = "Next step: "


def next_step(reason: str) -> str:
    """What the reason asks of a person; the whole reason if it names no step."""
    return reason.rpartition(NEXT)[2]
