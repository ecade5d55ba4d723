"""Several workers on one database, SQLite or PostgreSQL: no work is done twice, and one's death is made good."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest
from filelock import Timeout
from sqlalchemy.exc import OperationalError
from sqlmodel import col, select

from core import scheduler
from core.db import store
from core.models import Deployment, Issue, Outcome, Round, Status
from core.ops import fencing
from core.settings import ROOT
from tests.stories.world import World, until

ISSUES = 4


@pytest.fixture
def worker(tmp_path, database):
    """Start a worker in a process of its own; what still lives at the end is killed."""
    started: list[subprocess.Popen] = []

    def start(*more: str) -> subprocess.Popen:
        argv = [sys.executable, "-m", "tests.stories.worker", str(tmp_path), database, *more]
        process = subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert json.loads(process.stdout.readline())["ready"]
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


def issues() -> list[Issue]:
    with store.read() as session:
        return list(session.exec(select(Issue).order_by(col(Issue.id))))


def all_ended() -> bool:
    return all(issue.status in (Status.RESOLVED, Status.ESCALATED) for issue in issues())


def test_two_workers_share_the_work_and_the_survivor_takes_over(tmp_path, database, worker):
    world = World(tmp_path, limit=50, watch=0.2, database=database)
    first, second = worker(), worker()
    ids = [world.issue(release=f"r{number}") for number in range(ISSUES)]
    until(lambda: world.ledger.effects("pull"))
    os.kill(first.pid, signal.SIGKILL)
    until(all_ended, seconds=500)
    assert second.poll() is None
    with store.read() as session:
        made = session.exec(select(Deployment).where(Deployment.environment == "production")).all()
        outcomes = session.exec(select(Outcome.issue_id)).all()
    assert sorted(outcomes) == ids, "each issue ends once"
    live = [row.issue_id for row in made if row.vendor_id]
    assert len(set(live)) == len(live), "one production deployment an issue"
    assert len(world.ledger.effects("pull")) == len({line for line in world.ledger.effects("pull")})
    assert len(world.ledger.effects("production")) == len(set(world.ledger.effects("production")))


LOCK = {"sqlite": "SELECT 1", "postgresql": "SELECT pg_advisory_xact_lock(20260)"}


def stop(process: subprocess.Popen, world: World) -> None:
    """Stop the process at a moment at which it holds neither the database's lock nor the vendors'."""
    while True:
        os.kill(process.pid, signal.SIGSTOP)
        try:
            with world.ledger.lock.acquire(timeout=0.5), store.engine().begin() as connection:
                dialect = store.engine().dialect.name
                before = {"sqlite": "PRAGMA busy_timeout = 500", "postgresql": "SET LOCAL lock_timeout = '500ms'"}
                for statement in (before[dialect], LOCK[dialect]):
                    connection.exec_driver_sql(statement)
                connection.exec_driver_sql("UPDATE worker SET role = role")
            return
        except (OperationalError, Timeout):
            os.kill(process.pid, signal.SIGCONT)


def test_a_worker_that_is_stopped_on_this_machine_is_replaced_and_ends_itself_when_it_wakes(tmp_path, database, worker):
    world = World(tmp_path, limit=50, watch=2, database=database)
    first = worker("3")
    issue_id = world.issue()
    until(lambda: world.get(issue_id).status is Status.WATCHING)
    stop(first, world)
    worker("3")
    until(lambda: world.get(issue_id).status is Status.RESOLVED, seconds=500)
    os.kill(first.pid, signal.SIGCONT)
    assert first.wait(timeout=200) == fencing.TAKEN_OVER
    effects = [line.split()[0] for line in world.ledger.effects()]
    assert effects == ["pull", "preview", "production", "merge"], "nothing happened twice"


def test_a_slot_of_time_is_one_round_whoever_takes_it(tmp_path, database):
    World(tmp_path, database=database)
    assert [scheduler._claim("7", name) is not None for name in ("a", "b", "a")] == [True, False, False]
    with store.read() as session:
        assert session.exec(select(Round.worker)).all() == ["a"]


def test_the_limit_of_an_hour_holds_for_all_workers(tmp_path, database, worker):
    world = World(tmp_path, limit=1, watch=0.2, database=database)
    worker(), worker()
    for number in range(3):
        world.issue(release=f"r{number}")
    until(lambda: any("an hour reached" in issue.reason for issue in issues()))
    until(lambda: [i.status for i in issues() if i.status not in (Status.QUEUED, Status.FIXING)] == [Status.RESOLVED])
    assert len(world.ledger.effects("production")) == 1
