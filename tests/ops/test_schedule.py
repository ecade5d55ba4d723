"""When the engine of a process starts its collection cycles."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace

from apscheduler.schedulers.background import BackgroundScheduler

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
