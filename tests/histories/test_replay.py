"""Work that waited under each earlier version goes on under this one, on both databases, to its right end."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from dbos import DBOS

from core import flow  # noqa: F401 - flow registers the workflows
from core.access import rights
from core.actions import approvals, deployments, issues  # noqa: F401 - flow registers the workflows
from core.models import Approval, Deployment, Status, now
from core.ops import durable, restart  # noqa: F401 - flow registers the workflows
from core.repair import engine
from core.stages import sweep  # noqa: F401 - flow registers the workflows
from core.stages.review import gates
from tests.blank import workflows
from tests.histories import shapes
from tests.stories.test_flow import ended, rows
from tests.stories.world import World, pass_gates, until, write_known_fix
from tests.who import by

HERE = Path(__file__).parent
HISTORIES = sorted(HERE.glob("*/*.json"))


@pytest.fixture
def replay(tmp_path, monkeypatch, database):
    """Load a history into a database of its own and run this version's engine on it: ``replay(path, later=...)``."""
    monkeypatch.setattr(engine, "repair", write_known_fix)
    monkeypatch.setattr(gates, "review", pass_gates)
    running: list[durable.Executor] = []

    def make(path: Path, later: timedelta = timedelta(), recoveries: int = 0) -> World:
        history = shapes.load(path)
        for row in history["engine"]["workflow_status"]:
            row["recovery_attempts"] += recoveries
        shapes.restore_repository(history, tmp_path / "origin.git")
        shapes.restore_vendors(history, tmp_path / "vendors")
        world = World(tmp_path, database=database, start=f"{now() - timedelta(minutes=5):%H:%M}")  # the window is open
        workflows()
        running.append(durable.Executor(world.settings.data_dir, "test"))
        shapes.restore_rows(history, running[0].id, later)
        durable.launch(running[0].id)
        running[0].beat()
        return world

    yield make
    DBOS.destroy()
    for executor in running:
        executor.release()


def _frequent(world: World) -> None:
    until(lambda: [r for r in rows(Deployment, Deployment.environment == "production") if r.ready_at])
    world.was_frequent(1)


def named(name: str) -> list:
    """One parameter a version that recorded this wait."""
    return [pytest.param(path, id=f"{path.parent.name}-{name}") for path in HISTORIES if path.stem == name]


def test_every_version_recorded_every_wait():
    kinds = {path.parent: {p.stem for p in path.parent.glob("*.json")} for path in HISTORIES}
    assert kinds and all(found >= {"approval", "window", "queue", "watch"} for found in kinds.values())


@pytest.mark.parametrize("path", named("approval") + named("approval_after_window"))
def test_an_approval_is_heard(replay, path):
    world = replay(path)
    [asked] = rows(Approval)
    assert approvals.approve(asked.id, actor=by("ada"), patch_hash=asked.patch_hash, key="k").done
    _released(world)
    assert not rows(Deployment, Deployment.environment == "production")[0].automatic


@pytest.mark.parametrize("path", named("approval") + named("watch"))
def test_recoveries_are_not_limited(replay, path):
    """A worker that restarted 500 times while it waited gives nothing up."""
    world = replay(path, recoveries=500)
    for asked in rows(Approval):
        approvals.approve(asked.id, actor=by("ada"), patch_hash=asked.patch_hash, key="k")
    _released(world)


@pytest.mark.parametrize("path", named("approval"))
def test_an_approval_that_nobody_gave_in_time_expires(replay, path):
    world = replay(path, later=timedelta(hours=9))
    issue = ended(world, 1, Status.RESOLVED, Status.ESCALATED)
    assert (issue.status, rows(Approval)[0].state) == (Status.ESCALATED, "expired")
    assert not world.ledger.effects("production")


@pytest.mark.parametrize("path", named("window"))
def test_a_window_that_came_is_used(replay, path):
    _released(replay(path, later=timedelta(days=1)))


