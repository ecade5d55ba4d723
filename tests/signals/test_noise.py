"""Noise: which signals are suppressed, and why."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from core.models import Record
from core.signals.grouping.noise import ActiveSilence, Context, PlannedMaintenance, verdict

AT = datetime(2026, 1, 5, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def record(kind="exception", **more) -> Record:
    return Record(**{"source": "t", "vendor_id": "1", "at": AT, "service": "shop", "title": "boom"} | more, kind=kind)


CRASH = {"exception": {"type": "KeyError"}, "frames": [{"file": "a.py"}]}


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (record(), None),
        (record("log", level="error", message='GET /x HTTP/1.1" 500'), None),
        (record("log", message='GET /x HTTP/1.1" 404 17'), "a user's own error (HTTP 404)"),
        (record(attributes={"http": {"status_code": 422}}), "a user's own error (HTTP 422)"),
        (record(attributes={"status_code": "429"}), None),
        (record(attributes={"status_code": 400}, crash=CRASH), None),
        (record("log", message="order 404 was lost"), None),
        (record(level="warning", crash=CRASH), "handled: the program reports it as warning"),
        (record("log", level="info"), "logged as info: an expected rejection or a notice"),
        (record("alert", level="warning"), None),
        (record("alert", attributes={"state": "OK"}), "an alert's recovery"),
        (record("report", level="info"), None),
        (record("change"), "a change, not a fault"),
    ],
)
def test_reasons_from_the_record(given, reason):
    assert verdict(given) == reason


@pytest.mark.parametrize(
    ("context", "reason"),
    [
        (
            Context(silences=[ActiveSilence(AT + HOUR, service="sh*", by="ada")]),
            "silenced by ada until 2026-01-05 13:00 UTC",
        ),
        (Context(silences=[ActiveSilence(AT)]), None),
        (Context(silences=[ActiveSilence(AT + HOUR, title="other")]), None),
        (Context(maintenance=[PlannedMaintenance(AT, AT + HOUR)]), "planned maintenance until 2026-01-05 13:00 UTC"),
        (Context(maintenance=[PlannedMaintenance(AT, AT + HOUR, ("mail",))]), None),
        (Context(maintenance=[PlannedMaintenance(AT - HOUR, AT)]), None),
        (Context(known={"f": "will be cured in 2.1"}, fingerprint="f"), "known: will be cured in 2.1"),
        (Context(known={"f": "x"}, fingerprint="g"), None),
    ],
)
def test_reasons_from_the_context(context, reason):
    assert verdict(record(), context) == reason


@pytest.mark.parametrize(
    ("kind", "minutes", "reason"),
    [
        ("alert", (1, 5, 9, 20), "flapping: 4 state changes in 30 min"),
        ("alert", (1, 5, 9), None),
        ("alert", (1, 5, 9, 31), None),
        ("exception", (1, 5, 9, 20), None),
    ],
)
def test_flapping(kind, minutes, reason):
    changes = [AT - timedelta(minutes=m) for m in minutes]
    assert verdict(record(kind), Context(state_changes=changes)) == reason
