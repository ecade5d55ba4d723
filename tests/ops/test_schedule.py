"""When the engine of a process starts its collection cycles."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace

from apscheduler.schedulers.background import BackgroundScheduler
from sqlmodel import select

from core import scheduler
from core.db import store
from core.models import Round, Worker
from core.scheduler import Engine
from core.settings import Settings


def test_a_cycle_starts_every_five_minutes_without_any_setting(monkeypatch):
    """The scheduler is not started: what it would do is read from its jobs."""
    monkeypatch.delenv("ROUND_SECONDS", raising=False)
    monkeypatch.setattr(BackgroundScheduler, "start", lambda self: None)
    engine = object.__new__(Engine)
    engine.settings, engine.scheduler = Settings(_env_file=None), BackgroundScheduler()
    engine.runtime, engine.lookout = None, SimpleNamespace(look=lambda rt: None)
    engine.schedule()
    jobs = {job.id: job for job in engine.scheduler.get_jobs()}
    assert jobs["round"].trigger.interval == timedelta(minutes=5) and jobs["round"].func == engine.round


def test_an_engine_that_starts_closes_only_the_cycles_of_dead_workers(tmp_path):
    store.open_store(Settings(data_dir=tmp_path, database_url="", _env_file=None).database)
    with store.write() as session:
        session.add(Worker(executor_id="alive-1", host="h", pid=1, role="worker"))
        for name in ("alive-1", "kestra", "dead-1", "me-1"):
            session.add(Round(slot=name, worker=name))
    scheduler.tidy("me-1")
    with store.read() as session:
        results = {row.worker: row.result for row in session.exec(select(Round))}
    assert results == {"alive-1": "running", "kestra": "running", "dead-1": "interrupted", "me-1": "interrupted"}
