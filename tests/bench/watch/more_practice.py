"""The second practice of the judge of releases: families of everyday production that the first one does not have.

python -m tests.bench.watch.more_practice                 six watches a family: the table and the totals
python -m tests.bench.watch.more_practice --each 2 --seed 5 --wrong      in detail what ended wrongly
python -m tests.bench.watch.more_practice --families slow_leak one_host

Harm that begins late may be passed before it shows; such misses are counted apart.
"""

from __future__ import annotations

import argparse
import sys
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from core.policy.sections import Watch
from core.signals.release import Fault, Scene
from tests.bench.watch.bench_watch import COLUMNS, OWN, _counts, _detail, _row, found, pace, told
from tests.bench.watch.draws import Draw
from tests.bench.watch.more_bad import HARM, UNCURED
from tests.bench.watch.more_good import GOOD
from tests.bench.watch.more_views import Drawn, View
from tests.bench.watch.score import Judge, Result, sit, total
from tests.bench.watch.situations import ATTEMPTS, FEWEST, Situation

FAMILIES: dict[str, tuple[Callable[[Draw], Drawn], str]] = {
    make.__name__: (make, truth)
    for truth, makers in (("good", GOOD), ("harm", HARM), ("uncured", UNCURED))
    for make in makers
}


@dataclass(frozen=True)
class Viewed(Situation):
    view: View = lambda scene: scene

    def looks(self) -> Iterator[Scene]:
        return (self.view(_joined(scene)) for scene in super().looks())


def _joined(scene: Scene) -> Scene:
    """Two causes under one fingerprint are one fault, as the product tells them."""
    groups: dict[tuple[str, str], list[Fault]] = defaultdict(list)
    for fault in scene.faults:
        groups[fault.fingerprint, fault.service].append(fault)
    return replace(scene, faults=tuple(map(_one, groups.values())))


def _one(faults: Sequence[Fault]) -> Fault:
    events = sorted((event for fault in faults for event in fault.events), key=lambda e: e.at)
    return replace(faults[0], events=tuple(events))


def draw(name: str, seed: int, index: int, rules: Watch) -> Viewed:
    """The first draw of which production has seen the fault that was to be cured, and what was there before."""
    make, truth = FAMILIES[name]
    for attempt in range(ATTEMPTS):
        key = (zlib.crc32(f"more {name}".encode()), seed, index, attempt)
        drawn = make(Draw(np.random.default_rng((*key, 0))))
        world, view = drawn if isinstance(drawn, tuple) else (drawn, lambda scene: scene)
        situation = Viewed(name, truth, key, world, rules, view)
        if _fair(situation):
            return situation
    raise AssertionError(f"{name}: no fair draw in {ATTEMPTS}")


def _fair(situation: Situation) -> bool:
    """Are the own fault, and other faults of before that reach the judge, known; and does what is wrong happen?"""
    for trace in situation.recording.traces:
        cause, told = trace.cause, sum(event.count for _, event in trace.events if event.at < 0)
        if cause.fingerprint and cause.begin < -5 and cause.old > 0 and told < FEWEST and not cause.issue:
            return False
        if (cause.new > cause.old or (cause.own and cause.new > 0)) and trace.shown < FEWEST:
            return False
    return True


def practice(names: Sequence[str], each: int, seed: int, rules: Watch | None = None) -> Iterator[Viewed]:
    return (draw(name, seed, index, rules or Watch()) for name in names for index in range(each))


def rehearse(judge: Judge, situations: Iterator[Viewed], wrong: bool) -> list[Result]:
    results = []
    for situation in situations:
        result, scene, judgement = sit(situation, judge)
        results.append(result)
        if wrong and not result.right:
            print("\n".join(_detail(situation, result, scene, judgement)) + "\n")
    return results


def table(results: Sequence[Result]) -> str:
    lines = [_row(COLUMNS)]
    for name, (_, truth) in FAMILIES.items():
        if rows := [row for row in results if row.family == name]:
            lines.append(_row((name, truth, *_counts(rows))))
    return "\n".join(lines)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--judge", default=OWN, metavar="MODULE:NAME")
    parser.add_argument("--each", type=int, default=6, help="watches of each family")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--families", nargs="+", default=list(FAMILIES), choices=list(FAMILIES), metavar="NAME")
    parser.add_argument("--wrong", action="store_true", help="in detail what ended wrongly")
    asked = parser.parse_args(argv)
    results = rehearse(found(asked.judge), practice(asked.families, asked.each, asked.seed), asked.wrong)
    print(f"{table(results)}\n\n{told(total(results))}\n{pace(results)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
