"""A worker that was taken over neither writes nor acts; liveness follows the database's clock and new heartbeats."""

from __future__ import annotations

import os
from contextlib import nullcontext
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from dbos import error as engine
from sqlmodel import col, delete, select, update

from core import bootstrap, models
from core.db import store
from core.models import Issue, Worker, now
from core.ops import durable, fencing
from core.runtime import Runtime
from core.stages.deliver import ways
from core.vendors.base import CodeHost
from core.vendors.delivery.types import Deliverer, Stepwise
from tests import factories
from tests.postgres import postgres


class Ended(BaseException):
    """Raised instead of ending the process."""


@pytest.fixture
def database(request, tmp_path):
    """``postgresql`` by parametrising it indirectly; otherwise SQLite."""
    if getattr(request, "param", "sqlite") == "sqlite":
        yield store.open_store(f"sqlite:///{tmp_path}/platform.db")
        return
    with postgres() as address:
        yield store.open_store(address)


BOTH = pytest.mark.parametrize("database", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture
def worker(tmp_path, database, monkeypatch):
    def stop(says):
        raise Ended(says)

    monkeypatch.setattr(fencing, "stop", stop)
    made = durable.Executor(tmp_path, "test")
    made.beat()
    yield made
    fencing.end()
    made.lock.release()


def bury(executor_id: str) -> None:
    """Take over as another worker would, from an unfenced process."""
    with store.engine().begin() as connection:
        connection.execute(delete(Worker).where(col(Worker.executor_id) == executor_id))


def age(executor_id: str, seconds: float) -> None:
    with store.engine().begin() as connection:
        old = now() - timedelta(seconds=seconds)
        connection.execute(update(Worker).where(col(Worker.executor_id) == executor_id).values(heartbeat=old))


def row(executor_id: str) -> Worker | None:
    with store.read() as session:
        return session.get(Worker, executor_id)


class Vendor:
    name = "vercel"

    def __init__(self):
        self.done: list[str] = []

    def promote(self, *args):
        self.done.append("promote")

    def status(self, vendor_id):
        return "READY"


def test_a_worker_that_was_taken_over_writes_nothing(worker):
    bury(worker.id)
    with pytest.raises(Ended, match="taken over"), store.write() as session:
        factories.issue(session)
    with store.read() as session:
        assert session.exec(select(Issue)).all() == []


def test_a_worker_that_was_taken_over_has_no_outward_effect(worker):
    vendor = Vendor()
    fenced = fencing.around(vendor, fencing.DEPLOYS)
    fenced.promote("shop", "dpl_1", "k")
    bury(worker.id)
    with pytest.raises(Ended, match="taken over"):
        fenced.promote("shop", "dpl_1", "k")
    assert vendor.done == ["promote"] and fenced.status("dpl_1") == "READY" and fenced.name == "vercel"


def test_a_failed_first_heartbeat_is_retried(database, tmp_path, monkeypatch, request):
    made = durable.Executor(tmp_path, "test")
    request.addfinalizer(made.release)
    with monkeypatch.context() as away:
        away.setattr(store, "clock", lambda session: (_ for _ in ()).throw(OSError("the database is away")))
        with pytest.raises(OSError, match="is away"):
            made.beat()
    assert row(made.id) is None
    made.beat()
    assert row(made.id).life == made.life != ""
    age(made.id, 7200)
    made.beat()
    assert now() - row(made.id).heartbeat < timedelta(seconds=60)


def test_another_life_of_the_same_executor_is_another_worker(worker):
    with store.engine().begin() as connection:
        connection.execute(update(Worker).values(life="a later one"))
    with pytest.raises(Ended):
        worker.beat()
    assert row(worker.id).life == "a later one"


def test_a_worker_without_its_lock_has_no_outward_effect(worker):
    worker.lock.release()
    with pytest.raises(Ended, match="file lock"):
        fencing.check()


def test_a_suspended_worker_renews_its_heartbeat_before_it_acts(worker):
    age(worker.id, 7200)
    fencing.check()
    assert now() - row(worker.id).heartbeat < timedelta(seconds=60)


def test_a_process_without_its_own_work_may_act(database):
    vendor = Vendor()
    fencing.around(vendor, fencing.DEPLOYS).promote("shop", "dpl_1", "k")
    assert vendor.done == ["promote"]


@pytest.mark.parametrize(
    ("status", "owner", "raised"),
    [
        (None, "me", engine.DBOSWorkflowCancelledError),  # the engine does not know it
        ("CANCELLED", "me", engine.DBOSWorkflowCancelledError),
        ("PENDING", "another", engine.DBOSWorkflowConflictIDError),
        ("PENDING", "me", None),
    ],
)
def test_a_step_of_a_cancelled_or_foreign_workflow_does_nothing(worker, monkeypatch, status, owner, raised):
    found = SimpleNamespace(status=status, executor_id=worker.id if owner == "me" else owner)
    engine_of = SimpleNamespace(workflow_id="w", get_workflow_status={"w": found if status else None}.get)
    monkeypatch.setattr(fencing, "DBOS", engine_of)
    vendor = Vendor()
    with pytest.raises(raised) if raised else nullcontext():
        fencing.around(vendor, fencing.DEPLOYS).promote("shop", "dpl_1", "k")
    assert vendor.done == ([] if raised else ["promote"])


READS = {  # methods that change nothing outside
    Deliverer: {"status", "with_key", "production", "check"},
    Stepwise: {"accepts", "share"},
    CodeHost: {"pull_state", "releases", "check", "check_runs", "statuses"},
}


def methods(*protocols: type) -> set[str]:
    found = {(p, name) for p in protocols for name, value in vars(p).items() if callable(value) and name[0] != "_"}
    return {name for protocol, name in found if name not in READS[protocol]}


@pytest.mark.parametrize(("fenced", "protocols"), [
    (fencing.DEPLOYS, (Deliverer, Stepwise)),
    (fencing.HOSTS, (CodeHost,)),
])  # fmt: skip
def test_each_method_of_a_protocol_is_a_read_or_fenced(fenced, protocols):
    assert set(fenced) == methods(*protocols)


def test_a_process_that_ends_itself_logs_why_and_tells_its_supervisor_that_it_failed(monkeypatch, caplog):
    done = []
    monkeypatch.setattr(fencing.os, "_exit", done.append)
    monkeypatch.setattr(fencing.logging, "shutdown", lambda: done.append("the log is written"))
    fencing.stop("taken over")
    assert done == ["the log is written", os.EX_SOFTWARE]
    assert [(r.levelname, r.getMessage()) for r in caplog.records] == [
        ("CRITICAL", "this worker ends itself: taken over")
    ]


def test_after_its_end_a_life_is_checked_no_more(worker):
    fencing.end()
    bury(worker.id)
    assert not store._fences
    with store.write() as session:
        fencing._check_write(session)  # as a transaction does that began before the end


def test_every_outward_effect_of_a_runtime_is_behind_the_fence(console):
    class Host:
        def merge(self): ...

    class Source:
        name = "sentry"

        def resolve(self): ...

    class Quiet:
        name = "datadog"

    rt = bootstrap.fenced(Runtime(console, vercel=Vendor(), host=Host(), sources=[Source(), Quiet()]))
    way = ways.of(rt, next(iter(rt.policy.repositories)))
    assert all(isinstance(one, fencing.Fenced) for one in (way, rt.host, *rt.sources))
    assert hasattr(rt.sources[0], "resolve") and not hasattr(rt.sources[1], "resolve")
    assert rt.reviewer is None


# --- dead workers -----------------------------------------------------------------------------------


class Clock:
    def __init__(self, monkeypatch):
        self.at = 1000.0
        monkeypatch.setattr(durable.time, "monotonic", lambda: self.at)


def other(folder: Path, host: str = "elsewhere", beat_age: float = 0.0) -> Worker:
    at = store.time()
    made = Worker(executor_id=f"{host}-9", host=host, pid=1, role="worker", life="x", started_at=at)
    made.heartbeat = at - timedelta(seconds=beat_age)
    with store.write() as session:
        session.add(made)
    return made


def dead(worker, seen: Worker) -> bool:
    return durable._dead(worker, row(seen.executor_id), store.time())


@BOTH
def test_a_worker_with_an_old_and_unchanged_heartbeat_is_dead(worker, monkeypatch):
    clock, seen = Clock(monkeypatch), other(worker.folder, beat_age=91)
    assert not dead(worker, seen), "the first look has only one heartbeat"
    clock.at += durable.LOOKED_ON - 1
    assert not dead(worker, seen)
    clock.at += 1
    assert dead(worker, seen)


@BOTH
def test_a_worker_with_new_heartbeats_is_alive_for_any_clock_difference(worker, monkeypatch):
    clock, seen = Clock(monkeypatch), other(worker.folder, beat_age=7200)
    for beat in range(20):
        assert not dead(worker, seen)
        clock.at += 10
        age(seen.executor_id, 7200 - beat)


def test_a_suspended_worker_on_this_machine_is_dead_although_it_holds_its_lock(worker, monkeypatch):
    clock, seen = Clock(monkeypatch), other(worker.folder, host=durable.socket.gethostname(), beat_age=91)
    lock = durable.FileLock(worker.folder / f"{seen.executor_id}.lock")
    with lock.acquire():
        assert not dead(worker, seen)
        clock.at += 100
        assert dead(worker, seen)


def test_a_killed_worker_on_this_machine_is_dead_at_once(worker):
    assert dead(worker, other(worker.folder, host=durable.socket.gethostname()))


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_heartbeats_use_the_databases_clock(worker, monkeypatch):
    for module in (models, durable.store.models):
        monkeypatch.setattr(module, "now", lambda: now() + timedelta(hours=2))
    worker.beat()
    assert abs(row(worker.id).heartbeat - now()) < timedelta(minutes=5)


def test_a_worker_with_a_heartbeat_before_the_takeover_keeps_its_work(worker):
    seen = other(worker.folder, beat_age=91)
    age(seen.executor_id, 0)
    durable._bury(seen)
    assert row(seen.executor_id) is not None
    durable._bury(row(seen.executor_id))
    assert row(seen.executor_id) is None
