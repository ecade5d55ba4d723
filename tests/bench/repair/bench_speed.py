"""Time from a report to a proved candidate, without a model, for each of the shared repair cases.

    python -m tests.bench.repair.bench_speed

CPU seconds count this process and all that it started; the wall clock is of one run on whatever else the
machine does. "tests" is the share of the wall time that the service's own tests took, which no repairer
can make faster; "runs" the processes started in the sandbox.
"""

from __future__ import annotations

import os
import shutil
import statistics
import tempfile
import time
from pathlib import Path

from core.models import Crash
from core.repair.embedded import EmbeddedFixer
from core.repair.engine import repair
from core.repair.runner import runner
from core.settings import FixRules
from core.vendors.command import git
from tests.shared import SHARED

LIMIT_SECONDS = 10.0


class Timed:
    """A runner that adds up what it ran."""

    def __init__(self, inner):
        self.inner, self.name, self.runs, self.tests = inner, inner.name, 0, 0.0

    def run(self, argv, tree, timeout=120):
        done = self.inner.run(argv, tree, timeout)
        self.runs += 1
        self.tests += done.seconds if "pytest" in argv else 0.0
        return done


def measured(case: Path) -> tuple[str, float, float, float, int]:
    """(decision, seconds, CPU seconds, share of the service's tests, sandbox runs)."""
    timed = Timed(runner(FixRules()))
    with tempfile.TemporaryDirectory() as folder:
        repo = Path(folder) / "repo"
        shutil.copytree(case / "repo", repo, ignore=shutil.ignore_patterns("__pycache__", ".pytest_cache"))
        for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "x"]):
            git(repo, *command)
        crash = Crash.model_validate_json((case / "crash.json").read_text(encoding="utf-8"))
        started, before = time.monotonic(), os.times()
        result = repair(
            repo, crash, fixers=[EmbeddedFixer()], rules=FixRules(), allowed=["**"], source=["."], tests="tests",
            test_command=["python", "-m", "pytest", "-q"], runner=timed,
        )  # fmt: skip
        seconds, after = time.monotonic() - started, os.times()
    cpu = sum(after[:4]) - sum(before[:4])
    return result.decision, seconds, cpu, timed.tests / seconds, timed.runs


def main() -> None:
    rows = {case.name: measured(case) for case in sorted((SHARED / "repair-cases/cases").iterdir())}
    print(f"{'case':26} {'decision':9} {'seconds':>8} {'CPU':>6} {'tests':>6} {'runs':>5}")
    for name, (decision, seconds, cpu, share, runs) in rows.items():
        print(f"{name:26} {decision:9} {seconds:8.1f} {cpu:6.1f} {share:6.0%} {runs:5}")
    proved = [row for row in rows.values() if row[0] == "fix"]
    middle = statistics.median(row[1] for row in proved)
    print(f"median of the {len(proved)} proved: {middle:.1f} s (limit {LIMIT_SECONDS:.0f}), "
          f"CPU {statistics.median(row[2] for row in proved):.1f} s")  # fmt: skip
    raise SystemExit(middle >= LIMIT_SECONDS)


if __name__ == "__main__":
    main()
