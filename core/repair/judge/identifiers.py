"""Detects confusable names: of mixed scripts, of a script that the file does not use, or changed by NFKC. Pure.

A script is the first word of a character's Unicode name; Japanese, Chinese and Korean legitimately mix scripts (Unicode
Technical Standard 39, "highly restrictive"). Python normalizes names to NFKC, so a name in another form is hidden.
"""

from __future__ import annotations

import io
import re
import tokenize
import unicodedata
from collections.abc import Iterator

_TOGETHER = (
    {"LATIN", "CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA"},
    {"LATIN", "CJK", "BOPOMOFO"},
    {"LATIN", "CJK", "HANGUL"},
)
_CODING = re.compile(r"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")


def odd_names(old: str, new: str) -> str:
    """Why a new name in the text is confusable with another; empty if none is."""
    if old.isascii() and new.isascii() and not _coding(new):
        return ""
    if (coding := _coding(new)) and coding != _coding(old):
        return f"is to be read as {coding}"
    known = set(_names(old))
    used = {script for name in known for script in scripts(name)} | {"LATIN"}
    reasons = (_odd(name, used) for name in _names(new) if name not in known)
    return next(filter(None, reasons), "")


def scripts(text: str) -> set[str]:
    """Scripts of the text's letters: ``{"LATIN", "CYRILLIC"}``."""
    return {unicodedata.name(char, "UNKNOWN").split(" ")[0] for char in text if char.isalpha()}


def mixed(text: str) -> bool:
    found = scripts(text)
    return len(found) > 1 and not any(found <= together for together in _TOGETHER)


def _odd(name: str, used: set[str]) -> str:
    shown = name.encode("ascii", "backslashreplace").decode()
    if unicodedata.normalize("NFKC", name) != name:
        return f"a name that Python reads as another: {shown}"
    if mixed(name):
        return f"a name of mixed scripts: {shown}"
    return f"a name of a script that the file does not use: {shown}" if scripts(name) - used else ""


def _names(text: str) -> Iterator[str]:
    """Names as written in the source; ``ast`` normalizes them to NFKC."""
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.NAME:
                yield token.string
    except (tokenize.TokenError, SyntaxError):
        return


def _coding(text: str) -> str:
    """The encoding that the first two lines declare, if it is not UTF-8, in which the platform reads the text."""
    found = [match[1].lower() for line in text.splitlines()[:2] if (match := _CODING.match(line))]
    return next((name for name in found if name.replace("_", "-") not in ("utf-8", "utf8")), "")
