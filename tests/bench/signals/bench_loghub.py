"""Log templates, measured: grouping accuracy on labelled lines of Loghub, online, one setting for every system.

    python -m tests.bench.signals.bench_loghub

Grouping accuracy (Zhu et al., ICSE-SEIP 2019): share of the lines whose group holds exactly the lines of their
template. "Drain3 here" is that library as it comes, on the same lines.
"""

from __future__ import annotations

import csv
import time
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass

from drain3.drain import Drain

from core.signals.grouping.templates import Templates
from tests.shared import SHARED

LOGHUB = SHARED / "signals" / "loghub"
AIM_MESSAGE, AIM_RAW, LINES = 0.82, 0.65, 20_000
PUBLISHED = "Drain tuned per system, 16 systems: 0.865; Drain3 untuned: 0.73 message, 0.48 raw"


@dataclass(frozen=True)
class System:
    """2,000 lines of one system: as written, their messages alone, and the true template of each."""

    name: str
    raw: Sequence[str]
    messages: Sequence[str]
    truth: Sequence[str]


def systems() -> list[System]:
    return [_read(path.name) for path in sorted(LOGHUB.iterdir()) if path.is_dir()]


def _read(name: str) -> System:
    raw = (LOGHUB / name / f"{name}_2k.log").read_text(encoding="utf-8").splitlines()
    with (LOGHUB / name / f"{name}_2k.log_structured.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return System(name, raw, [row["Content"] for row in rows], [row["EventId"] for row in rows])


def accuracy(truth: Iterable[Hashable], given: Iterable[Hashable]) -> float:
    """Share of lines whose group is exactly their template's lines."""
    theirs, ours = defaultdict(set), defaultdict(set)
    for line, (true, group) in enumerate(zip(truth, given, strict=True)):
        theirs[true].add(line)
        ours[group].add(line)
    exact = {frozenset(lines) for lines in theirs.values()}
    lines = sum(map(len, theirs.values()))
    return sum(len(group) for group in ours.values() if frozenset(group) in exact) / lines


def ours() -> Callable[[str], int]:
    return Templates().group


def drain3() -> Callable[[str], int]:
    drain = Drain()
    return lambda line: drain.add_log_message(line)[0].cluster_id


def measure(group: Callable[[str], int], lines: Sequence[str], truth: Sequence[str]) -> tuple[float, float]:
    """(grouping accuracy, lines a CPU second)"""
    began = time.process_time()
    given = [group(line) for line in lines]
    spent = time.process_time() - began
    return accuracy(truth, given), len(lines) / spent


def main() -> None:
    print(f"Loghub, grouping accuracy. Aim: message >= {AIM_MESSAGE}, raw >= {AIM_RAW}, >= {LINES:,} lines/s of CPU")
    print(f"published: {PUBLISHED}\n")
    if not LOGHUB.exists():
        print(f"no labelled lines in {LOGHUB}")
        return
    print(f"{'':<12} {'message':>8} {'raw':>8} {'raw lines/s':>12}   Drain3 here: message, raw")
    for system in systems():
        message, _ = measure(ours(), system.messages, system.truth)
        raw, rate = measure(ours(), system.raw, system.truth)
        anchors = [measure(drain3(), lines, system.truth)[0] for lines in (system.messages, system.raw)]
        print(f"{system.name:<12} {message:>8.3f} {raw:>8.3f} {rate:>12,.0f}   {anchors[0]:.3f}, {anchors[1]:.3f}")


if __name__ == "__main__":
    main()
