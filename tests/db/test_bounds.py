"""What is stored of a record: whatever a stranger sends, each database takes it."""

from __future__ import annotations

import json

import pytest

from core.models import Kind, Record, bounds, now


def stored(**attributes) -> dict:
    record = Record(
        source="otlp", vendor_id="1", kind=Kind.LOG, at=now(), service="cart", environment="production", level="error",
        title="odd", message="odd", attributes=attributes,
    )  # fmt: skip
    return bounds.bounded(record)["attributes"]


@pytest.mark.parametrize(
    ("name", "value"),
    [("a\0b", 1), ("n" * 201, 1), ("\ud800", "x"), ("plain", "a\0b"), ("plain", 2**70), ("plain", float("nan"))],
)
def test_no_name_and_no_value_is_stored_that_a_database_refuses(name, value):
    [(kept, found)] = stored(**{name: value}).items()
    text = json.dumps({kept: found}, allow_nan=False)
    assert "\\u0000" not in text and "\\ud800" not in text and len(kept) <= bounds.NAME


def test_the_number_of_entries_is_bounded():
    assert len(stored(**{f"n{number}": 1 for number in range(bounds.ENTRIES + 5)})) == bounds.ENTRIES


def test_a_usual_record_is_stored_unchanged():
    assert stored(host="web-1", count=3, none=None) == {"host": "web-1", "count": 3, "none": None}
