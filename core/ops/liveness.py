"""The liveness of the engine. Workers send a heartbeat every ten seconds, and each collection cycle adds a row."""

from __future__ import annotations

from datetime import timedelta

from sqlmodel import col, func, select

from core.db import store
from core.models import Round, Worker
from core.settings import Settings

BEAT_MISSED = timedelta(seconds=60)
ROUNDS_MISSED = 3
FINE = ("alive", "starting", "elsewhere")


def of_engine(settings: Settings) -> dict:
    """{"engine", "workers", "last_round_age_seconds"}; engine is alive, starting, elsewhere, silent or stuck.

    silent: no worker is alive. stuck: workers are alive, but three intervals have passed without a collection cycle.
    elsewhere: this process runs no engine (CONSOLE_ENGINE is off), and no worker is alive; its pages still work.
    """
    with store.read() as session:
        at = store.clock(session)  # of the heartbeats, too: this machine's clock may differ
        beats = session.exec(select(Worker).where(col(Worker.heartbeat) > at - BEAT_MISSED)).all()
        last = session.exec(select(func.max(Round.started_at))).one()
    age = (at - last).total_seconds() if last else None
    return {
        "engine": _state(settings, [at - row.started_at for row in beats], age),
        "workers": len(beats),
        "last_round_age_seconds": None if age is None else round(age, 1),
    }


def _state(settings: Settings, ages: list[timedelta], round_age: float | None) -> str:
    if not ages:
        return "silent" if settings.console_engine else "elsewhere"
    patience = ROUNDS_MISSED * settings.round_seconds + BEAT_MISSED.total_seconds()
    if max(ages).total_seconds() < patience:
        return "alive" if round_age is not None else "starting"
    return "alive" if round_age is not None and round_age < patience else "stuck"
