"""The world of the chaos drill: the stories' world with harmful builds and a network that can be cut.

``python -m tests.drills.chaos_world FOLDER [DATABASE]`` runs one worker on it until it is killed.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core import flow  # noqa: F401 - flow registers the workflows
from core.ops import durable  # noqa: F401 - flow registers the workflows
from core.repair import engine
from core.repair.types import Candidate, FixResult, Proof, RegressionTest
from core.stages import sweep  # noqa: F401 - flow registers the workflows
from core.stages.review import gates
from core.vendors.base import VendorError
from tests.stories.world import FolderHealth, World, pass_gates

HARMFUL = "0123"  # a build is harmful if its commit starts with one of these hex digits: a quarter of them
RATE = 0.4  # of its requests fail
BEAT = 1.0  # seconds


def write_own_fix(tree: Path, crash, **_: Any) -> FixResult:
    """Replaces the repair engine: each fix has its own files, so that fixes do not conflict."""
    name = crash.release
    code, test = (
        f"def value():\n    return {name[1:]}\n",
        f"from {name} import value\n\n\ndef test_{name}():\n    assert value()\n",
    )
    (tree / f"{name}.py").write_text(code)
    (tree / "tests" / f"test_{name}.py").write_text(test)
    return FixResult(
        "fix",
        "proved",
        candidate=Candidate("guard", {f"{name}.py": code}, "A value of its own"),
        test=RegressionTest(f"tests/test_{name}.py", test),
        proof=Proof(True, True, True, True),
        confidence=0.9,
    )


def harmful(sha: str) -> bool:
    return sha.startswith(tuple(HARMFUL))


class Health(FolderHealth):
    """Points by the build that production served: its commit determines the harm. Records each look.

    The points are rarer than in a story: every look reads those of the last hour.
    """

    tick = 0.5

    def points(self, services, since, until):
        with (self.ledger.folder / "looks").open("a") as file:
            file.write(f"{time.time()}\n")
        builds = self.ledger.get("deployments", {}).values()
        rates = {row["vendor_id"]: RATE for row in builds if row["kind"] == "production" and harmful(row["sha"])}
        self.ledger.put("rates", {"dpl_1": 0.1, **rates})
        return super().points(services, since, until)


class Cut:
    """A vendor whose network is cut while the ledger states it."""

    def __init__(self, vendor: Any, ledger):
        self._vendor, self._ledger = vendor, ledger

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._vendor, name)
        if not callable(found):
            return found

        def call(*args: Any, **kw: Any) -> Any:
            if time.time() < self._ledger.get("cut_until", 0.0):
                raise VendorError(self._vendor.name, "the network is unreachable")
            return found(*args, **kw)

        return call


def world(folder: Path, database: str) -> World:
    made = World(folder, watch=2.0, limit=100_000, database=database)
    rt, ledger = made.rt, made.ledger
    rt.health, rt.vercel, rt.host = Cut(Health(ledger), ledger), Cut(rt.vercel, ledger), Cut(rt.host, ledger)
    return made


def ready(folder: Path, pid: int) -> Path:
    """The file that marks the worker with this process id as started."""
    return folder / f"ready-{pid}"


def worker(folder: Path, database: str) -> None:
    engine.repair, gates.review = write_own_fix, pass_gates
    made = _insist(lambda: world(folder, database))
    executor = durable.Executor(made.settings.data_dir, "chaos")
    _insist(executor.beat)
    durable.launch(executor.id)  # if this fails, the process ends and is restarted
    ready(folder, os.getpid()).touch()
    while True:
        time.sleep(BEAT)
        for work in (executor.beat, lambda: durable.reap(executor), lambda: sweep.sweep(made.rt)):
            try:
                work()
            except Exception as error:  # noqa: BLE001 - as APScheduler does with a job that fails
                logging.warning("upkeep: %s", error)


def _insist(work: Callable[[], Any]) -> Any:
    """Retry the start; in production, a supervisor would restart the worker."""
    while True:
        try:
            return work()
        except Exception as error:  # noqa: BLE001 - whatever kept it from starting
            logging.warning("start: %s", error)
            time.sleep(0.5)


if __name__ == "__main__":
    worker(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "")
