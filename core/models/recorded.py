"""The plain JSON of a value whose recorded keys are older than the names of its fields.

Rows, receipts, steps and public answers hold the sentence for people under ``says``. Old and new code both read that
key, so it stays, whatever the field is called.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

KEYS = {
    "message": "says",
    "messages": "says",
    "row_message": "row_says",
    "duplicate_of": "twin",
}  # field -> recorded key


def key(field: str) -> str:
    """The key under which a field is recorded."""
    return KEYS.get(field, field)


def plain(value: Any) -> dict[str, Any]:
    """``asdict`` of a dataclass, with the recorded keys at its top level."""
    return {key(name): item for name, item in asdict(value).items()}
