"""Python lines as safe HTML with syntax colours, by Pygments.

Only Python is coloured: that is what a fix may change. A text that is longer than a fix is shown plain, so that no
crafted patch costs a page its time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from pygments.lexers.python import PythonLexer
from pygments.token import Comment, Keyword, Name, Number, Operator, String, _TokenType

from console.ui.markup import Safe, esc, join, tag

LONGEST = 40_000  # characters that are coloured
LINE = 400  # characters of a coloured line
ALIKE = 0.6  # from this likeness on, the words that differ are marked
CLASSES = (  # the first that holds a token counts
    (Comment, "d-syn-c"),
    (String, "d-syn-s"),
    (Number, "d-syn-n"),
    (Operator.Word, "d-syn-k"),
    (Keyword, "d-syn-k"),
    (Name.Decorator, "d-syn-f"),
    (Name.Function, "d-syn-f"),
    (Name.Class, "d-syn-f"),
)
WORDS = re.compile(r"\w+|\s+|.")  # linear: each branch begins with other characters
Parts = Sequence[tuple[str, str]]  # (class or "", text)


def coloured(lines: Sequence[str], path: str) -> list[Parts]:
    """The parts of each line; the lines are one piece of a file, so that a string may span several."""
    text = "\n".join(lines)
    if not path.endswith(".py") or len(text) > LONGEST or any(len(line) > LINE for line in lines):
        return [[("", line)] for line in lines]
    found: list[list[tuple[str, str]]] = [[]]
    for token, value in PythonLexer(stripnl=False, ensurenl=False).get_tokens(text):
        for place, piece in enumerate(value.split("\n")):
            if place:
                found.append([])
            _add(found[-1], _class(token), piece)
    if ["".join(piece for _, piece in parts) for parts in found] != list(lines):
        return [[("", line)] for line in lines]  # the lexer read other lines than we do, as after a form feed
    return list(found)


def _add(parts: list[tuple[str, str]], name: str, text: str) -> None:
    """Neighbours of one class are one part."""
    if parts and parts[-1][0] == name:
        text = parts.pop()[1] + text
    parts.append((name, text))


def _class(token: _TokenType) -> str:
    return next((name for kind, name in CLASSES if token in kind), "")


def line(parts: Parts, other: str | None = None) -> Safe:
    """One line; the words that ``other`` lacks are marked, unless the two differ too much."""
    text = "".join(piece for _, piece in parts)
    marks = differing(text, other) if other is not None else []
    return join(_piece(*piece) for piece in _split(parts, marks))


def differing(mine: str, other: str) -> list[tuple[int, int]]:
    """The spans of ``mine`` that ``other`` lacks; none if the texts differ too much."""
    if len(mine) + len(other) > 600:
        return []
    a, b = WORDS.findall(mine), WORDS.findall(other)
    matcher = SequenceMatcher(None, a, b, autojunk=False)
    if matcher.ratio() < ALIKE:
        return []
    starts = [0]
    for word in a:
        starts.append(starts[-1] + len(word))
    return [(starts[i], starts[j]) for kind, i, j, _, _ in matcher.get_opcodes() if kind != "equal" and i < j]


def _split(parts: Parts, marks: Sequence[tuple[int, int]]) -> Iterator[tuple[str, str, bool]]:
    """The parts cut at the marks: (class, text, marked)."""
    at = 0
    for name, text in parts:
        cuts = sorted({0, len(text), *(edge - at for mark in marks for edge in mark if 0 < edge - at < len(text))})
        for begin, end in zip(cuts, cuts[1:], strict=False):
            yield name, text[begin:end], any(low <= at + begin < high for low, high in marks)
        at += len(text)


def _piece(name: str, text: str, marked: bool) -> Safe:
    inner = tag("span", text, class_=name) if name else esc(text)
    return tag("mark", inner) if marked else inner
