"""The issues of a running demo, as the platform's own command line prints them again and again.

One process for a whole run: to start one for each look costs more than all that the platform does meanwhile.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping

from core.settings import ROOT

EVERY, PATIENCE = 1.0, 120.0  # seconds between two looks; until a look has to be there


class FollowedIssues:
    """Called, it waits for the next look and returns its issues. Raises RuntimeError when no more come."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process, self._looks, self._last = process, 0, ""
        self._changed = threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._changed:
                self._looks, self._last = self._looks + 1, line
                self._changed.notify_all()

    def __call__(self) -> list[dict]:
        with self._changed:
            due = self._looks + 1
            if not self._changed.wait_for(lambda: self._looks >= due, PATIENCE):
                raise RuntimeError(f"python -m core status does not answer; its exit code is {self._process.poll()}")
            return json.loads(self._last)["all"]


@contextlib.contextmanager
def issues(env: Mapping[str, str]) -> Iterator[FollowedIssues]:
    """The issues of the platform with these settings, until the end of the block."""
    argv = [sys.executable, "-m", "core", "status", "--json", "--every", str(EVERY)]
    process = subprocess.Popen(argv, cwd=ROOT, env=os.environ | env, stdout=subprocess.PIPE, text=True)
    try:
        yield FollowedIssues(process)
    finally:
        process.kill()
        process.wait()
