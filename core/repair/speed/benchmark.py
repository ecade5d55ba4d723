"""The benchmark of a slowdown: its inputs, and old and new code measured on them in alternating pairs, in the sandbox.

The measure is CPU time of the process, so that waiting does not count and other work on the machine disturbs little.
The number of calls that each variant makes is a second measure, which is the same on every machine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.models.counted import counted
from core.repair.sandbox.probe import Call, ProbeOutcome, timed
from core.repair.speed.inputs import inputs
from core.repair.speed.ratio import Ratio, paired
from core.repair.speed.slowdown import Slowdown
from core.repair.types import Runner

PAIRS = 8
MOST, LONGEST = 12, 1.5  # inputs that are kept, and CPU seconds of the old code on all of them
FASTER = 1.5  # the least ratio, at the lower end of its interval, that counts as faster
Outcomes = Sequence[ProbeOutcome]


class Unmeasurable(Exception):
    """There is no benchmark; the message says why."""


@dataclass(frozen=True)
class Timing:
    """One input on both variants: least CPU seconds, calls of functions, and CPU seconds of a fixed loop."""

    old: float
    new: float
    old_calls: int
    new_calls: int
    unit: float


@dataclass(frozen=True)
class Measured:
    """The comparison with one candidate. ``changed`` says which result is another one; empty if none is.

    ``calls`` is the ratio of the numbers of calls; ``each`` has the inputs in the order of the benchmark.
    """

    ratio: Ratio | None = None
    calls: float = 0.0
    each: Sequence[Timing] = ()
    changed: str = ""

    @property
    def refused(self) -> str:
        """Why the candidate is no fix; empty if it is one."""
        if self.changed:
            return self.changed
        if self.ratio is None:
            return "It could not be measured: it did not end within the time limit."
        if self.ratio.low < FASTER:
            return f"It is not faster: {self.ratio.message}; at least {FASTER:g} is required."
        return ""

    def as_json(self) -> dict:
        found = {"calls": round(self.calls, 2), "inputs": len(self.each)}
        if ratio := self.ratio:
            found |= {"ratio": round(ratio.value, 2), "low": round(ratio.low, 2), "high": round(ratio.high, 2)}
            found |= {"pairs": ratio.pairs, "says": ratio.message}
        return found


@dataclass(frozen=True)
class Benchmark:
    """The inputs, on each of which the old code enters a function of the slowdown and gives the same result again."""

    tree: Path
    runner: Runner
    calls: Sequence[Call]

    def measure(self, files: Mapping[str, str]) -> Measured:
        """Old code and new code in turn, each in a process of its own; which one is first alternates."""
        order = [variant for pair in range(PAIRS) for variant in ((0, 1) if pair % 2 == 0 else (1, 0))]
        variants: list[Mapping[str, str]] = [files if variant else {} for variant in order]
        found = timed(self.tree, self.calls, variants, self.runner)
        old = [outcomes for variant, outcomes in zip(order, found, strict=True) if not variant]
        new = [outcomes for variant, outcomes in zip(order, found, strict=True) if variant]
        return compared(self.calls, old, new)


def compared(calls: Sequence[Call], old: Sequence[Outcomes], new: Sequence[Outcomes]) -> Measured:
    """The result of the runs, one list of outcomes a run, in pairs. Pure."""
    if changed := _changed(calls, old, new):
        return Measured(changed=changed)
    if any(len(run) < len(calls) or not all(one.cpu for one in run) for run in (*old, *new)):
        return Measured()
    each = [_timing([run[i] for run in old], [run[i] for run in new]) for i in range(len(calls))]
    was, now = sum(one.old_calls for one in each), sum(one.new_calls for one in each)
    ratio = paired([sum(o.cpu for o in run) for run in old], [sum(o.cpu for o in run) for run in new])
    return Measured(ratio, was / max(now, 1), each)


def _changed(calls: Sequence[Call], old: Sequence[Outcomes], new: Sequence[Outcomes]) -> str:
    for number, call in enumerate(calls):
        before = {_gives(run[number]) for run in old if number < len(run)}
        after = {_gives(run[number]) for run in new if number < len(run)}
        if before and (other := sorted(after - before)):
            was = sorted(before)[0]
            return f"A result changed: {call.expression[:100]} gave {was[:80]} and now {other[0][:80]}."
    return ""


def _gives(outcome: ProbeOutcome) -> str:
    return outcome.result or f"raises {outcome.error}"


def _timing(old: Outcomes, new: Outcomes) -> Timing:
    return Timing(
        min(one.cpu for one in old),
        min(one.cpu for one in new),
        max(one.calls for one in old),  # counted in the first pair
        max(one.calls for one in new),
        max(one.unit for one in (*old, *new)),
    )


def benchmark(tree: Path, slowdown: Slowdown, runner: Runner) -> Benchmark:
    """The benchmark of a slowdown in ``tree``. Raises Unmeasurable."""
    names = ", ".join(f"{place.function} in {place.file}" for place in slowdown.places[:3])
    if not slowdown.places:
        raise Unmeasurable("The suspect commit changes no function of the program, so there is nothing to measure.")
    calls = inputs(tree, slowdown.report)
    if not calls:
        raise Unmeasurable(f"No test and no example calls the program, so there is no input for {names}.")
    first, again = timed(tree, calls, [{}, {}], runner)
    wanted = {f"{place.file}:{place.function}" for place in slowdown.places}
    reached = [
        (call, one)
        for call, one, other in zip(calls, first, again, strict=False)
        if one.cpu and one.result == other.result and wanted.intersection(one.entered)
    ]
    if not reached:
        tried = counted(len(calls), "input")
        raise Unmeasurable(f"None of {tried} of the tests and examples runs {names} with the same result each time.")
    return Benchmark(tree, runner, _kept(reached))


def _kept(reached: Sequence[tuple[Call, ProbeOutcome]]) -> list[Call]:
    """The costliest inputs within the time limit, and at least the cheapest of all."""
    ranked = sorted(reached, key=lambda pair: -pair[1].cpu)
    kept, spent = [], 0.0
    for call, outcome in ranked:
        if len(kept) < MOST and spent + outcome.cpu <= LONGEST:
            kept.append(call)
            spent += outcome.cpu
    return kept or [ranked[-1][0]]
