"""Time from a report to a proved candidate, without a model, for each of the shared repair cases.

    python -m tests.bench.repair.bench_speed

Seconds are the wall clock of one run, on whatever else the machine does. "tests" is the share of it that the
service's own tests took, which no repairer can make faster; "runs" the processes started in the sandbox.
"""

from __future__ import annotations

import shutil
import statistics
import tempfile
import time
from pathlib import Path

from core.models import Crash
from core.policy.sections import FixRules
from core.repair.engine import repair
from core.repair.fixers.embedded import EmbeddedFixer
from core.repair.sandbox.runner import runner
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


def measured(case: Path) -> tuple[str, float, float, int]:
    """(decision, seconds, share of the service's tests, sandbox runs)."""
    timed = Timed(runner(FixRules()))
    with tempfile.TemporaryDirectory() as folder:
        repo = Path(folder) / "repo"
        shutil.copytree(case / "repo", repo, ignore=shutil.ignore_patterns("__pycache__", ".pytest_cache"))
        for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "x"]):
            git(repo, *command)
        crash = Crash.model_validate_json((case / "crash.json").read_text(encoding="utf-8"))
        started = time.monotonic()
        result = repair(
            repo, crash, fixers=[EmbeddedFixer()], rules=FixRules(), allowed=["**"], source=["."], tests="tests",
            test_command=["python", "-m", "pytest", "-q"], runner=timed,
        )  # fmt: skip
        seconds = time.monotonic() - started
    return result.decision, seconds, timed.tests / seconds, timed.runs


def main() -> None:
    rows = {case.name: measured(case) for case in sorted((SHARED / "repair-cases/cases").iterdir())}
    print(f"{'case':26} {'decision':9} {'seconds':>8} {'tests':>6} {'runs':>5}")
    for name, (decision, seconds, share, runs) in rows.items():
        print(f"{name:26} {decision:9} {seconds:8.1f} {share:6.0%} {runs:5}")
    proved = [row for row in rows.values() if row[0] == "fix"]
    middle = statistics.median(row[1] for row in proved)
    print(f"median of the {len(proved)} proved: {middle:.1f} s (limit {LIMIT_SECONDS:.0f})")
    raise SystemExit(middle >= LIMIT_SECONDS)


if __name__ == "__main__":
    main()
