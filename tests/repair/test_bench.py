"""The inputs of a bench: the same outcome in any order, and the crash itself whatever the machine does."""

from __future__ import annotations

import pytest

from core.models import Crash
from core.policy.sections import FixRules
from core.repair import bench
from core.repair.bench import Bench
from core.repair.sandbox.probe import Call, ProbeOutcome

CRASH = Crash(exception={"type": "KeyError"}, frames=[{"file": "a.py", "line": 1, "function": "f"}])
HIT, NEAR, RANDOM, ODD = (Call("", text, odd=text == "odd") for text in ("hit", "near", "random", "odd"))
CALLS = [HIT, NEAR, RANDOM, ODD]


def said(call: Call, number: int) -> ProbeOutcome:
    return ProbeOutcome(error="KeyError") if call is HIT else ProbeOutcome(result=f"{call.expression} {number}")


@pytest.mark.parametrize(
    ("most", "kept"),
    [(8, [HIT, NEAR]), (7, [HIT, NEAR]), (6, [HIT]), (4, [HIT]), (1, [HIT]), (0, [HIT])],  # outcomes before it is cut
)
def test_a_run_that_is_cut_short_keeps_the_crash(tmp_path, monkeypatch, most, kept):
    def probe(_tree, calls, _runner, _timeout):
        found = [said(call, place if call is RANDOM else 0) for place, call in enumerate(calls)]
        return found[:most] if len(calls) > 1 else found

    monkeypatch.setattr(bench, "probe", probe)
    monkeypatch.setattr(bench, "_inputs", lambda *_: (CALLS, []))
    made = Bench(tmp_path, CRASH, None, {}, FixRules(), ["**"]).on([HIT])
    assert (list(made.calls), made.hits, len(made.before)) == (kept, 1, len(kept))
