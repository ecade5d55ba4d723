"""All analysts are asked at the same time; none that fails or is late stops the others or is hidden."""

from __future__ import annotations

from threading import Barrier, Event

import pytest

from console.parts import opinions as part
from core.models import Cause, Impact, Severity
from core.signals.analysis.types import Conclusion, IssueFacts
from core.stages.asking import ask
from core.vendors.base import VendorError
from core.vendors.opinion import tempered

FACTS = IssueFacts("KeyError", "cart", ())
KNOWN = Conclusion("embedded", "KeyError", Cause.CODE, Severity.LOW, Impact.LOW, 0.8, 0.9, "KeyError")


class Analyst:
    def __init__(self, name: str, does):
        self.name, self.does = name, does

    def analyze(self, evidence):
        return self.does(evidence)


def sure(name: str, confidence: float, cause: str = "code", words: str = "so") -> Conclusion:
    answer = {"root_cause": words, "cause": cause, "severity": "low", "impact": "low"}
    return tempered(name, "m", answer | {"confidence": confidence, "simplicity": 0.9}, KNOWN)


def fails(error: Exception):
    def work(_evidence):
        raise error

    return work


EMBEDDED = Analyst("embedded", lambda _: KNOWN)


def test_they_are_asked_at_the_same_time():
    both = Barrier(2, timeout=60)  # each waits for the other to be asked

    def meets(name):
        return lambda _: both.wait() is not None and sure(name, 0.6)

    found, notes = ask([Analyst("kestra", meets("kestra")), Analyst("openai", meets("openai")), EMBEDDED], FACTS)
    assert (found.analyst, notes) == ("kestra, openai, embedded", [])
    assert found.confidence == round((0.6 + 0.6 + 0.8) / 3, 3)


@pytest.mark.parametrize(
    ("does", "says"),
    [
        (fails(VendorError("kestra", "the flow ended FAILED")), "kestra is unavailable (the flow ended FAILED)"),
        (fails(ZeroDivisionError("a secret text")), "kestra is unavailable (ZeroDivisionError)"),
    ],
)
def test_one_that_fails_leaves_a_note_and_the_others_count(does, says):
    found, notes = ask([Analyst("kestra", does), Analyst("openai", lambda _: sure("openai", 0.6)), EMBEDDED], FACTS)
    assert (found.analyst, found.confidence) == ("openai, embedded", 0.7)
    assert notes == [{"says": says, "weight": 0}]


def test_without_the_embedded_one_the_models_count():
    broken = Analyst("embedded", fails(ZeroDivisionError("a secret text")))
    found, notes = ask([Analyst("openai", lambda _: sure("openai", 0.6)), broken], FACTS)
    assert found.analyst == "openai" and notes == [{"says": "embedded is unavailable (ZeroDivisionError)", "weight": 0}]


def test_one_that_is_late_is_not_waited_for():
    never = Event()
    found, notes = ask([Analyst("kestra", lambda _: never.wait()), EMBEDDED], FACTS, seconds=0.0)
    assert found == KNOWN and notes == [{"says": "kestra is unavailable (it did not answer in time)", "weight": 0}]
    never.set()


def test_without_any_answer_it_is_an_error():
    with pytest.raises(VendorError, match="no analyst responded: kestra is unavailable \\(down\\)"):
        ask(
            [Analyst("kestra", fails(VendorError("kestra", "down"))), Analyst("own", fails(VendorError("own", "x")))],
            FACTS,
        )


def test_the_screen_shows_who_said_what_escaped():
    evil = "<script>alert(1)</script>"
    found, _ = ask([Analyst("openai", lambda _: sure("openai", 0.6, "upstream", evil)), EMBEDDED], FACTS)
    shown = part.drawn(found.evidence, found.cause.value)
    assert "1 of 2 agree" in shown and "openai (m)" in shown and "upstream" in shown
    assert "<script>" not in shown and "&lt;script&gt;" in shown
    assert part.drawn(KNOWN.evidence, "code") == "", "alone, it needs no table"
    assert part.drawn(["text", {"opinion": 3}, {"opinion": {}}], "code"), "whatever is stored is drawn"
