from __future__ import annotations

import threading

import pytest
from dbos import DBOS

from core import flow  # noqa: F401 - flow registers the workflows
from core.ops import durable, infrastructure
from core.repair import engine
from core.stages.review import gates
from tests import blank
from tests.stories.world import World, pass_gates, write_known_fix


class Steps:
    """The steps that run in this process: none may outlast its story and write into the store of the next one."""

    def __init__(self, answered) -> None:
        self.answered, self.running, self.over = answered, 0, False
        self.changed = threading.Condition()

    def __call__(self, work, **options):
        with self.changed:
            if self.over:
                raise RuntimeError("the story is over")
            self.running += 1
        try:
            return self.answered(work, **options)
        finally:
            with self.changed:
                self.running -= 1
                self.changed.notify_all()

    def end(self) -> None:
        with self.changed:
            self.over = True
            assert self.changed.wait_for(lambda: not self.running, timeout=300), "a step does not end"


@pytest.fixture
def world(tmp_path, monkeypatch):
    """Make a world and run its engine until the test is over: ``world(watch=…)``."""
    steps = Steps(infrastructure.answered)
    monkeypatch.setattr(infrastructure, "answered", steps)
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
    steps.end()
    for waiting in DBOS.list_workflows(status=["PENDING", "ENQUEUED"], load_input=False) if running else []:
        DBOS.cancel_workflow(waiting.workflow_id)  # what sleeps until its window would keep this process
    DBOS.destroy()
    for executor in running:
        executor.release()
