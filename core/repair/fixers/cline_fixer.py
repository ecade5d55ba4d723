"""The Cline CLI as fixer. Its changes to the tree become a candidate, and the tree is restored.

It runs inside bubblewrap like any untrusted code; the only difference is a socket file to the relay, through which it
reaches the configured model and nothing else. Without bubblewrap it does not run.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from core.models import Crash
from core.models.patterns import whole
from core.models.templates import Template
from core.repair.fixers.prompting import editing, prompt
from core.repair.sandbox import checkout
from core.repair.sandbox.runner import ENVIRONMENT, FILE_SIZE, behind, program, read_back, walls
from core.repair.types import Candidate
from core.vendors import cline, cline_inside
from core.vendors.command import Ceiling, Completed
from core.vendors.http import Http
from core.vendors.relay import Relay, serving

CEILING = Ceiling(tasks=200, memory=3 << 30)
LARGEST, MANY = 400_000, 50  # maximum characters of a changed file, and changed files, that are read
STATE, WAY_OUT = "/tmp/cline", "/tmp/way-out"


class ClineFixer:
    """``seconds`` and ``requests`` limit one attempt; at the deadline all of its processes are killed."""

    name = "cline"
    kind = Template.BUG_FIX

    def __init__(self, binary: Path, http: Http, model: str, seconds: float = 300.0, requests: int = 40):
        self.binary, self.http, self.model, self.seconds, self.requests = binary, http, model, seconds, requests

    def propose(self, tree: Path, crash: Crash, feedback: Sequence[str] = ()) -> Iterator[Candidate]:
        """One candidate; without files if the run gave no usable result, so that its cost is still recorded."""
        started = time.monotonic()
        text = self.http.redact(f"{editing('/w', self.kind)}\n{prompt(tree, crash, feedback)}")  # arguments are public
        done = self._run(tree, text)
        verdict = cline.verdict(done.stdout)
        files, why = left_behind(tree), _unusable(done, verdict)
        steps = [step | {"text": whole(self.http.redact(step["text"]))} for step in cline.transcript(done.stdout)]
        yield Candidate(
            template="model",
            files={} if why else files,
            rationale=why or verdict.message,
            generator=self.name,
            tokens=verdict.tokens,
            cost_usd=verdict.cost_usd,
            seconds=round(time.monotonic() - started, 2),
            plan=cline.plan(steps),
            transcript=steps,
        )

    def _run(self, tree: Path, text: str) -> Completed:
        relay = Relay(self.http, self.requests)
        with tempfile.TemporaryDirectory(prefix="cline-") as folder:
            state, way_out = Path(folder, "state"), Path(folder, "way-out")
            way_out.mkdir()
            cline.prepare(state, self.model)
            inside = Path(cline_inside.__file__)
            around = [*walls(tree.resolve(), [self.binary.parent, inside]), "--bind", str(state), STATE]
            around += ["--ro-bind", str(way_out), WAY_OUT]
            command = ["prlimit", f"--fsize={FILE_SIZE}", "--core=0", "--"]
            command += program(["python", str(inside), f"{WAY_OUT}/socket", str(cline.PORT)])
            command += cline.arguments(
                str(self.binary), "/w", self.http.redact(text)
            )  # every user of the machine can see it
            environment = ENVIRONMENT | cline.ENVIRONMENT | {"PATH": "/usr/bin:/bin", "CLINE_DIR": STATE}
            with serving(relay, way_out / "socket"):
                return behind(around, command, self.seconds, environment, CEILING, [tree, state])


def _unusable(done: Completed, verdict: cline.ClineVerdict) -> str:
    if done.timed_out:
        return "it did not finish in time and was killed"
    if done.stopped:
        return f"it was killed: {done.stopped}"
    return "" if verdict.completed else f"it ended without finishing ({verdict.reason or 'no reason given'})"


def left_behind(tree: Path) -> dict[str, str]:
    """New texts of the files that differ from the commit; the tree is restored.

    A deleted, special or too large file becomes a text that the policy refuses.
    """
    paths = checkout.changed(tree)[:MANY]
    files = {path: read_back(tree / path, LARGEST) or "\0" for path in paths}
    checkout.start_over(tree)
    return files
