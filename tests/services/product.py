"""The platform as a customer runs it, and a person of the team who uses it: signs in, approves, and looks."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx

from core.settings import ROOT
from tests.services.machine import free_port
from tests.services.production import stop

CONSOLE = ["-m", "streamlit", "run", "console/server/app.py", "--server.headless", "true",
           "--browser.gatherUsageStats", "false", "--server.address", "127.0.0.1", "--server.port"]  # fmt: skip
ONE_TIME = re.compile(r"one-time password (\S+)")
TICKET = re.compile(r'name="ticket"[^>]*value="([^"]+)"|value="([^"]+)"[^>]*name="ticket"')
PASSWORD = "Marmalade-Bicycle-1874"  # noqa: S105 - of the person in a throw-away database
STARTS = 300.0  # seconds; a busy machine starts slowly
SCOPES = ("view", "operate", "approve")


class Product:
    """Its command line and its API; ``environment`` are the variables that a customer sets."""

    def __init__(self, folder: Path, environment: Mapping[str, str]):
        self.folder, self.port = folder, free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        own = {"DATA_DIR": str(folder / "data"), "PLATFORM_FILE": str(folder / "platform.toml"), "PUBLIC_URL": self.url}
        self.environment = {**_inherited(), **own, **environment}
        self.api = httpx.Client(base_url=f"{self.url}/api", timeout=60)

    def core(self, *words: str, given: str = "") -> str:
        """``python -m core ...``. Raises RuntimeError with what it wrote."""
        done = self.run(*words, given=given)
        if done.returncode:
            raise RuntimeError(f"python -m core {' '.join(words)}: {(done.stderr or done.stdout).strip()[-800:]}")
        return done.stdout

    def run(self, *words: str, given: str = "") -> subprocess.CompletedProcess:
        argv = [sys.executable, "-m", "core", *words]
        return subprocess.run(
            argv, cwd=ROOT, env=self.environment, input=given, capture_output=True, text=True, timeout=300
        )

    def ingest_token(self, service: str) -> str:
        return self.core("token", "ingest", service).strip().splitlines()[-1].split()[-1]

    @contextmanager
    def running(self) -> Iterator[Product]:
        """The console with its engine, and a person who may approve."""
        first = ONE_TIME.search(self.core("user", "add", "robin", "--role", "admin"))
        assert first, "no one-time password was printed"
        with (self.folder / "console.log").open("w") as log:
            process = subprocess.Popen(
                [sys.executable, *CONSOLE, str(self.port)],
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
            try:
                self._reachable(process)
                self._settle_in(first[1])
                yield self
            finally:
                stop(process)

    def _reachable(self, process: subprocess.Popen) -> None:
        deadline = time.monotonic() + STARTS
        while time.monotonic() < deadline and process.poll() is None:
            try:
                if httpx.get(f"{self.url}/healthz", timeout=5).status_code < 500:
                    return
            except httpx.HTTPError:
                time.sleep(0.2)
        raise RuntimeError(f"The console did not start: {(self.folder / 'console.log').read_text()[-1500:]}")

    def _settle_in(self, one_time: str) -> None:
        """Sign in with the one-time password, choose another, and issue a token for this program."""
        with httpx.Client(base_url=self.url, headers={"Origin": self.url}, timeout=60) as browser:
            _post(browser, "/login", name="robin", password=one_time, next="/")
            _post(browser, "/password", old=one_time, new=PASSWORD, again=PASSWORD)
        scopes = [word for scope in SCOPES for word in ("--scope", scope)]
        words = ("token", "add", "robin", "--label", "story", *scopes, "--password-stdin")
        self.api.headers["Authorization"] = f"Bearer {self.core(*words, given=PASSWORD).strip()}"

    # --- what a person sees and does

    def issues(self) -> list[dict]:
        return self._get("/status")["all"]

    def issue(self, number: int) -> dict:
        """The issue with its pending ``approval``."""
        told = self._get(f"/issues/{number}")
        return told["issue"] | {"approval": told["approval"]}

    def approve(self, number: int, patch_hash: str) -> None:
        answer = self.api.post(f"/issues/{number}/approve", json={"patch_hash": patch_hash})
        if answer.status_code not in (200, 409):  # 409: answered or replaced meanwhile
            raise RuntimeError(f"approve: {answer.status_code} {answer.text[:300]}")

    def _get(self, path: str) -> dict:
        return self.api.get(path).raise_for_status().json()


def _inherited() -> dict[str, str]:
    """The variables of this process without those that would connect the platform to anything."""
    kept = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "PIP_CERT", "SSL_CERT_FILE", "UV_CACHE_DIR", "VIRTUAL_ENV")
    return {name: os.environ[name] for name in kept if name in os.environ}


def _post(browser: httpx.Client, path: str, **fields: str) -> None:
    found = TICKET.search(browser.get(path).text)
    assert found, f"{path} has no form"
    answer = browser.post(path, data={"ticket": found[1] or found[2], **fields})
    if answer.status_code != 303:
        raise RuntimeError(f"{path}: {answer.status_code} {answer.text[-500:]}")
