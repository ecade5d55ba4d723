"""What every template gives back: the changed text of one file, with its reasons."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from core.repair.evidence import Said
from core.repair.locate import Place


@dataclass(frozen=True)
class Change:
    """``path`` gets the new ``text``; ``says`` is the rationale, ``why`` the evidence (empty: none)."""

    path: str
    text: str
    says: str
    why: str = ""
    confidence: float = 0.5
    raises: str = ""


Changes = Iterator[Change]


def change(
    place: Place, text: str, says: str, said: Said | None = None, most: float = 1.0, less: float = 0.0, raises: str = ""
) -> Change:
    """A change of the place's own file; its confidence is the evidence's less ``less``, at most ``most``."""
    confidence = round(min((said.confidence if said else 0.5) - less, most), 3)
    return Change(place.path, text, says, said.words if said else "", confidence, raises)
