"""The worst texts of a given length: shapes that make patterns and loops start anew at every character. Pure.

``near_misses`` reads a pattern's own syntax tree: what it repeats is repeated, and each of its beginnings is
repeated without the end that it waits for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from re import _constants as op
from re import _parser as parser

MOST = 24  # branches of one alternative that are followed
SHAPES = {
    "letters": "a",
    "capitals": "A",
    "digits": "1",
    "hexadecimal": "0123456789abcdef",
    "underscores": "_",
    "spaces": " ",
    "tabs": "\t",
    "line ends": "\n",
    "carriage returns": "\r\n",
    "quotes": "'",
    "double quotes": '"',
    "back-ticks": "`",
    "open quotes with digits": "'1",
    "dotted": "a.",
    "dashed": "a-",
    "dots": ".",
    "commas": "1,",
    "colons": ":",
    "slashes": "/",
    "back-slashes": "\\",
    "round brackets": "(",
    "square brackets": "[",
    "curly brackets": "{",
    "angle brackets": "<",
    "pairs of brackets": "[]",
    "words in brackets": "[a ",
    "objects": '{"a":',
    "lists in objects": '[{"a":',
    "stars": "*",
    "equals": "a=",
    "at signs": "a@",
    "accents": "é",
    "combining": "e\u0301",
    "other digits": "²٣",
    "wide": "🧩",
    "right to left": "\u202e",
    "zeros": "\0",
    "half characters": "\ud800",
    "frames": '  File "a/b.py", line 1, in f\n    x = 1\n',
    "frames without a line": '  File "a',
    "frames of a browser": "    at f (a.js:1:2)\n",
    "exceptions": "a.b.KeyError: x\n",
    "causes": "\nThe above exception was the direct cause of the following exception:\n\n",
    "addresses": "a://u:",
    "lines": "2026-01-05 08:00:00 ERROR [a] x=1\n",
    "hunks": "@@ -1 +1 @@\n-a\n+b\n",
    "folded words": "The order 12 of customer 34 failed ",
}
HARMLESS = (
    "2026-01-05 08:00:00,123 INFO shop.cart: order 4711 of customer 42 was placed in 12 ms\n"
    "The cart holds three books, and the postman rings twice before he leaves the parcel at the door.\n"
    '  File "/srv/shop/cart.py", line 3, in show\n'
    "    total = sum(line.price * line.count for line in lines)\n"
)


def filled(piece: str, length: int) -> str:
    return (piece * (length // max(1, len(piece)) + 1))[:length]


def shapes(length: int) -> Iterator[tuple[str, str]]:
    """(name, text of the length), whatever the pattern."""
    for name, piece in SHAPES.items():
        yield name, filled(piece, length)


def near_misses(pattern: str, flags: int, length: int) -> Iterator[tuple[str, str]]:
    """(name, text of the length) that nearly match a pattern, in many places or over a long way."""
    seen: set[str] = set()
    for tree in _ways(parser.parse(pattern, flags & ~re.DEBUG)):
        begun = ""
        for piece, repeated in tree:
            for one in {piece, begun + piece} if piece else ():
                if one not in seen:
                    seen.add(one)
                    yield f"{one[:24]!r} again and again", filled(one, length)
            if repeated and begun and (begun, piece) not in seen:
                seen.add((begun, piece))
                yield f"{begun[:24]!r}, then {piece[:12]!r} without an end", begun + filled(piece, length - len(begun))
            begun += piece


def _ways(tree) -> Iterator[list[tuple[str, bool]]]:
    """A few samples of a pattern: one for each branch; a sample is (text, whether the pattern repeats it) in order."""
    for number in range(MOST):
        yield [*_walk(tree, number)]


def _walk(tree, number: int) -> Iterator[tuple[str, bool]]:
    for kind, value in tree:
        if kind is op.BRANCH:
            yield from _walk(value[1][number % len(value[1])], number)
        elif kind is op.SUBPATTERN:
            yield from _walk(value[-1], number)
        elif kind in (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT):
            inner = "".join(text for text, _ in _walk(value[2], number))
            yield inner * max(1, min(value[0], 40)), value[1] > 40
        elif kind is op.ATOMIC_GROUP:
            yield from _walk(value, number)
        else:
            yield _char(kind, value, number), False


def _char(kind, value, number: int) -> str:
    if kind is op.LITERAL:
        return chr(value)
    if kind is op.IN:
        return _member([v for v in value if v[0] is not op.NEGATE], value[0][0] is op.NEGATE, number)
    return "x" if kind in (op.ANY, op.NOT_LITERAL) else ""


CATEGORIES = {op.CATEGORY_DIGIT: "1", op.CATEGORY_SPACE: " ", op.CATEGORY_WORD: "a"}


def _member(members: list, negated: bool, number: int) -> str:
    if negated:
        told = {chr(v) for kind, v in members if kind is op.LITERAL}
        return next(c for c in "x1 .-_" if c not in told)
    kind, value = members[number % len(members)]
    if kind is op.RANGE:
        return chr(value[0])
    return chr(value) if kind is op.LITERAL else CATEGORIES.get(value, "-")


def few(texts: Iterator[tuple[str, str]], most: int) -> list[tuple[str, str]]:
    return [*islice(texts, most)]
