from __future__ import annotations

import pytest
from dbos import DBOS

from core import flow  # noqa: F401 - flow registers the workflows
from core.ops import durable  # noqa: F401 - flow registers the workflows
from core.repair import engine
from core.stages.review import gates
from tests import blank
from tests.stories.world import World, pass_gates, write_known_fix


@pytest.fixture
def world(tmp_path, monkeypatch):
    """Make a world and run its engine until the test is over: ``world(watch=…)``."""
    monkeypatch.setattr(engine, "repair", write_known_fix)
    monkeypatch.setattr(gates, "review", pass_gates)
    running: list[durable.Executor] = []

    def make(**options) -> World:
        if not options.get("database"):
            blank.put(tmp_path / "data" / "platform.db", blank.engine)
        made = World(tmp_path, **options)
        executor = durable.Executor(made.settings.data_dir, "test")
        durable.launch(executor.id)
        executor.beat()
        running.append(executor)
        return made

    yield make
    for waiting in DBOS.list_workflows(status=["PENDING", "ENQUEUED"], load_input=False) if running else []:
        DBOS.cancel_workflow(waiting.workflow_id)  # what sleeps until its window would keep this process
    DBOS.destroy()
    for executor in running:
        executor.release()
