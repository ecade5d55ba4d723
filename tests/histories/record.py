"""``python -m tests.histories.record FOLDER [NAME ...]``: record histories with the code as it is checked out.

Do this once for each released version, before the flow changes, and keep the files: docs/adding-a-step.md.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from core import flow  # noqa: F401 - flow registers the workflows
from core.db import store  # noqa: F401 - flow registers the workflows
from core.models import StageRun, Status
from core.ops import durable  # noqa: F401 - flow registers the workflows
from core.repair import engine
from core.stages.review import gates
from tests.histories import shapes
from tests.stories.world import World, pass_gates, until, write_known_fix

SCHEDULED = {"impact": "medium", "confidence": 0.8, "simplicity": 0.7}


def _in(world: World, issue_id: int, status: Status) -> None:
    until(lambda: world.get(issue_id).status is status)


def approval(world: World) -> None:
    _in(world, world.issue("checkout"), Status.AWAITING_APPROVAL)


def window(world: World) -> None:
    world.ledger.put("finding", SCHEDULED)
    _in(world, world.issue(), Status.SCHEDULED)


def approval_after_window(world: World) -> None:
    """Its window opened, it was diagnosed once more, and then a person was asked."""
    world.ledger.put("finding", SCHEDULED)
    issue_id = world.issue(failed=0)
    _in(world, issue_id, Status.SCHEDULED)
    until(lambda: world.get(issue_id).status is Status.AWAITING_APPROVAL, seconds=150)


def queue(world: World) -> None:
    issue_id = world.issue()
    until(lambda: "an hour reached" in world.get(issue_id).reason)


def watch(world: World) -> None:
    _in(world, world.issue(), Status.WATCHING)
    until(lambda: _looks() and world.get(1).status is Status.WATCHING)


def _looks() -> list[StageRun]:
    with store.read() as session:
        return list(session.exec(store.select(StageRun).where(StageRun.stage == "verify", StageRun.says != "")))


def corroboration(world: World) -> None:
    issue_id = world.issue(failed=0)
    until(lambda: _last_step(issue_id) == "DBOS.sleep")


def _tomorrow() -> dict:
    at = datetime.now(UTC) + timedelta(days=1)
    return {"days": [at.weekday()], "start": f"{at:%H:%M}"}


def _soon() -> dict:
    """A window that opens with the next minute."""
    at = datetime.now(UTC) + timedelta(seconds=70)
    return {"days": [at.weekday()], "start": f"{at:%H:%M}"}


WAITS: dict[str, tuple[Callable[[World], None], Callable[[], dict]]] = {
    "approval": (approval, dict),
    "window": (window, _tomorrow),
    "approval_after_window": (approval_after_window, _soon),
    "queue": (queue, lambda: {"limit": 0}),
    "watch": (watch, lambda: {"watch": 3600}),
    "corroboration": (corroboration, lambda: {"wait": 3600}),
}


def _last_step(issue_id: int) -> str:
    """The last recorded step of the issue's innermost workflow."""
    for workflow_id in (f"issue-{issue_id}-run-1-release", f"issue-{issue_id}-run-1"):
        if durable.known(workflow_id):
            steps = durable.client().list_workflow_steps(workflow_id)
            return steps[-1]["function_name"] if steps else ""
    return ""


def record(name: str, folder: Path) -> Path:
    reach, options = WAITS[name]
    with tempfile.TemporaryDirectory() as place:
        world = World(Path(place), **options())
        durable.launch("recorded")
        reach(world)
        until(lambda: _last_step(1) == "DBOS.sleep")  # nothing moves any more
        text = json.dumps(shapes.dump(world), indent=1, sort_keys=True)
        assert place not in text, "a history names no path of the machine that recorded it"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    path.write_text(text + "\n", encoding="utf-8")
    return path


def main(folder: Path, names: list[str]) -> None:
    engine.repair, gates.review = write_known_fix, pass_gates
    if len(names) == 1:
        print(record(names[0], folder), flush=True)
        os._exit(0)  # work that sleeps for days must not keep the process
    for name in names or WAITS:
        if os.spawnv(os.P_WAIT, sys.executable, [sys.executable, "-m", "tests.histories.record", str(folder), name]):
            raise SystemExit(f"{name} was not recorded")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
