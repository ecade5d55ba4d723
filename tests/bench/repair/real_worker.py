"""``real_worker.py FILE``: repairs of one laid-out case, by the product; prints what came of each.

FILE is JSON: ``tree`` and ``crash`` (paths), ``source`` and ``tests`` (folders, as platform.toml names them). Each line
of the input is JSON and asks for one repair: the new texts that a scripted model gives once, or none for the product's
own repairer. The reproduction and the suite's run on the old code serve all of them, as they serve a chain of fixers.
The process runs on the interpreter of the case, whose packages are the service's; the product and its own packages come
by PYTHONPATH.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from core.models import Crash
from core.policy.autonomy import AutonomyRules
from core.policy.sections import FixRules
from core.repair.engine import Groundwork, repair
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
        "evidence": list(result.candidate.evidence) if result.candidate else [],
        "proof": list(result.proof.messages),
        "attempts": [[attempt.candidate.template, attempt.reason] for attempt in result.attempts][:20],
        "seconds": round(seconds, 1),
    }


def answers(asked: dict, lines: Iterable[str]) -> Iterator[dict]:
    """The product's answer to each line; the tree stays as the repair left it until the next."""
    rules = FixRules()
    sandbox = runner(rules)
    if sandbox is None:
        raise SystemExit("no sandbox works here")
    crash = Crash.model_validate_json(Path(asked["crash"]).read_text(encoding="utf-8"))
    shared = Groundwork()
    for files in map(json.loads, lines):
        started = time.monotonic()
        if shared.bench:  # candidates of one measurement are not judged with those of another
            shared.bench = replace(shared.bench, attempts=[], judged=[])
        result = repair(
            Path(asked["tree"]), crash, fixers=[Scripted(files) if files else EmbeddedFixer()], rules=rules,
            allowed=["**"], source=[asked["source"]], tests=asked["tests"], test_command=COMMAND, runner=sandbox,
            groundwork=shared,
        )  # fmt: skip
        yield told(result, time.monotonic() - started)


if __name__ == "__main__":
    for answer in answers(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")), sys.stdin):
        print(MARK + json.dumps(answer), flush=True)
