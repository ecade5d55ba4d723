"""A guided search for inputs that reproduce a crash: the nearest calls are mutated and run again, within a budget.

The method is that of EvoCrash (Soltani, Panichella and van Deursen, 2017), seeded with calls from tests (Derakhshanfar
et al., 2020). The sandbox measures how near a call came to the crash (nearness_inside.py). The search is deterministic.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from core.models import Crash, Frame
from core.repair.localize.sources import definition
from core.repair.reproduce.inputs import method_calls
from core.repair.reproduce.mutate import mutated, staged, swapped
from core.repair.reproduce.toward import Told, owner_of, toward
from core.repair.sandbox import checkout
from core.repair.sandbox.probe import Call, ProbeOutcome, traced
from core.repair.types import Runner

GENERATIONS, PARENTS, CHILDREN, SECONDS = 5, 10, 500, 120.0
INNER = 100  # maximum calls of inner frames' methods
ALIKE = 2  # maximum parents with equal nearness and the same call


@dataclass
class Search:
    """``tried`` grows with each run; ``pool`` are literals to try anywhere, ``known`` those from tests."""

    tree: Path
    crash: Crash
    runner: Runner
    pool: list[str]
    known: list[str]
    tried: dict[Call, ProbeOutcome] = field(default_factory=dict)

    def run(self, calls: Sequence[Call]) -> dict[Call, ProbeOutcome]:
        """The outcomes of the calls that were not tried before."""
        new = [call for call in dict.fromkeys(calls) if call not in self.tried]
        if not new:
            return {}
        before = _state(self.tree)
        outcomes = traced(self.tree, new, self.crash, self.owners, self.runner)
        if _state(self.tree) != before:  # mutated test calls may change the program's own files
            checkout.start_over(self.tree)
        done = dict(zip(new, outcomes, strict=False))
        self.tried |= done
        return done

    @property
    def owners(self) -> list[str]:
        found = (definition(self.tree, f) for f in self.crash.frames if f.in_app)
        return list(dict.fromkeys(owner for owner, _ in filter(None, found) if owner))

    def generations(self) -> Iterator[dict[Call, ProbeOutcome]]:
        """The outcomes of one generation after another.

        First the outermost method is called on objects that were met, at the end the methods within: a test that
        enters where the program was entered tells more of a fix.
        """
        own, until = [f for f in self.crash.frames if f.in_app], time.monotonic() + SECONDS
        yield self._on_objects(own[:1])
        report, owner = Told(self.tree, self.crash), owner_of(self.tree, self.crash)
        for _ in range(GENERATIONS):
            if time.monotonic() > until:
                break
            each = [self._children(parent, report, owner) for parent in self._parents()]
            done = self.run([call for call in _in_turn(each, 8 * CHILDREN) if call not in self.tried][:CHILDREN])
            if not done:
                break
            yield done
        yield self._on_objects(own[1:], INNER)

    def _on_objects(self, frames: Sequence[Frame], most: int = CHILDREN) -> dict[Call, ProbeOutcome]:
        """The frames' methods, called as reported on objects of their classes that other calls created."""
        ranked = sorted(self.tried.items(), key=lambda pair: -pair[1].near)
        left = ((call, name, owner) for call, outcome in ranked for name, owner in outcome.objects.items())
        made = (more for call, name, owner in left for more in method_calls(self.tree, frames, call, name, owner))
        return self.run(list(islice(made, most)))

    def _parents(self) -> list[Call]:
        found: list[Call] = []
        alike: dict[tuple[float, str], int] = {}
        for call, outcome in sorted(self.tried.items(), key=lambda pair: (-pair[1].near, len(pair[0].setup))):
            key = (outcome.near, call.expression.partition("(")[0])
            alike[key] = alike.get(key, 0) + 1
            if alike[key] <= ALIKE and not call.odd:
                found.append(call)
        return found[:PARENTS]

    def _children(self, call: Call, report: Told, owner: str) -> Iterator[Call]:
        ways = toward(call, report, self.tried[call].objects, owner)
        return _in_turn([*ways, mutated(call, self.pool), staged(call), swapped(call, self.known)], 2 * CHILDREN)


def _state(tree: Path) -> dict[str, tuple[int, int]]:
    """Modification time (ns) and size (bytes) of each file."""
    found = ((path, path.lstat()) for path in tree.rglob("*"))
    return {str(path): (status.st_mtime_ns, status.st_size) for path, status in found if not path.is_dir()}


def _in_turn(each: Sequence[Iterator[Call]], most: int) -> Iterator[Call]:
    """Take one item of each stream in turn until all are exhausted."""
    left = [iter(calls) for calls in each]
    while left and most > 0:
        for stream in list(left):
            call = next(stream, None)
            if call is None:
                left.remove(stream)
            else:
                most -= 1
                yield call
