"""What reads a stranger's text, and what such texts are put into. The tables are beside this: readers_*.py."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from core.models import Crash, Frame, Kind, Linked, Raised, Record

AT = datetime(2026, 1, 5, 8, tzinfo=UTC)
TRACE = (
    'Traceback (most recent call last):\n  File "/srv/shop/cart.py", line 3, in show\n    return cart["total"]\n'
    "KeyError: 'total'\n"
)
BROWSER = "TypeError: Cannot read properties of undefined (reading 'id')\n    at show (/srv/web/cart.js:10:5)\n"


@dataclass(frozen=True)
class Reader:
    """``errors`` are the ones that its documentation names; ``seeds`` are texts as they really come.

    ``json``: the text is JSON, whose values the hostile texts take in turn. ``slow``: thousands of steps a text, so
    that the fuzzers give it fewer. ``harmless``: what a harmless text is made of, where prose would not be read at all.
    """

    read: Callable[[str], Any]
    errors: tuple[type[Exception], ...] = ()
    seeds: tuple[str, ...] = (TRACE, BROWSER)
    json: bool = False
    slow: bool = False
    harmless: str = ""


def record(text: str, kind: Kind = Kind.LOG, **more: Any) -> Record:
    told = {"source": "a", "vendor_id": text[:100], "kind": kind, "at": AT, "service": text[:300], "title": text}
    return Record(**told | {"message": text} | more)


def crash(text: str, kind: str = "KeyError") -> Crash:
    frame = Frame(file=text, line=3, function=text, code=text, locals={"cart": text, text[:50]: "None", "zero": "0"})
    link = Linked(type="OSError", message=text, frames=(frame,))
    return Crash(exception=Raised(type=kind, message=text), frames=(frame, frame), chain=(link,), logs=(text, text))
