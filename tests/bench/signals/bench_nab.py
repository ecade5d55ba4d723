"""Anomalies, measured: the Numenta Anomaly Benchmark's score (standard profile) at the shipped threshold.

    python -m tests.bench.signals.bench_nab [generated series]

Three sets: the public series that lie beside the project, and generated ones of thirteen and of ten further kinds,
those with irregular times and gaps. The published numbers are of NAB's whole corpus of 58 series, each with the
threshold that suits its detector best; ours is fixed.
"""

from __future__ import annotations

import csv
import json
import sys
import time
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

from core.signals.anomaly.anomaly import Detector
from tests.bench.signals.nab_score import Marks, Series, score
from tests.bench.signals.series import generate
from tests.bench.signals.series_more import generate as generate_more
from tests.shared import SHARED

NAB = SHARED / "signals" / "nab"
GENERATED = 130
AIM, FALSE_ALARMS, MICROSECONDS = 62.0, 0.6, 50.0
PUBLISHED = {
    "ARTime": 74.9,
    "Numenta HTM": 70.1,
    "CAD OSE": 69.9,
    "KNN CAD": 58.0,
    "relative entropy": 54.6,
    "windowed Gaussian": 39.6,
}


def public() -> list[Series]:
    """The public series, in the order of their names."""
    labels = json.loads((NAB / "windows.json").read_text())
    return [_read(name, windows) for name, windows in sorted(labels.items())]


def _read(name: str, windows: list[list[str]]) -> Series:
    with (NAB / name).open(newline="") as file:
        rows = [(datetime.fromisoformat(row["timestamp"]), float(row["value"])) for row in csv.DictReader(file)]
    times, values = zip(*rows, strict=True)
    bounds = [tuple(times.index(datetime.fromisoformat(at)) for at in window) for window in windows]
    return Series(name.rsplit("/", 1)[-1].removesuffix(".csv"), times, values, bounds)


def detect(series: Series) -> Marks:
    detector = Detector()
    rows = zip(series.times, series.values, strict=True)
    return score(series, [detector.step(at, value).alarm for at, value in rows])


def measure(series: Iterable[Series]) -> tuple[dict[str, Marks], float]:
    """Marks of each series, or of each kind of generated ones, and microseconds of CPU a row."""
    marks: dict[str, Marks] = defaultdict(Marks)
    rows = spent = 0.0
    for one in series:
        began = time.process_time()
        earned = detect(one)
        spent += time.process_time() - began
        rows += len(one.values)
        marks[one.name.split("-")[0]] += earned
    return dict(marks), 1e6 * spent / rows


def told(name: str, marks: Marks) -> str:
    points = f"{marks.normalised:6.1f}" if marks.windows else "     -"
    return (
        f"{name:<30} {points}   {marks.found:>3} of {marks.windows:>3} anomalies, "
        f"{marks.false_per_thousand:.2f} false alarms per 1,000 rows"
    )


def report(title: str, series: Iterable[Series]) -> None:
    marks, cost = measure(series)
    print(f"\n{title}")
    for name, earned in marks.items():
        print(" ", told(name, earned))
    print(" ", told("all", sum(marks.values(), Marks())), f", {cost:.0f} µs of CPU a row", sep="")


def main(generated: int) -> None:
    print(f"NAB, standard profile. Aim: > {AIM}, <= {FALSE_ALARMS} false alarms per 1,000 rows, <= {MICROSECONDS} µs")
    print("published, whole corpus: " + ", ".join(f"{name} {points}" for name, points in PUBLISHED.items()))
    if NAB.exists():
        report("public series", public())
    report("generated series", map(generate, range(generated)))
    report("generated series of further kinds", map(generate_more, range(generated)))


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else GENERATED)
