"""The logs of bench runs: a line of JSON a run, with its time, its commit and its set.

The fixes of a run are logged by class (fixer and grade of evidence), with a number for their project or case instead of
its name: of the blind sets, nothing but figures is kept.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path

from tests.shared import ROOT

REAL = Path(__file__).parent / "real" / "runs.log"
SMALL = Path(__file__).with_name("runs.log")
BLIND = "blind"
Fix = tuple[str, int, bool]  # class, number of the project or case, right


def noted(log: Path, which: str, found: dict) -> None:
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True)
    when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    with log.open("a", encoding="utf-8") as out:
        out.write(json.dumps({"time": when, "commit": commit.stdout.strip(), "set": which} | found) + "\n")


def newest(log: Path, which: str = BLIND) -> dict | None:
    """The newest run of a set."""
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    runs = (run for run in map(json.loads, lines) if run["set"] == which)
    return max(runs, key=lambda run: run["time"], default=None)


def numbered(fixes: Iterable[tuple[str, str, bool]]) -> list[Fix]:
    """Fixes by class and name, with numbers instead of the names."""
    found = sorted(fixes)
    numbers = {name: number for number, name in enumerate(dict.fromkeys(name for _, name, _ in found), 1)}
    return [(kind, numbers[name], right) for kind, name, right in found]


def by_class(fixes: Iterable[Fix]) -> dict[str, tuple[int, int]]:
    """Right fixes and all that were given, by class."""
    outcomes: dict[str, list[bool]] = {}
    for kind, _, right in fixes:
        outcomes.setdefault(kind, []).append(right)
    return {kind: (sum(found), len(found)) for kind, found in sorted(outcomes.items())}
