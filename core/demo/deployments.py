"""Deployments: a commit of the shop, or uploaded files, as a separate process; the alias names production."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from core.demo.repo import ShopRepo
from core.demo.telemetry import Telemetry

START_SECONDS, KEEP = 20.0, 8
STATIC = ".vercel/output/static"


@dataclass
class DemoDeployment:
    id: str
    sha: str
    ref: str
    target: str  # preview or production
    meta: dict = field(default_factory=dict)
    created: int = field(default_factory=lambda: int(time.time() * 1000))
    ready: int = 0
    state: str = "BUILDING"
    port: int = 0
    output: list[str] = field(default_factory=list)
    process: subprocess.Popen | None = None
    files: dict[str, bytes] | None = None  # uploaded files instead of a commit: a static site

    def argv(self) -> list[str]:
        if self.files is None:
            return [sys.executable, "-m", "shop", "--port", str(self.port)]
        return [sys.executable, "-m", "http.server", str(self.port), "--bind", "127.0.0.1", "--directory", STATIC]


class Rolls(Protocol):
    """Rolling releases, where the vendor has them."""

    def begin(self, made: DemoDeployment) -> bool: ...

    def picked(self) -> str: ...


class Deployments:
    def __init__(self, folder: Path, repo: ShopRepo | None, telemetry: Telemetry, environment: dict[str, str]):
        self.folder, self.repo, self.telemetry, self.environment = folder, repo, telemetry, environment
        self.all: dict[str, DemoDeployment] = {}
        self.alias, self.previous, self.changed = "", "", 0
        self.rolls: Rolls | None = None
        self.auto_assign = True  # as at Vercel, a rollback disables it until the next promotion
        self.variables: dict[str, str] = {}
        self.lock = threading.RLock()

    def create(
        self, sha: str, ref: str, target: str, meta: dict, files: dict[str, bytes] | None = None
    ) -> DemoDeployment:
        """Start a commit as a process. Its health check makes it READY or ERROR, its target makes it production."""
        with self.lock:
            made = DemoDeployment(f"dpl_{len(self.all) + 1:04d}{sha[:10]}", sha, ref, target, meta, files=files)
            made.port = free_port()
            self.all[made.id] = made
        threading.Thread(target=self._start, args=(made,), daemon=True).start()
        return made

    def again(self, source: DemoDeployment, target: str, meta: dict) -> DemoDeployment:
        """A new deployment from the source of another one."""
        return self.create(source.sha, source.ref, target, meta, source.files)

    def _lay_out(self, made: DemoDeployment, folder: Path) -> None:
        if made.files is None:
            if self.repo is None:
                raise RuntimeError("there is no repository to deploy a commit of")
            self.repo.export(made.sha, folder)
            return
        (folder / STATIC).mkdir(parents=True, exist_ok=True)
        for name, content in made.files.items():
            path = (folder / name).resolve()
            if folder.resolve() not in path.parents:
                raise RuntimeError(f"{name} lies outside of the deployment")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    def _start(self, made: DemoDeployment) -> None:
        try:
            folder = self.folder / made.id
            self._lay_out(made, folder)
            env = {
                "PATH": os.environ["PATH"],
                "PYTHONUNBUFFERED": "1",
                "RELEASE": made.sha,
                "ENVIRONMENT": made.target,
                **self.environment,
                **self.variables,
            }
            made.process = process = subprocess.Popen(
                made.argv(),
                cwd=folder,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
            threading.Thread(target=self._read, args=(made, process), daemon=True).start()
            self._built(made, "READY" if self._healthy(made, process) else "ERROR")
        except (OSError, RuntimeError) as error:
            self._built(made, "ERROR")
            made.output.append(str(error))
        assigned = made.state == "READY" and made.target == "production" and self.auto_assign
        if assigned and not (self.rolls and self.rolls.begin(made)):
            self.point(made.id)
        self._tidy()

    def _built(self, made: DemoDeployment, state: str) -> None:
        with self.lock:
            if made.state == "BUILDING":
                made.state, made.ready = state, int(time.time() * 1000)

    def cancel(self, made: DemoDeployment) -> bool:
        """Stop an unfinished deployment; returns whether it was unfinished."""
        with self.lock:
            if made.state != "BUILDING":
                return False
            made.state = "CANCELED"
        stop(made)
        return True

    def _read(self, made: DemoDeployment, process: subprocess.Popen) -> None:
        for line in process.stdout or ():
            if not line.startswith("{"):
                made.output = [*made.output[-50:], line.rstrip()]
            self.telemetry.line(line, made.target)

    def _healthy(self, made: DemoDeployment, process: subprocess.Popen) -> bool:
        deadline, path = time.monotonic() + START_SECONDS, "/health" if made.files is None else "/"
        while time.monotonic() < deadline and process.poll() is None:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{made.port}{path}", timeout=2) as answer:
                    return answer.status == 200
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        return False

    def point(self, deployment_id: str) -> None:
        """Move the production alias."""
        with self.lock:
            self.previous, self.alias, self.changed = self.alias, deployment_id, int(time.time() * 1000)

    def production(self) -> DemoDeployment | None:
        return self.all.get(self.alias)

    def serving(self) -> DemoDeployment | None:
        """The deployment that serves one request: production's, or one that is rolled out."""
        return self.all.get(self.rolls.picked()) if self.rolls else self.production()

    def _tidy(self) -> None:
        """Stop the oldest processes, except production and its rollback targets."""
        with self.lock:
            running = [d for d in self.all.values() if d.process and d.process.poll() is None]
            for old in running[:-KEEP]:
                if old.id not in (self.alias, self.previous):
                    stop(old)

    def close(self) -> None:
        for made in self.all.values():
            stop(made)


def stop(made: DemoDeployment) -> None:
    if made.process and made.process.poll() is None:
        os.killpg(made.process.pid, signal.SIGKILL)
        made.process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
