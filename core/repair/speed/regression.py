"""Writes the benchmark as a regression test that asserts a count or a ratio of CPU times, never a time. Pure.

The bound lies in the middle (geometric mean) between what the slow and the fast code cost. The number of calls is taken
where it tells both apart. Otherwise the work is done in C: then the CPU time is compared with that of a fixed loop in
the same process, if the distance is large enough for a busy machine.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from pathlib import PurePosixPath

from core.models import Crash, Frame, Raised
from core.repair.prove.measures import COUNT, RATIO, Measure
from core.repair.reproduce.reproduce import name_part
from core.repair.sandbox.probe import Call
from core.repair.speed.benchmark import Measured, Timing
from core.repair.speed.slowdown import Slowdown
from core.repair.types import RegressionTest

COUNTED = 1.5  # the least ratio of calls that a count tells apart
TIMED = 4.0  # the least ratio of CPU times that a bound in its middle tells apart on a busy machine
LEAST = 0.005  # fixed loops that the slow code costs; less is too short for the clock


def written(calls: Sequence[Call], measured: Measured, slowdown: Slowdown, tests: str) -> RegressionTest | None:
    """The test, with the input that tells slow and fast code apart the best. None if none does so reliably."""
    each = list(zip(calls, measured.each, strict=True))
    call, timing = max(each, key=lambda pair: pair[1].old_calls / max(pair[1].new_calls, 1))
    if timing.old_calls >= COUNTED * timing.new_calls:
        return _test(call, COUNT, math.floor(_middle(timing.old_calls, timing.new_calls)), slowdown, tests)
    call, timing = max(each, key=lambda pair: _apart(pair[1]))
    if _apart(timing):
        bound = _middle(timing.old / timing.unit, timing.new / timing.unit)
        return _test(call, RATIO, float(f"{bound:.6f}"), slowdown, tests)
    return None


def _apart(timing: Timing) -> float:
    """How many times the old code's cost is the new one's; 0 if a bound between them would be unreliable."""
    long_enough = timing.unit > 0 and timing.old / timing.unit >= LEAST
    ratio = timing.old / max(timing.new, 1e-9)
    return ratio if long_enough and ratio >= TIMED else 0.0


def _middle(old: float, new: float) -> float:
    return math.sqrt(max(old, 1e-9) * max(new, 1e-9))


def red(test: RegressionTest) -> Crash:
    """How the test fails on slow code: by its own assertion."""
    name = test.code.partition("\ndef ")[2].partition("(")[0]
    frame = Frame(file=test.path, function=name)
    return Crash(exception=Raised(type="AssertionError"), frames=(frame,))


def _test(call: Call, measure: Measure, bound: float, slowdown: Slowdown, tests: str) -> RegressionTest:
    place = slowdown.places[0]
    function = name_part(place.function, "call")
    about, name = f'"""The work of {function} stays below that of the slow code."""', f"test_{function}_stays_fast"
    code = measure.around(call.imports, name, call.setup, call.expression, bound)
    where = hashlib.sha256(f"slowdown|{place.file}:{place.function}".encode()).hexdigest()[:10]
    path = PurePosixPath(tests, f"test_regression_{where}.py").as_posix()
    return RegressionTest(path, f"{about}\n\n{code}", call.expression)
