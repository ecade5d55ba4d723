"""What every template gives back: the changed text of one file, with its reasons."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from core.models import Frame
from core.repair.localize.locate import Place
from core.repair.localize.syntax import Function
from core.repair.propose.documentation import Said
from core.repair.types import Evidence


@dataclass(frozen=True)
class Change:
    """``path`` gets the new ``text``; ``says`` is the rationale, ``why`` the evidence with its ``grade``."""

    path: str
    text: str
    says: str
    why: str = ""
    confidence: float = 0.5
    raises: str = ""
    grade: Evidence = Evidence.NONE


Changes = Iterator[Change]


def at(place: Place, path: str, line: int = 0) -> Place:
    """A line of another file of the program, its beginning by default; nothing is known of its values."""
    text = place.text if path == place.path else (place.tree / path).read_text(encoding="utf-8")
    return Place(place.tree, path, text, Frame(file=path, line=line), place.crash)


def inside(place: Place, path: str, function: Function) -> Place:
    """The end of a function of the program."""
    return at(place, path, function.body[-1].lineno)


def change(
    place: Place, text: str, says: str, said: Said | None = None, most: float = 1.0, less: float = 0.0, raises: str = ""
) -> Change:
    """A change of the place's own file; its confidence is the evidence's less ``less``, at most ``most``."""
    confidence = round(min((said.confidence if said else 0.5) - less, most), 3)
    return Change(place.path, text, says, said.words if said else "", confidence, raises)
