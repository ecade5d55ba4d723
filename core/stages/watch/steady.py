"""Measures how far the database's clock has jumped ahead during a watch, so that no jump ends the watch early.

The age of a watch is the difference of two database times, which all workers share and which change when somebody sets
that clock. A machine's monotonic clock is not affected. Between two looks on one machine since the same boot, it gives
the time that really passed.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from uuid import uuid4

from core.db import store
from core.models import Deployment

JUMP = 30.0  # seconds; a smaller difference is clock drift or a slow look
BOOT = Path("/proc/sys/kernel/random/boot_id")


def jumped(row_id: int, at: datetime) -> float:
    """Seconds that the clock has jumped ahead since the watch began. Keeps this look's times for the next one."""
    with store.write() as session:
        row = session.get_one(Deployment, row_id)
        seen = follow(row.judged.get("clock", {}), _machine(), time.monotonic(), at)
        row.judged = {**row.judged, "clock": seen}
    return seen["ahead"]


def follow(last: Mapping, machine: str, tick: float, at: datetime) -> dict:
    """The times of a look, and how many seconds the clock is ahead then. Pure.

    ``tick`` is the machine's monotonic time in seconds. A clock that was set back is no longer ahead.
    """
    ahead = last.get("ahead", 0.0)
    if last.get("machine") == machine:
        drift = (at - datetime.fromisoformat(last["at"])).total_seconds() - (tick - last["tick"])
        ahead += drift if abs(drift) > JUMP else 0.0
    return {"machine": machine, "tick": tick, "at": at.isoformat(), "ahead": max(ahead, 0.0)}


@cache
def _machine() -> str:
    """An id of the machine's current boot, or of this process if the system has none."""
    try:
        return BOOT.read_text(encoding="ascii").strip()
    except OSError:
        return uuid4().hex
