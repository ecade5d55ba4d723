"""Pressure of a host at the onset: when it is one, and when it turns "code" into "environment"."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from core.models import Cause, Record
from core.policy.infrastructure import InfrastructureRules
from core.signals.analysis.analyst import EmbeddedAnalyst
from core.signals.analysis.host_pressure import HostSamples, pressure
from core.signals.analysis.types import IssueFacts

AT = datetime(2026, 1, 5, 4, 3, tzinfo=UTC)
RULES = InfrastructureRules(limits={"queue_depth": 100})
BUSY = HostSamples("shop-1", "cpu", [40, 42, 39], [97, 99, 98])


@pytest.mark.parametrize(
    ("samples", "found"),
    [
        (BUSY, True),
        (HostSamples("shop-1", "cpu", [40, 42], [60, 97, 96]), True),
        (HostSamples("shop-1", "cpu", [40, 42], [60, 61, 99]), False),  # one peak is no pressure
        (HostSamples("shop-1", "cpu", [40, 42], [40, 41, 40, 60, 97, 99]), True),  # it began right before the onset
        (HostSamples("shop-1", "memory", [97, 97], [98, 98]), False),  # it always runs at its limit
        (HostSamples("shop-1", "memory", [], [98, 98]), False),  # what is usual is not known
        (HostSamples("shop-1", "memory", [50], []), False),
        (HostSamples("shop-1", "queue_depth", [3], [400]), True),
        (HostSamples("shop-1", "colour", [3], [400]), False),  # no limit is set
    ],
)
def test_pressure_is_a_new_rise_to_the_limit(samples, found):
    assert bool(pressure([samples], RULES)) == found


def analyzed(kind: str, message: str, code: str, **more):
    frame = {"file": "shop/cart.py", "line": 9, "function": "add", "code": code}
    crash = {"exception": {"type": kind, "message": message}, "frames": [frame]}
    record = Record(source="sentry", vendor_id="1", kind="exception", service="shop", at=AT, title="x", crash=crash)
    return EmbeddedAnalyst().analyze(IssueFacts("x", "shop", [record], **more))


def test_pressure_turns_code_into_environment_and_says_why():
    crash = "RuntimeError", "can't start new thread", "pool.submit(work)"
    assert analyzed(*crash).cause is Cause.CODE
    found = analyzed(*crash, pressure=pressure([BUSY], RULES))
    assert found.cause is Cause.ENVIRONMENT
    assert found.root_cause.startswith("Host shop-1: cpu went from 40 to 98 at the onset; the limit is 95; no value in")
    assert found.next_step.startswith("Relieve the host")
    assert any(row["says"].startswith("host shop-1: cpu") for row in found.evidence)


def test_a_failure_that_the_values_explain_stays_code():
    found = analyzed("KeyError", "'sku'", 'item["sku"]', pressure=pressure([BUSY], RULES))
    assert found.cause is Cause.CODE and "At the time, host shop-1: cpu went from 40 to 98" in found.root_cause


def test_a_release_right_before_keeps_the_code_the_suspect():
    change = Record(
        source="github", vendor_id="c", kind="change", service="shop", at=AT, title="faster", release="a1b2"
    )
    crash = "RuntimeError", "can't start new thread", "pool.submit(work)"
    assert analyzed(*crash, pressure=pressure([BUSY], RULES), changes=[change]).cause is Cause.CODE
