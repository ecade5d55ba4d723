"""Several workers on one database, SQLite or PostgreSQL: no work is done twice, and one's death is made good."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest
from sqlmodel import col, select

from core import scheduler, store
from core.models import Deployment, Issue, Outcome, Round, Status
from core.settings import ROOT
from tests.postgres import postgres
from tests.stories.world import World, until

ISSUES = 6


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request):
    if request.param == "sqlite":
        yield ""
        return
    with postgres() as address:
        yield address


@pytest.fixture
def worker(tmp_path, database):
    """Start a worker in a process of its own; what still lives at the end is killed."""
    started: list[subprocess.Popen] = []

    def start() -> subprocess.Popen:
        argv = [sys.executable, "-m", "tests.stories.worker", str(tmp_path), database]
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
    until(all_ended, seconds=120)
    assert second.poll() is None
    with store.read() as session:
        made = session.exec(select(Deployment).where(Deployment.environment == "production")).all()
        outcomes = session.exec(select(Outcome.issue_id)).all()
    assert sorted(outcomes) == ids, "each issue ends once"
    assert len({row.issue_id for row in made}) == len(made), "one production deployment an issue"
    assert len(world.ledger.effects("pull")) == len({line for line in world.ledger.effects("pull")})
    assert len(world.ledger.effects("production")) == len(set(world.ledger.effects("production")))


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
    until(lambda: any("are the limit" in issue.reason for issue in issues()))
    until(lambda: [i.status for i in issues() if i.status not in (Status.QUEUED, Status.FIXING)] == [Status.RESOLVED])
    assert len(world.ledger.effects("production")) == 1
