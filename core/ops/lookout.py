"""Notifies people directly when the database is unavailable while this process guards a deployment, because nothing can
be queued then. The guard itself waits in the durable engine for the database, and resumes.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import SQLAlchemyError

from core.db import store
from core.runtime import Runtime
from core.vendors.base import Message, VendorError

log = logging.getLogger(__name__)
AFTER, REPEAT = 60.0, 900.0  # seconds without a response until the first message, and between messages
guarded: set[int] = set()  # issues whose deployments this process guards now


@contextmanager
def released(issue_id: int) -> Iterator[None]:
    """After the block, this process no longer guards the issue's deployments."""
    try:
        yield
    finally:
        guarded.discard(issue_id)


class Lookout:
    """Watches for an unavailable database; the scheduler calls it every few seconds."""

    def __init__(self) -> None:
        self.since: float | None = None
        self.notified_at: float | None = None

    def look(self, rt: Runtime) -> None:
        at = time.monotonic()
        if not guarded or _answers():
            self.since = self.notified_at = None
            return
        self.since = at if self.since is None else self.since
        if at - self.since >= AFTER and (self.notified_at is None or at - self.notified_at >= REPEAT):
            self.notified_at = at
            _tell(rt, at - self.since)


def _answers() -> bool:
    try:
        with store.read() as session:
            session.connection().exec_driver_sql("SELECT 1")
    except SQLAlchemyError:
        return False
    return True


def _tell(rt: Runtime, seconds: float) -> None:
    issues = ", ".join(str(number) for number in sorted(guarded))
    text = (
        f"The platform's database has not responded for {seconds:.0f} s. Production may serve an unverified build, of "
        f"issue {issues}. The platform can neither confirm it nor roll it back, and resumes by itself when the "
        "database responds. Until then, if production fails, roll back manually at the vendor."
    )
    message = Message(f"database-away-{int(time.time() // REPEAT)}", "Production serves an unverified build", text)
    for notifier in rt.notifiers:
        try:
            notifier.send(message)
        except VendorError as error:
            log.warning("the alarm could not be sent: %s", error)
