"""From an empty platform to an issue on screen, through the Setup page alone."""

from __future__ import annotations

import pytest
from sqlmodel import select
from starlette.applications import Starlette
from starlette.testclient import TestClient

from console import process
from console.server import app as server
from core import bootstrap
from core.db import store
from core.models import Issue, Status
from core.models.enums import TEST_ENVIRONMENT
from core.setup import signal
from core.setup.jobs import jobs
from core.stages import group
from core.stages.collect import Collector
from tests import screens
from tests.setup.conftest import committed

FILES = {
    "shop/__init__.py": "",
    "shop/total.py": "def total(rows):\n    return sum(rows)\n",
    "tests/test_total.py": "from shop.total import total\n\n\ndef test_total():\n    assert total([1, 2]) == 3\n",
}


@pytest.fixture
def remote(tmp_path):
    return committed(tmp_path / "remote", FILES)


@pytest.fixture
def runtime(tmp_path):
    yield bootstrap.build(screens.open_empty(tmp_path / "data"))
    jobs._jobs.clear()


class Visitor:
    """An admin in front of the page."""

    def __init__(self):
        self.at = screens.visit("setup")

    def fill(self, **fields: str) -> None:
        for key, value in fields.items():
            self.at.text_input(key=f"setup-field-{key}").input(value)

    def press(self, label: str, job: str = "") -> str:
        """What the page says after the click, and after the job that it starts."""
        next(button for button in self.at.button if button.label == label).click().run()
        if job:
            jobs.get(job).thread.join(120)
            self.at.run()
        assert not self.at.exception
        return screens.seen(self.at)


class Cycles:
    """Collection cycles, as the engine runs them."""

    def __init__(self, runtime):
        self.runtime, self.collector, self.started = runtime, Collector(), []

    def run(self) -> None:
        self.collector.round(self.runtime, inputs_only=True)
        group.group_new(self.runtime)
        self.started += group.start_new(self.runtime, begin=lambda session, issue: None)


def issues() -> list[Issue]:
    with store.read() as session:
        return list(session.exec(select(Issue).order_by(Issue.id)))


def test_an_empty_platform_comes_to_an_issue_on_screen(runtime, remote, monkeypatch):
    cycles, visitor = Cycles(runtime), Visitor()
    monkeypatch.setattr(signal, "_wait", cycles.run)

    visitor.fill(service="orders", remote=str(remote), branch="main")
    assert "3 files" in visitor.press("Check the repository", "repository")
    visitor.press("Save the service")
    assert process.policy()[0].services["orders"].repository == "orders"

    says = visitor.press("Find and build", "environment")
    assert "shop" in says and "tests" in says and "at commit" in says
    visitor.press("Confirm what was found")
    assert process.policy()[0].repositories["orders"].source == ["shop"]

    visitor.press("Issue a token")
    token = next(block.value for block in visitor.at.code if block.value.startswith("dip_in_"))
    visitor.press("I have saved it")
    assert token not in str([block.value for block in visitor.at.code])

    assert "no code host is connected" in visitor.press("Check the way", "delivery")
    visitor.press("Save the way")
    assert process.policy()[0].repositories["orders"].delivery == "pull_request"

    assert "Test issue" in visitor.press("Send a test event", "event")
    [found] = issues()
    assert (found.service, found.environment, found.status) == ("orders", TEST_ENVIRONMENT, Status.NEW)
    assert "complete" in screens.seen(visitor.at)
    assert "SetupTestEvent" in screens.seen(screens.visit("issues"))

    visitor.press("Send a test event", "event")
    cycles.run()
    assert not cycles.started, "a test event starts no run, however often it is sent"
    visitor.press("Remove the test event")
    assert not issues()

    app = Starlette(routes=server.app._user_routes, middleware=server.app._user_middleware)
    with TestClient(app, client=("127.0.0.1", 50000)) as client:
        event = {"type": "ValueError", "message": "a first event"}
        sent = client.post("/ingest/events", json=[event, {**event, "id": "2"}],
                           headers={"authorization": f"Bearer {token}"})  # fmt: skip
    assert sent.status_code == 202
    cycles.run()
    assert [issue.id for issue in issues()] == cycles.started, "a real one does"
