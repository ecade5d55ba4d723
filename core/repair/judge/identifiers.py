"""Names that read like others: of mixed scripts, of a script that the program does not use, or changed by Python.

A script is the first word of a character's Unicode name; Japanese, Chinese and Korean mix theirs by custom (Unicode
Technical Standard 39, "highly restrictive"). Python reads names in their NFKC form, so another form hides one. Pure.
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
    """Why a name that is new in the text could be taken for another; empty when none could."""
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
    """Names as they are written; ``ast`` has them in their NFKC form."""
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.NAME:
                yield token.string
    except (tokenize.TokenError, SyntaxError):
        return


def _coding(text: str) -> str:
    """The encoding that the first two lines declare, unless it is UTF-8, in which the text is read here."""
    found = [match[1].lower() for line in text.splitlines()[:2] if (match := _CODING.match(line))]
    return next((name for name in found if name.replace("_", "-") not in ("utf-8", "utf8")), "")
