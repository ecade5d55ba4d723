"""Where a service runs: one release at a time, each a commit's files and a process in the service's environment."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import httpx

from tests.services.machine import free_port
from tests.services.repository import Repository

START = 60.0  # seconds until a release has to be healthy


class Failed(RuntimeError):
    """A release did not start."""


class Production:
    """Blue and green: a release serves when it is healthy, and then the one before it is stopped.

    ``command`` and ``prepare`` are argument lists in which {python}, {port} and {folder} are filled in. A service
    without a health path is a worker or a command. ``hears`` gets each line that a release writes.
    """

    def __init__(
        self,
        repository: Repository,
        folder: Path,
        python: Path,
        *,
        command: Sequence[str],
        prepare: Sequence[Sequence[str]] = (),
        subfolder: str = ".",
        health: str = "",
        variables: Mapping[str, str],
        hears: Callable[[str], None],
    ):
        self.repository, self.folder, self.python = repository, folder, python
        self.command, self.prepare, self.subfolder, self.health = command, prepare, subfolder, health
        self.variables, self.hears = dict(variables), hears
        self.sha, self.port, self.process = "", 0, None
        self.served: list[str] = []  # the commits that were live, oldest first
        self.lock = threading.RLock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def place(self, sha: str) -> Path:
        return self.folder / sha[:12] / self.subfolder

    def environment(self, sha: str) -> dict[str, str]:
        path = f"{self.python.parent}{os.pathsep}{os.environ['PATH']}"
        told = {name: value.format(sha=sha, folder=self.place(sha)) for name, value in self.variables.items()}
        return {"PATH": path, "HOME": str(self.folder), "PYTHONUNBUFFERED": "1", "LANG": "C.UTF-8", **told}

    def deploy(self, sha: str) -> None:
        """Make a commit live; one that is live stays. Raises Failed, and then nothing has changed."""
        with self.lock:
            if sha == self.sha:
                return
            if not self.place(sha).exists():
                self.repository.export(sha, self.folder / sha[:12])
            port = free_port()
            for words in self.prepare:
                subprocess.run(
                    self._filled(words, sha, port), cwd=self.place(sha), env=self.environment(sha), check=True
                )
            process = self._start(sha, port) if self.command else None
            old, self.process, self.sha, self.port = self.process, process, sha, port
            self.served.append(sha)
        stop(old)

    def _start(self, sha: str, port: int) -> subprocess.Popen:
        process = subprocess.Popen(
            self._filled(self.command, sha, port),
            cwd=self.place(sha),
            env=self.environment(sha),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        threading.Thread(target=self._read, args=(process,), daemon=True).start()
        if self.health and not self._healthy(process, f"http://127.0.0.1:{port}{self.health}"):
            stop(process)
            raise Failed(f"{sha[:12]} did not become healthy")
        return process

    def _filled(self, words: Sequence[str], sha: str, port: int) -> list[str]:
        known = {"python": str(self.python), "port": str(port), "folder": str(self.place(sha)), "sha": sha}
        return [word.format(**known) for word in words]

    def _read(self, process: subprocess.Popen) -> None:
        for line in process.stdout or ():
            self.hears(line.rstrip("\n"))

    def _healthy(self, process: subprocess.Popen, url: str) -> bool:
        deadline = time.monotonic() + START
        while time.monotonic() < deadline and process.poll() is None:
            try:
                return httpx.get(url, timeout=2).status_code == 200
            except httpx.HTTPError:
                time.sleep(0.1)
        return False

    def close(self) -> None:
        stop(self.process)


def stop(process: subprocess.Popen | None) -> None:
    """End a process with its whole tree: politely first, as container runtimes do."""
    if process is None or process.poll() is not None:
        return
    os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
