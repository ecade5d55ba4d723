"""The policy as an attack: values that switch a guard off without a word, and texts that would become other keys."""

from __future__ import annotations

import pytest

from core.models import storable
from core.policy.reader import ConfigurationError, parse_policy
from core.policy.versions import edited
from tests.attacks.payloads import payloads
from tests.screens import PLATFORM

LIMITS = [
    "guards.critical_confidence", "severity.critical", "severity.high", "thresholds.escalate_below", "weights.analysis",
    "history.prior", "watch.error_rate_margin", "watch.latency_factor", "fix.coverage", "fix.slowdown",
    "fix.models.usd_per_day", "fix.models.usd_per_issue", "access.session_hours", "access.lock_minutes",
]  # fmt: skip


@pytest.mark.parametrize("value", ["nan", "-nan", "inf", "-inf"])
@pytest.mark.parametrize("key", LIMITS)
def test_no_limit_is_a_number_that_limits_nothing(key, value):
    section, name = key.rsplit(".", 1)
    with pytest.raises(ConfigurationError, match=name if section != "weights" else ""):
        parse_policy(f"[{section}]\n{name} = {value}\n", "platform.toml")


BREAKING = ["x = " + "[" * 5000 + "]" * 5000, "x = " + "{a = " * 5000, "[approval]\nexpires_minutes = 1000000000000"]


@pytest.mark.parametrize("text", BREAKING, ids=["arrays", "tables", "an end beyond all years"])
def test_a_policy_that_would_break_its_reader_is_refused(text):
    with pytest.raises(ConfigurationError):
        parse_policy(text, "platform.toml")


@pytest.mark.parametrize("rule", ['four_eyes = "never"', "four_eyes = false", 'four_eyes = ""'])
def test_four_eyes_have_no_off(rule):
    with pytest.raises(ConfigurationError):
        parse_policy(f"[approval]\n{rule}\n", "platform.toml")


def test_a_text_in_the_form_stays_the_value_of_its_key():
    before = parse_policy(PLATFORM, "platform.toml").model_dump()
    for text in map(storable, payloads()):
        made = parse_policy(edited(PLATFORM, {"guards.critical_services": [text]}), "platform.toml").model_dump()
        assert made["guards"].pop("critical_services") == [text]
        expected = {name: dict(value) if name == "guards" else value for name, value in before.items()}
        expected["guards"].pop("critical_services")
        assert made == expected, text
