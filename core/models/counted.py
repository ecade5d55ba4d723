"""Numbers with their nouns, as people write them: "1 issue", "1,200 issues"."""

from __future__ import annotations


def counted(number: float, noun: str, many: str = "") -> str:
    """The rounded number and its noun; ``many`` is the plural if it is not the noun plus s."""
    whole = round(number)
    return f"{whole:,} {noun if whole == 1 else many or noun + 's'}"
