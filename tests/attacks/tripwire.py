"""``python -m tests.attacks.tripwire FOLDER``: one whole journey over a hostile repository, with the real sandbox.

Prints, as JSON lines, how it ended, which module of the engine opened which file of the repository's checkouts, which
modules it imported from there, and which lines of its settings a parser of the engine's process was given.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from pathlib import Path

from core import flow  # noqa: F401 - flow registers the workflows
from core.actions import (
    approvals,
    issues,  # noqa: F401 - flow registers the workflows
)
from core.db import store  # noqa: F401 - flow registers the workflows
from core.models import Approval, Review, Status
from core.ops import durable  # noqa: F401 - flow registers the workflows
from core.repair.sandbox.runner import BubblewrapRunner
from core.repair.types import Candidate, Evidence
from tests.attacks import parsing
from tests.attacks.repository import SHOP
from tests.stories.world import World, until
from tests.who import by

OPENED: set[tuple[str, str]] = set()
READ_BACK = ("core.repair.sandbox.runner", "read_back")  # opens for others
OVER = (Status.RESOLVED, Status.ESCALATED, Status.DISMISSED)


class Scripted:
    """In place of a model: the right change, which the engine has to judge and to prove as any other."""

    name = "openai"  # as the policy orders it

    def propose(self, tree, crash, feedback=()):
        fixed = SHOP.replace("    return part", "    if not whole:\n        return 0.0\n    return part")
        evidence = ["the docstring says: Returns 0.0 when whole is 0."]
        yield Candidate("guard", {"shop.py": fixed}, "Nothing of nothing is 0.0", evidence, Evidence.DOCUMENTED)


def watch(folder: Path) -> None:
    """Note each file below the folder that Python code opens, with the nearest module of the engine."""
    below = f"{folder}{os.sep}"

    def note(event: str, given: tuple) -> None:
        if event == "open" and isinstance(given[0], str | bytes) and os.fsdecode(given[0]).startswith(below):
            OPENED.add((os.fsdecode(given[0]), parsing.asking(sys._getframe(1), READ_BACK)))

    sys.addaudithook(note)


def journey(folder: Path) -> dict:
    """The issue's journey to its end; the approval that it may ask for is given."""
    made = World(folder, watch=0.4)
    made.rt.runner, made.rt.fixers = BubblewrapRunner(), [Scripted()]
    executor = durable.Executor(made.settings.data_dir, "test")
    durable.launch(executor.id)
    executor.beat()
    issue_id = made.issue()

    def over() -> bool:
        with store.read() as session:
            asked = session.exec(store.select(Approval).where(Approval.state == "pending")).first()
        if asked:
            approvals.approve(asked.id, actor=by("ada"), patch_hash=asked.patch_hash, key="k")
        return made.get(issue_id).status in OVER

    until(over, seconds=800)
    with store.read() as session:
        gates = [gate for review in session.exec(store.select(Review)) for gate in review.gates]
    issue = made.get(issue_id)
    return {"status": issue.status, "reason": issue.reason, "gates": gates, "effects": made.ledger.effects()}


def main(folder: Path) -> None:
    parsing.watch()
    watch(folder / "data" / "worktrees")
    told = journey(folder)
    files = {name: getattr(module, "__file__", None) or "" for name, module in list(sys.modules.items())}
    told["imported"] = [name for name, file in files.items() if file.startswith(str(folder))]
    told["opened"] = sorted(OPENED)
    told["parsed"] = parsing.parsed(set(json.loads((folder / parsing.SETTINGS).read_text())))
    print(json.dumps(told), flush=True)
    os._exit(0)


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]))
    finally:  # the threads of an engine that waits would keep it alive
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
