"""Asks the product for repairs of one laid-out case, in a process on the interpreter of the case (real_worker.py)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from tests.bench.repair.real_service import Prepared, start_over
from tests.bench.repair.real_worker import MARK
from tests.shared import ROOT

LIMIT = 600  # seconds of one repair


class Repairs:
    """One process answers all questions about a case. One that fails or takes too long is started again."""

    def __init__(self, made: Prepared) -> None:
        self.made = made
        self.scratch = tempfile.TemporaryDirectory()
        self.worker: subprocess.Popen[str] | None = None
        self.answers: list[dict] = []

    def __enter__(self) -> Repairs:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()
        start_over(self.made)
        self.scratch.cleanup()

    def asked(self, files: dict[str, str]) -> dict:
        """The answer to these texts, or of the product's own repairer to none. The tree stays as the repair left it.

        The decision is "error" when the product fails or takes too long.
        """
        self.answers.append(self._asked(files))
        return self.answers[-1]

    def _asked(self, files: dict[str, str]) -> dict:
        start_over(self.made)
        started, worker = time.monotonic(), self._worker()
        late = threading.Timer(LIMIT, worker.kill)
        late.start()
        try:
            answer = _answer(worker, files)
        finally:
            in_time = late.is_alive()
            late.cancel()
        if answer:
            return answer
        self._end()
        said = self._said() if in_time else f"no answer in {LIMIT} s"
        return {"decision": "error", "reason": said, "seconds": round(time.monotonic() - started, 1)}

    def _worker(self) -> subprocess.Popen[str]:
        if self.worker is None:
            made, folder = self.made, Path(self.scratch.name)
            told = {"tree": str(made.repo), "crash": str(made.crash), "source": made.case.root, "tests": made.tests}
            (folder / "asked.json").write_text(json.dumps(told), encoding="utf-8")
            argv = [str(made.python), "-m", "tests.bench.repair.real_worker", str(folder / "asked.json")]
            own = next((Path(sys.prefix) / "lib").glob("python3*/site-packages"))
            env = os.environ | {"PYTHONPATH": f"{ROOT}:{own}", "DATA_DIR": str(folder)}
            with (folder / "errors").open("w", encoding="utf-8") as errors:
                self.worker = subprocess.Popen(
                    argv, cwd=ROOT, env=env, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors
                )
        return self.worker

    def _end(self) -> None:
        if self.worker is not None:
            self.worker.kill()
            self.worker.communicate()
            self.worker = None

    def _said(self) -> str:
        lines = (Path(self.scratch.name) / "errors").read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return lines[-1] if lines else "no answer"


def _answer(worker: subprocess.Popen[str], files: dict[str, str]) -> dict:
    """The next answer; empty when the process ended without one."""
    assert worker.stdin and worker.stdout
    try:
        worker.stdin.write(json.dumps(files) + "\n")
        worker.stdin.flush()
    except BrokenPipeError:
        return {}
    found = (line[len(MARK) :] for line in worker.stdout if line.startswith(MARK))
    return json.loads(next(found, "{}"))
