"""Background jobs of the setup, for steps that take longer than a second; the page shows their progress."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from core.setup.results import KNOWN, SetupFinding, failed

log = logging.getLogger(__name__)
Tell = Callable[[str], None]
Work = Callable[[Tell], SetupFinding]


class Job:
    """One run of a step. ``activity`` is its current activity; ``result`` is None while it runs."""

    def __init__(self, work: Work):
        self.activity, self.started = "Starting", time.monotonic()
        self.result: SetupFinding | None = None
        self._work = work
        self.thread = threading.Thread(target=self._run, name="setup", daemon=True)
        self.thread.start()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started

    def _tell(self, words: str) -> None:
        self.activity = words

    def _run(self) -> None:
        try:
            self.result = self._work(self._tell)
        except KNOWN as error:
            self.result = failed(error)
        except Exception as error:  # a bug of the platform is shown and logged, too
            log.exception("a step of the setup failed")
            self.result = failed(error)


class Jobs:
    """The jobs of this process by name; each name has at most one."""

    def __init__(self) -> None:
        self._lock, self._jobs = threading.Lock(), dict[str, Job]()

    def start(self, name: str, work: Work) -> Job:
        """The running job of this name, or a new one."""
        with self._lock:
            found = self._jobs.get(name)
            if found is None or found.result is not None:
                found = self._jobs[name] = Job(work)
            return found

    def get(self, name: str) -> Job | None:
        return self._jobs.get(name)

    def drop(self, name: str) -> None:
        """Discard a finished job, whose result is outdated."""
        with self._lock:
            if (found := self._jobs.get(name)) and found.result is not None:
                del self._jobs[name]


jobs = Jobs()
