"""``real_worker.py FILE``: one repair of a laid-out case, by the product; prints what came of it.

FILE is JSON: ``tree`` and ``crash`` (paths), ``source`` and ``tests`` (folders, as platform.toml names them), and
``files``: the new texts that a scripted model gives once, or none for the product's own repairer. The process runs on
the interpreter of the case, whose packages are the service's; the product and its own packages come by PYTHONPATH.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from core.models import Crash
from core.policy.autonomy import AutonomyRules
from core.policy.sections import FixRules
from core.repair.engine import repair
from core.repair.fixers.embedded import EmbeddedFixer
from core.repair.judge.precision import Precision, class_of, measured
from core.repair.sandbox.runner import runner
from core.repair.types import Candidate, FixResult
from core.stages.autonomy import judged

MARK = "@@repair "
COMMAND = ["python", "-m", "pytest", "-q"]


class Scripted:
    """A model that gives one answer, once, and says nothing for it."""

    name = "scripted"

    def __init__(self, files: dict[str, str]) -> None:
        self.files = files

    def propose(self, tree: Path, crash: Crash, feedback: Sequence[str] = ()) -> Iterator[Candidate]:
        yield Candidate("model", self.files, "Handle this input.", generator=self.name)


def unattended(result: FixResult) -> bool:
    """Whether the product would release this fix without a person."""
    if result.decision != "fix" or not result.proof.complete or result.proof.open or not result.candidate:
        return False
    name = class_of(result.candidate)
    return judged(AutonomyRules(), "service", name, Precision(), measured(name)).may


def told(result: FixResult, seconds: float) -> dict:
    return {
        "decision": result.decision,
        "reason": result.reason,
        "cause": str(result.cause),
        "confidence": result.confidence,
        "class": class_of(result.candidate) if result.candidate else "",
        "proved": result.decision == "fix" and result.proof.complete,
        "unattended": unattended(result),
        "template": result.candidate.template if result.candidate else "",
        "proof": list(result.proof.messages),
        "attempts": [[attempt.candidate.template, attempt.reason] for attempt in result.attempts][:20],
        "seconds": round(seconds, 1),
    }


def main(path: str) -> None:
    asked = json.loads(Path(path).read_text(encoding="utf-8"))
    rules = FixRules()
    sandbox = runner(rules)
    if sandbox is None:
        raise SystemExit("no sandbox works here")
    crash = Crash.model_validate_json(Path(asked["crash"]).read_text(encoding="utf-8"))
    fixers = [Scripted(asked["files"])] if asked["files"] else [EmbeddedFixer()]
    started = time.monotonic()
    result = repair(
        Path(asked["tree"]), crash, fixers=fixers, rules=rules, allowed=["**"], source=[asked["source"]],
        tests=asked["tests"], test_command=COMMAND, runner=sandbox,
    )  # fmt: skip
    print(MARK + json.dumps(told(result, time.monotonic() - started)))


if __name__ == "__main__":
    main(sys.argv[1])
