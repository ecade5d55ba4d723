"""Patterns for untrusted text: RE2 matches any text in linear time.

Python's ``re`` starts again at every character and may backtrack over all it has read, so a few kilobytes crafted for
a pattern can take minutes. RE2 (R. Cox, "Regular Expression Matching in the Wild", 2010) runs an automaton instead; it
has neither look-around nor back-references, and its ``\\w``, ``\\d`` and ``\\b`` match ASCII only. A pattern that needs
those stays with ``re`` and reads no text twice: bounded or possessive repetitions, and a look-behind at the start of a
run. tests/attacks/test_hostile_text.py measures all patterns of both kinds.
"""

from __future__ import annotations

from typing import Any

import re2

LONGEST = 40_000  # characters read of one text, unless a pattern sets another limit
NUMBER = r"\d{1,9}"  # a number that int() parses quickly and every database can hold


class Linear:
    """A compiled pattern that reads the first ``most`` characters of a text. Its matches are like those of ``re``."""

    def __init__(self, pattern: str, flags: str = "", most: int = LONGEST, needs: tuple[str, ...] = ()):
        """``flags`` are RE2's letters: i (ignore case), m (^ and $ at each line), s (a dot is any character).

        ``needs``: a text without any of these words cannot match; the search for them is cheaper.
        """
        options = re2.Options()
        options.log_errors = False
        self.pattern, self.most, self.needs = pattern, most, needs
        self.compiled = re2.compile(f"(?{flags}){pattern}" if flags else pattern, options)

    def search(self, text: str) -> Any:
        text = text[: self.most]
        if self.needs and not any(word in text for word in self.needs):
            return None
        return self.compiled.search(whole(text))

    def match(self, text: str) -> Any:
        return self.compiled.match(whole(text[: self.most]))

    def sub(self, shown: str, text: str) -> str:
        """The text, cut, with each match replaced; ``shown`` may name groups as ``\\1``."""
        return self.compiled.sub(shown, whole(text[: self.most]))


def whole(text: str) -> str:
    """The text as valid UTF-8 for RE2, files, mail and databases: a lone surrogate becomes ``?``."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")
