"""Calls functions of a tree inside the runner, many in one launch, and returns each call's outcome."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from core.models import Crash, Frame
from core.repair.sandbox.desk import desk, script
from core.repair.sandbox.nearness_inside import plain_text
from core.repair.types import Runner

_SCRIPTS = [
    Path(__file__).with_name(f"{name}.py")
    for name in ("nearness_inside", "frames_inside", "work_inside", "sandbox_harness")
]


PATIENCE, TRACED, TIMED = 90, 120, 600  # seconds of a launch; under the tracer; with its work
SPENT = 0.1  # seconds for which the runs of one call are timed together


@dataclass(frozen=True)
class Call:
    """``expression`` is evaluated after ``imports`` (import lines) and ``setup`` (statements).

    ``odd``: a value has a type that is not known to be passed there, so its outcome does not constrain a fix.
    """

    imports: str
    expression: str
    setup: str = ""
    odd: bool = field(default=False, compare=False)


class Seen(Frame):
    """An observed frame: ``span`` is (line, end line, column, end column) of the failure; columns are UTF-8 bytes."""

    span: tuple[int, int, int, int] | None = None


@dataclass(frozen=True)
class ProbeOutcome:
    """Either ``result`` (type and repr) or ``error`` (type name) with the innermost frame of the tree.

    ``deliberate``: the error comes from a raise or assert statement of that frame. ``near`` and ``objects`` are set by
    ``traced``: the nearness to the crash (nearness_inside.py), and {name: class} of the objects that the call created.
    ``cpu``, ``unit``, ``calls`` and ``entered`` are set by ``timed``: work_inside.py.
    """

    result: str = ""
    error: str = ""
    text: str = ""
    file: str = ""
    function: str = ""
    line: int = 0
    deliberate: bool = False
    frames: Sequence[dict] = field(default=(), compare=False)
    literal: str = field(default="", compare=False)  # the value as a literal, if it has one
    near: float = field(default=0.0, compare=False)
    objects: Mapping[str, str] = field(default_factory=dict, compare=False)
    cpu: float = field(default=0.0, compare=False)
    unit: float = field(default=0.0, compare=False)
    calls: int = field(default=0, compare=False)
    entered: Sequence[str] = field(default=(), compare=False)


def probe(tree: Path, calls: Sequence[Call], runner: Runner, timeout: float = PATIENCE) -> list[ProbeOutcome]:
    """One outcome for each call, in order; fewer if the process died or timed out."""
    return probes(tree, calls, [{}], runner, timeout)[0]


def probes(
    tree: Path, calls: Sequence[Call], variants: Sequence[Mapping[str, str]], runner: Runner, timeout: float = PATIENCE
) -> list[list[ProbeOutcome]]:
    """The outcomes of the same calls on each variant of the tree (new texts by path); the tree is restored.

    If the runner allows processes to fork, one launch serves all variants, else each has its own.
    """
    if len(variants) > 1 and runner.name != "bubblewrap":
        return [found for variant in variants for found in _launched(tree, calls, [variant], runner, timeout)]
    return _launched(tree, calls, variants, runner, timeout)


def timed(
    tree: Path, calls: Sequence[Call], variants: Sequence[Mapping[str, str]], runner: Runner, timeout: float = TIMED
) -> list[list[ProbeOutcome]]:
    """Like ``probes``, with the work of each call, in the order of the variants, each in a process of its own."""
    if runner.name == "bubblewrap":
        return _launched(tree, calls, variants, runner, timeout, work=SPENT)
    each = timeout / len(variants)
    return [_launched(tree, calls, [v], runner, each, work=SPENT)[0] for v in variants]


def traced(
    tree: Path, calls: Sequence[Call], crash: Crash, owners: Sequence[str], runner: Runner
) -> list[ProbeOutcome]:
    """Like ``probed``, with each call's nearness to the crash. ``owners``: classes whose objects are collected."""
    own = [f for f in crash.frames if f.in_app]
    reported = [{name: plain_text(text) for name, text in (f.locals or {}).items()} for f in own]
    steps = [(f.file, f.function, f.line, held) for f, held in zip(own, reported, strict=True)]
    more = {"steps": steps, "owners": list(owners)}
    return _launched(tree, calls, [{}], runner, TRACED, **more)[0]


def observed(tree: Path, call: Call, crash: Crash, runner: Runner) -> Crash:
    """The crash with the frames, locals and spans of a call that crashed in the same way."""
    found = _launched(tree, [call], [{}], runner, 30, observe=True)[0]
    frames = tuple(Seen(**f) for f in found[0].frames) if found else ()
    own = [i for i, frame in enumerate(frames) if frame.in_app]
    if not own:
        return crash
    return crash.model_copy(update={"frames": frames[own[0] :], "exception": _message(crash, found[0])})


def _message(crash: Crash, outcome: ProbeOutcome):
    return crash.exception.model_copy(update={"message": outcome.text})


def _launched(tree, calls, variants, runner, timeout, **more) -> list[list[ProbeOutcome]]:
    parts = [(c.imports, c.setup, c.expression) for c in calls]
    job = {"calls": parts, "variants": list(variants), **more}
    with desk(tree) as made:
        made.put("job", json.dumps(job))
        runner.run(["python", "-P", "-c", script(*_SCRIPTS), made.name], tree, timeout)
        values, _ = made.report()
    return _read(values, len(variants))


def _read(values: Sequence, variants: int) -> list[list[ProbeOutcome]]:
    """The outcomes of each variant in order; an interrupted variant has fewer."""
    found: list[list[ProbeOutcome]] = [[] for _ in range(variants)]
    for number, index, result in values:
        if index == len(found[number]):
            found[number].append(ProbeOutcome(**result))
    return found
