"""Correlation: one incident told by several vendors is one issue, look-alikes stay apart.

    python -m tests.bench.signals.bench_correlation

Anchors, in the same run: grouping by title, by service and exception type, and by exact stack text.
"""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from dataclasses import dataclass

from core.signals.grouping import stack
from core.signals.grouping.candidates import Correlator
from tests.bench.signals.incidents import DEV, SECOND, THIRD, stream

AIM, SEEDS = 0.97, (1, 2, 3)
SETS = {"dev": DEV, "second": SECOND, "third": THIRD}


def pairwise(truth: list[str], given: list) -> tuple[float, float, float]:
    """(precision, recall, F1) over all pairs of records."""

    def pairs(labels) -> int:
        return sum(n * (n - 1) // 2 for n in Counter(labels).values())

    both, found, real = pairs(zip(truth, given, strict=True)), pairs(given), pairs(truth)
    precision, recall = both / found if found else 1.0, both / real
    return precision, recall, 2 * precision * recall / (precision + recall or 1)


def merged_lookalikes(truth: list[str], given: list) -> list[str]:
    issues = defaultdict(set)
    for name, issue in zip(truth, given, strict=True):
        issues[name].add(issue)
    return [name for name in issues if name + "'" in issues and issues[name] & issues[name + "'"]]


def anchors(records) -> dict[str, list]:
    crashes = [stack.crash_of(record) for record in records]
    return {
        "title": [record.title for record in records],
        "service and type": [
            (r.service, c.exception.type if c else r.title) for r, c in zip(records, crashes, strict=True)
        ],
        "exact stack": [
            tuple((f.file, f.function, f.line) for f in c.frames) if c and c.frames else r.title
            for r, c in zip(records, crashes, strict=True)
        ],
    }


@dataclass(frozen=True)
class Figures:
    """``anchors`` holds (F1, look-alikes merged) of each plain way of grouping."""

    records: int
    precision: float
    recall: float
    f1: float
    merged: int
    anchors: dict[str, tuple[float, int]]


def measure(name: str, seed: int) -> Figures:
    told = stream(SETS[name], seed)
    records, truth = [r for r, _ in told], [t for _, t in told]
    correlator = Correlator()
    given = [correlator.place(record).issue_id for record in records]
    plain = {
        anchor: (pairwise(truth, labels)[2], len(merged_lookalikes(truth, labels)))
        for anchor, labels in anchors(records).items()
    }
    return Figures(len(records), *pairwise(truth, given), len(merged_lookalikes(truth, given)), plain)


def main() -> int:
    incidents = sum(map(len, SETS.values()))
    print(f"Correlation: {incidents} incidents and as many look-alikes. Aim: F1 >= {AIM}, no look-alike merged")
    met = True
    for name in SETS:
        for seed in SEEDS:
            found = measure(name, seed)
            met &= found.f1 >= AIM and not found.merged
            print(f"{name:<7} seed {seed}, {found.records} records: precision {found.precision:.3f}, recall"
                  f" {found.recall:.3f}, F1 {found.f1:.3f}, look-alikes merged {found.merged}")  # fmt: skip
            for anchor, (f1, merged) in found.anchors.items():
                print(f"        anchor {anchor:<17} F1 {f1:.3f}, look-alikes merged {merged}")
    print("met" if met else "NOT met")
    return int(not met)


if __name__ == "__main__":
    sys.exit(main())
