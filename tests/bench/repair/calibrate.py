"""Writes core/repair/judge/precision.json from the logged runs of the blind sets.

    python -m tests.bench.repair.calibrate

Each run of a blind set logs, by class of fix (fixer and grade of evidence), how many of its fixes were right of how
many it gave. Cases of the development sets are seen and do not count. Of each set the newest run counts.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from core.repair.judge.precision import DATA

FOLDER = Path(__file__).parent
LOGS = (FOLDER / "real" / "runs.log",)
Counts = Mapping[str, tuple[int, int]]  # right and all by class


def newest(lines: Iterable[str]) -> dict | None:
    """The newest run of a blind set that logged its classes."""
    runs = [json.loads(line) for line in lines if line.strip()]
    told = [run for run in runs if run.get("set") == "blind" and "classes" in run]
    return max(told, key=lambda run: run["time"], default=None)


def summed(runs: Iterable[dict]) -> Counts:
    right, every = Counter(), Counter()
    for run in runs:
        for name, (good, cases) in run["classes"].items():
            right[name] += good
            every[name] += cases
    return {name: (right[name], every[name]) for name in sorted(every)}


def main() -> None:
    found = [newest(path.read_text(encoding="utf-8").splitlines()) for path in LOGS if path.exists()]
    runs = [run for run in found if run]
    data = {"classes": summed(runs), "runs": [{"time": run["time"], "commit": run["commit"]} for run in runs]}
    DATA.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(data["classes"]))


if __name__ == "__main__":
    main()
