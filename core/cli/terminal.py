"""Texts of strangers on a terminal, which obeys control characters: they could hide lines or set its clipboard."""

from __future__ import annotations


def shown(text: str) -> str:
    """The text with U+FFFD for each character that a terminal does not print; line breaks and tabs stay."""
    return "".join(c if c.isprintable() or c in "\n\t" else "\ufffd" for c in text)
