"""Group: every new signal joins the issue it belongs to, opens one, or is set aside and counted.

Signals are taken in the order they came; what is not grouped yet when a process dies is grouped by
the next round.
"""

from __future__ import annotations

from datetime import timedelta

from sqlmodel import col, select

from core import store
from core.models import Signal
from core.runtime import Runtime

BATCH = 500  # signals of one transaction
MEMORY = timedelta(hours=24)  # an ended issue still takes in its late signals for this long
GRACE = timedelta(seconds=30)  # signals from before the fix reached every request


def group_new(rt: Runtime) -> int:
    """Group all signals that have no issue yet; returns how many issues were opened."""
    opened = 0
    while True:
        with store.write() as session:
            signals = session.exec(
                select(Signal)
                .where(col(Signal.issue_id).is_(None), col(Signal.set_aside).is_(None))
                .order_by(col(Signal.at), col(Signal.id))
                .limit(BATCH)
            ).all()
            if not signals:
                return opened
            index = _index(session)
            opened += sum(_place(session, rt, index, signal) for signal in signals)
