"""Strict JSON for untrusted input: rejects values that Python accepts but a database or a page cannot hold.

RFC 8259 leaves repeated names, huge numbers and lone surrogates to the parser, and has neither NaN nor Infinity. Pure.
"""

from __future__ import annotations

import json
import math

DEEPEST = 50
LARGEST = 2**63  # the limit of a database's widest integer


class Unreadable(ValueError):
    """The text is not acceptable JSON; the message gives the reason and quotes none of the text."""


def loads(text: str | bytes) -> object:
    """The value. Raises Unreadable."""
    try:
        found = json.loads(
            text, parse_int=_whole, parse_float=_real, parse_constant=_constant, object_pairs_hook=_object
        )
    except Unreadable:
        raise
    except RecursionError:
        raise Unreadable(f"nested deeper than {DEEPEST} levels") from None
    except ValueError:
        raise Unreadable("not JSON") from None
    if fault := unfit(found):
        raise Unreadable(fault)
    return found


def _whole(text: str) -> int:
    if len(text) > 20 or not -LARGEST <= int(text) < LARGEST:
        raise Unreadable("a whole number has more than 64 bits")
    return int(text)


def _real(text: str) -> float:
    if not math.isfinite(value := float(text)):
        raise Unreadable("a number is too large")
    return value


def _constant(_text: str) -> float:
    raise Unreadable("NaN and Infinity are not valid JSON")


def _object(pairs: list[tuple[str, object]]) -> dict:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Unreadable("a name is repeated in an object")
    return found


def unfit(value: object) -> str:
    """Why a database cannot hold this value; empty if it can."""
    left = [(value, 1)]
    while left:
        one, depth = left.pop()
        if depth > DEEPEST:
            return f"nested deeper than {DEEPEST} levels"
        if isinstance(one, str) and not storable(one):
            return "a text holds a character that cannot be stored: NUL, or half of a surrogate pair"
        if isinstance(one, dict):
            left += [(part, depth + 1) for pair in one.items() for part in pair]
        elif isinstance(one, list | tuple):
            left += [(part, depth + 1) for part in one]
    return ""


def storable(text: str) -> bool:
    """No NUL, which PostgreSQL refuses, and no lone surrogate, which is not valid UTF-8."""
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)