@pytest.mark.parametrize("path", named("window"))
def test_a_window_that_opened_sooner_wakes_it(replay, path):
    """Work that sleeps since a version without messages hears none: it starts anew."""
    world = replay(path)
    until(lambda: restart.asleep("issue-1-run-1"))
    sweep.sweep(world.rt)
    _frequent(world)
    assert ended(world, 1, Status.RESOLVED, Status.ESCALATED).status is Status.RESOLVED
    assert _workflow("issue-1-run-1") == "CANCELLED"


@pytest.mark.parametrize("path", named("window"))
def test_a_person_starts_it_now(replay, path):
    world = replay(path)
    until(lambda: restart.asleep("issue-1-run-1"))
    deployments.start_now(1, actor=by("ada"), key="k")
    _frequent(world)
    assert ended(world, 1, Status.RESOLVED, Status.ESCALATED).status is Status.RESOLVED


@pytest.mark.parametrize("path", named("queue"))
def test_the_queue_moves_when_the_hour_has_room(replay, path):
    _released(replay(path, later=timedelta(minutes=1)))


@pytest.mark.parametrize("path", named("corroboration"))
def test_late_metrics_corroborate(replay, path):
    world = replay(path)
    world.fares("pricing", 20)
    _released(world)


@pytest.mark.parametrize("path", named("watch"))
def test_a_watch_goes_on(replay, path):
    world = replay(path)
    _released(world)
    assert len(world.ledger.effects("production")) == 1, "it was in production already"


@pytest.mark.parametrize("path", named("watch"))
def test_a_watch_that_finds_harm_rolls_back(replay, path):
    world = replay(path)
    world.ledger.put("rate_of_fix", 0.4)
    issue = ended(world, 1, Status.ESCALATED)
    assert world.ledger.get("alias") == "dpl_1", issue.reason


# --- a step that is added to the flow ----------------------------------------------------------


def _adding_a_step(monkeypatch, patched: bool) -> None:
    """A later version that takes one more step before it asks for approval."""
    asks = flow.approval

    def approval(issue_id: int, run: int, change_id: int) -> dict:
        if not patched or DBOS.patch("one-more-step"):
            flow.attempts_step(issue_id, run)
        return asks(issue_id, run, change_id)

    monkeypatch.setattr(flow, "approval", approval)


@pytest.mark.parametrize("path", named("approval"))
def test_a_step_behind_a_patch_strands_nothing(replay, path, monkeypatch):
    _adding_a_step(monkeypatch, patched=True)
    world = replay(path)
    [asked] = rows(Approval)
    approvals.approve(asked.id, actor=by("ada"), patch_hash=asked.patch_hash, key="k")
    _released(world)


@pytest.mark.parametrize("path", named("approval"))
def test_a_step_without_a_patch_ends_with_a_person_and_an_honest_answer(replay, path, monkeypatch):
    """The histories find such a step before a release; if one gets out, nothing waits for ever."""
    _adding_a_step(monkeypatch, patched=False)
    world = replay(path)
    [asked] = rows(Approval)
    assert ended(world, 1, Status.RESOLVED, Status.ESCALATED).status is Status.ESCALATED
    with pytest.raises(rights.Refused, match="No work waits for this answer. Restart the issue from a stage"):
        approvals.approve(asked.id, actor=by("ada"), patch_hash=asked.patch_hash, key="k")


def _released(world: World) -> None:
    _frequent(world)
    issue = ended(world, 1, Status.RESOLVED, Status.ESCALATED)
    assert issue.status is Status.RESOLVED, issue.reason
    until(lambda: _workflow("issue-1-run-1") == "SUCCESS")
    assert world.ledger.get("alias") == rows(Deployment, Deployment.environment == "production")[0].vendor_id


def _workflow(name: str) -> str:
    [found] = durable.client().list_workflows(workflow_ids=[name], load_input=False)
    return found.status
