"""The measured precision of each class of fixes, and whether the confidence that it gives is true.

    python -m tests.bench.repair.calibrate [--set dev] [--data FILE] [--plot FILE]

Reads the newest run of each blind set (runs.py) and writes core/repair/judge/precision.json and docs/calibration.svg.
Cases of the development sets are seen and do not count; ``--set dev`` is for trying this out, with other files.

A fix's confidence is the share of right fixes of its class. For the plot this share is taken from the other projects
and cases alone (leave one group out), because a share agrees with its own cases whatever it is worth. The expected
calibration error is the mean distance of confidence and truth over ten bins, weighted by their fixes (Naeini, Cooper
and Hauskrecht, "Obtaining Well Calibrated Probabilities Using Bayesian Binning", 2015).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from core.queries.kpis import BINS, ConfidenceBin, ConfidenceTally, calibration
from core.repair.judge.precision import DATA
from tests.bench.repair.calibration_plot import drawn
from tests.bench.repair.runs import BLIND, REAL, SMALL, Fix, by_class, newest
from tests.shared import ROOT

PLOT = ROOT / "docs" / "calibration.svg"


def pooled(runs: Iterable[dict]) -> list[Fix]:
    """The fixes of several runs; groups of different runs are different groups."""
    found: list[Fix] = []
    for run in runs:
        last = max((group for _, group, _ in found), default=0)
        found += [(kind, last + group, right) for kind, group, right in run["fixes"]]
    return found


def predicted(fixes: Sequence[Fix]) -> Iterator[tuple[float, bool]]:
    """Confidence and truth of each fix whose class was measured in another group."""
    for kind, group, right in fixes:
        others = [other for same, elsewhere, other in fixes if same == kind and elsewhere != group]
        if others:
            yield sum(others) / len(others), right


def bins(pairs: Iterable[tuple[float, bool]]) -> list[ConfidenceBin]:
    by_place: dict[int, list[tuple[float, bool]]] = {}
    for confidence, right in pairs:
        by_place.setdefault(min(BINS - 1, int(confidence * BINS)), []).append((confidence, right))
    return calibration([_tally(place, found) for place, found in by_place.items()])


def _tally(place: int, found: Sequence[tuple[float, bool]]) -> ConfidenceTally:
    squared = sum((confidence - right) ** 2 for confidence, right in found)
    return ConfidenceTally(place, len(found), sum(r for _, r in found), sum(c for c, _ in found), squared)


def error(found: Sequence[ConfidenceBin]) -> float:
    """Expected calibration error, 0 to 1; 0 without a fix."""
    cases = sum(one.n for one in found)
    return sum(one.n * abs(one.confidence - one.share) for one in found) / cases if cases else 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", default=BLIND)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--plot", type=Path, default=PLOT)
    asked = parser.parse_args()
    if asked.set != BLIND and asked.data == DATA:
        parser.error("the product's figures come from the blind sets: give --data and --plot too")
    runs = [run for log in (REAL, SMALL) if (run := newest(log, asked.set)) and "fixes" in run]
    fixes = pooled(runs)
    data = {"classes": by_class(fixes), "runs": [{"time": run["time"], "commit": run["commit"]} for run in runs]}
    asked.data.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    found = bins(predicted(fixes))
    asked.plot.write_text(drawn(found, error(found)), encoding="utf-8")
    measured = sum(one.n for one in found)
    print(json.dumps(data["classes"]))
    print(f"expected calibration error {error(found):.3f} on {measured} of {len(fixes)} fixes")


if __name__ == "__main__":
    main()
