"""Values of untrusted JSON as the type that a reader expects. Pure."""

from __future__ import annotations

from typing import Any


def mapping(value: Any) -> dict:
    """The value if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def first(*values: Any) -> str:
    """The first of these that says anything, as a text."""
    return str(next(filter(None, values), ""))


def text(value: Any) -> str:
    return str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else ""
