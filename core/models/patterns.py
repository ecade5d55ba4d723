"""Patterns for a stranger's text: RE2 matches in time linear in the text, whatever the text holds.

Python's ``re`` tries anew from every character and may go back over all that it read, so a few kilobytes made for a
pattern cost it minutes. RE2 (R. Cox, "Regular Expression Matching in the Wild", 2010) runs an automaton instead; it
has neither look-around nor back-references, and its ``\\w``, ``\\d`` and ``\\b`` know ASCII alone. A pattern that needs
those stays with ``re`` and is written so that it reads no stretch of text twice: bounded or possessive repetitions,
and a look-behind where a run begins. tests/attacks/test_hostile_text.py measures every one of both kinds.
"""

from __future__ import annotations

from typing import Any

import re2

LONGEST = 40_000  # characters that are read of one text, unless a pattern says otherwise
NUMBER = r"\d{1,9}"  # a number that int() reads at once and every database holds


class Linear:
    """A compiled pattern that reads the first ``most`` characters of a text. Its matches are as those of ``re``."""

    def __init__(self, pattern: str, flags: str = "", most: int = LONGEST, needs: tuple[str, ...] = ()):
        """``flags`` are RE2's letters: i (ignore case), m (^ and $ at each line), s (a dot is any character).

        ``needs``: without one of these words in it a text cannot match; looking for them first is the cheaper way.
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
    """The text as UTF-8 holds it, which RE2, files, mail and databases take: half a character becomes ``?``."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")
