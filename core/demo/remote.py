"""The remote control of a running demo, and whether the code that it serves behaves."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import httpx

from core.demo.faults import DemoFault


class RemoteControl:
    """The remote control of the demo's shop."""

    def __init__(self, folder: Path):
        state = json.loads((folder / "sandbox.json").read_text())
        self.client = httpx.Client(
            base_url=f"http://127.0.0.1:{state['port']}/_sandbox",
            timeout=60,
            headers={"X-Sandbox-Token": state["token"]},
        )

    def status(self) -> dict:
        return self.client.get("/status").json()

    def post(self, what: str, name: str) -> dict:
        answer = self.client.post(f"/{what}", json={"name": name})
        if answer.status_code != 200:
            raise SystemExit(f"{what} {name}: {answer.json().get('message')}")
        return answer.json()


def behaves(folder: Path, fault: DemoFault) -> bool:
    """Whether the code in production of the demo in ``folder`` passes the fault's hidden checks."""
    live = RemoteControl(folder).status()["production"]["id"]
    done = subprocess.run(
        [sys.executable, "-c", fault.checks], cwd=folder / "deployments" / live, capture_output=True, timeout=60
    )
    return done.returncode == 0
