"""Writes the benchmark as a regression test that asserts a count or a ratio of CPU times, never a time. Pure.

The bound lies in the middle (geometric mean) between what the slow and the fast code cost. The number of calls is taken
where it tells both apart. Otherwise the work is done in C: then the CPU time is compared with that of a fixed loop in
the same process, if the distance is large enough for a busy machine.
"""

from __future__ import annotations

import hashlib
import math
import textwrap
from collections.abc import Sequence
from pathlib import PurePosixPath

from core.models import Crash, Frame, Raised
from core.repair.reproduce.reproduce import docstring, name_part
from core.repair.sandbox.probe import Call
from core.repair.speed.benchmark import Measured, Timing
from core.repair.speed.slowdown import Slowdown
from core.repair.types import RegressionTest

COUNTED = 1.5  # the least ratio of calls that a count tells apart
TIMED = 4.0  # the least ratio of CPU times that a bound in its middle tells apart on a busy machine
COUNT = """\
counted_calls = 0

def count_call(frame, event, argument):
    nonlocal counted_calls
    counted_calls += event in ("call", "c_call")

{setup}profile_before = sys.getprofile()
sys.setprofile(count_call)
try:
    {call}
finally:
    sys.setprofile(profile_before)
assert counted_calls <= {bound}, f"it makes {{counted_calls}} calls; more than {bound} are the slow code's"
"""
RATIO = """\
def cost_of(work):
    runs, start = 0, time.process_time()
    while time.process_time() - start < 0.3:
        work()
        runs += 1
    return (time.process_time() - start) / runs

{setup}cost_of_loop = cost_of(lambda: sum(range(200_000)))
ratio_to_loop = cost_of(lambda: {call}) / cost_of_loop
assert ratio_to_loop <= {bound}, f"it costs {{ratio_to_loop:.2f}} fixed loops; more than {bound} is the slow code's"
"""


Made = tuple[RegressionTest, Call]


def written(calls: Sequence[Call], measured: Measured, slowdown: Slowdown, tests: str) -> Made | None:
    """The test, with the input that tells slow and fast code apart the best. None if none does so reliably."""
    each = list(zip(calls, measured.each, strict=True))
    call, timing = max(each, key=lambda pair: pair[1].old_calls / max(pair[1].new_calls, 1))
    if timing.old_calls >= COUNTED * timing.new_calls:
        return _test(call, COUNT, "sys", _between(timing.old_calls, timing.new_calls, 0), slowdown, tests)
    call, timing = max(each, key=lambda pair: _units(pair[1]) * pair[1].old)
    if timing.old >= TIMED * timing.new and timing.unit:
        bound = _between(timing.old / timing.unit, timing.new / timing.unit, 3)
        return _test(call, RATIO, "time", bound, slowdown, tests)
    return None


def bare(test: RegressionTest, call: Call) -> RegressionTest:
    """The test without its measure: all of it that is not the platform's own text."""
    body = textwrap.indent("\n".join(filter(None, [call.setup, call.expression])), "    ")
    return RegressionTest(test.path, f"{call.imports}\n\n\ndef test_call():\n{body}\n", call.expression)


def red(test: RegressionTest) -> Crash:
    """How the test fails on slow code: by its own assertion."""
    name = test.code.partition("\ndef ")[2].partition("(")[0]
    frame = Frame(file=test.path, function=name)
    return Crash(exception=Raised(type="AssertionError"), frames=(frame,))


def _units(timing: Timing) -> float:
    return timing.old / max(timing.new, 1e-9)


def _between(old: float, new: float, digits: int) -> float:
    middle = math.sqrt(max(old, 1e-9) * max(new, 1e-9))
    return round(middle, digits) if digits else math.floor(middle)


def _test(call: Call, form: str, module: str, bound: float, slowdown: Slowdown, tests: str) -> Made:
    place = slowdown.places[0]
    about = docstring(f"The work of {place.function} ({place.file}) stays below that of the slow code.")
    setup = f"{call.setup}\n" if call.setup else ""
    body = form.format(setup=setup, call=call.expression, bound=bound)
    head = f"import {module}\n\n{call.imports}" if call.imports else f"import {module}"
    code = f"{about}\n\n{head}\n\n\ndef test_{name_part(place.function, 'call')}_stays_fast():\n"
    where = hashlib.sha256(f"slowdown|{place.file}:{place.function}".encode()).hexdigest()[:10]
    path = PurePosixPath(tests, f"test_regression_{where}.py").as_posix()
    return RegressionTest(path, f"{code}{textwrap.indent(body, '    ')}", call.expression), call
