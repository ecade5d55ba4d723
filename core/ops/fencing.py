"""Fencing of a worker process: it writes and calls vendors only while its row confirms that it is alive.

Another worker takes over by deleting the row (core/ops/durable.py). A stalled process that resumes checks the row
before its next write or outward call, finds it gone, and exits. A row that is only stale is renewed first; after that,
nobody takes over for DEAD_AFTER.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NoReturn

from dbos import DBOS
from dbos import error as engine
from sqlmodel import Session, col, select, update

from core.db import store
from core.models import Worker

log = logging.getLogger(__name__)
TAKEN_OVER = 70  # exit status (EX_SOFTWARE)
DEPLOYS = ("preview", "promote", "serve", "shift", "rehearse", "rollback", "cancel")
HOSTS = ("open_pull", "set_status", "comment", "merge", "close_pull")


@dataclass(frozen=True)
class Life:
    """One life of an executor. ``held`` returns whether this process still holds its file lock."""

    executor_id: str
    life: str
    held: Callable[[], bool]

    def mine(self):
        return (col(Worker.executor_id) == self.executor_id, col(Worker.life) == self.life)


_life: Life | None = None


def begin(life: Life) -> None:
    """From now on, this process writes and acts only as this life."""
    global _life
    _life = life
    store.fence(_check_write)


def end() -> None:
    global _life
    _life = None
    store.fence(None)


def stop(message: str) -> NoReturn:
    """End this process at once, because another one does its work."""
    log.critical("this worker ends itself: %s", message)
    logging.shutdown()
    os._exit(TAKEN_OVER)


def _check_write(session: Session) -> None:
    if _life and session.exec(select(Worker.executor_id).where(*_life.mine())).first() is None:
        stop(f"the work of {_life.executor_id} was taken over while it did not respond")


def check() -> None:
    """Call immediately before an outward effect. Ends a process whose work was taken over, and a step whose workflow
    was cancelled or belongs to another worker. A process without its own work (a command, Kestra) passes.
    """
    if _life is None:
        return
    if not _life.held():
        stop(f"the file lock of {_life.executor_id} is lost")
    renew()
    _check_workflow(DBOS.workflow_id, _life.executor_id)


def renew() -> None:
    """Write a heartbeat, only on the row of this life; without a life, do nothing."""
    if _life is None:
        return
    with store.write() as session:  # checks the row first, in the same transaction
        session.exec(update(Worker).where(*_life.mine()).values(heartbeat=store.clock(session)))


def _check_workflow(workflow_id: str | None, executor_id: str) -> None:
    if workflow_id is None:
        return
    status = DBOS.get_workflow_status(workflow_id)
    if status is None or status.status == "CANCELLED":
        raise engine.DBOSWorkflowCancelledError(f"workflow {workflow_id} was cancelled")
    if status.executor_id != executor_id:
        raise engine.DBOSWorkflowConflictIDError(workflow_id)


class Fenced:
    """Wraps a vendor: effects check the ownership first; everything else passes through."""

    def __init__(self, vendor: Any, effects: Iterable[str]):
        self._vendor, self._effects = vendor, frozenset(effects)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._vendor, name)
        if name not in self._effects:
            return found

        def checked(*args: Any, **kw: Any) -> Any:
            check()
            return found(*args, **kw)

        return checked


def around(vendor: Any, effects: Iterable[str]) -> Any:
    """The fenced vendor; None stays None."""
    return None if vendor is None else Fenced(vendor, effects)
