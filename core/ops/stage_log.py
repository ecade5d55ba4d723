"""Records the progress of an issue: its status, and the start, end and result of each stage."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import ScalarResult
from sqlmodel import Session, select

from core.db import store
from core.models import ENDED, Issue, Stage, StageRun, Status, now
from core.ops import infrastructure

WAITS = "; the platform tries again"


class Entry:
    """The open entry of the log; a stage fills ``result`` (ok, failed, refused, waiting) and ``message``."""

    def __init__(self) -> None:
        self.result, self.message = "ok", ""
        self.detail: dict[str, Any] = {}

    def failed(self, message: str, result: str = "failed") -> None:
        self.result, self.message = result, message


@contextmanager
def stage(issue_id: int, run: int, stage: Stage, attempt: int, status: Status) -> Iterator[Entry]:
    """Open a stage's entry and close it with its result, even if the stage raises."""
    entry = Entry()
    with store.write() as session:
        _open_line(session, issue_id, run, stage, attempt)
        move(session, issue_id, status)
    try:
        yield entry
    except BaseException as error:  # also a cancelled workflow, whose error DBOS derives from BaseException
        entry.failed(infrastructure.words(error))
        raise
    finally:
        with store.write() as session:
            line = _lines(session, issue_id, run, stage, attempt).one()
            line.ended_at, line.result, line.says, line.detail = (
                now(),
                entry.result,
                entry.message[:2000],
                entry.detail,
            )
            session.add(line)


def _lines(session: Session, issue_id: int, run: int, stage: Stage, attempt: int) -> ScalarResult[StageRun]:
    """The entries of a stage; there is at most one."""
    return session.exec(
        select(StageRun).where(
            StageRun.issue_id == issue_id,
            StageRun.run == run,
            StageRun.stage == stage,
            StageRun.attempt == attempt,
        )
    )


def _open_line(session: Session, issue_id: int, run: int, stage: Stage, attempt: int) -> None:
    """Open the stage's entry; a stage that runs again after a crash, or looks again, reuses it."""
    line = _lines(session, issue_id, run, stage, attempt).first()
    if line is None:
        session.add(StageRun(issue_id=issue_id, run=run, stage=stage, attempt=attempt))
    else:
        line.result, line.ended_at = "running", None


def move(session: Session, issue_id: int, status: Status, reason: str | None = None) -> Issue:
    """Set the issue's status, and the time of an end. Without a new reason, the old one stays."""
    issue = session.get_one(Issue, issue_id)
    issue.status = status
    issue.reason = _lasting(issue.reason) if reason is None else reason[:2000]
    issue.ended_at = now() if status in ENDED else None
    session.add(issue)
    return issue


def waits(session: Session, issue_id: int, fault: str) -> None:
    """Add what the stage waits for below the issue's reason, until the status changes."""
    issue = session.get_one(Issue, issue_id)
    issue.reason = f"{_lasting(issue.reason)}\n{' '.join(fault.split())[:1000]}{WAITS}".lstrip()


def _lasting(reason: str) -> str:
    """The reason without the failure that a stage waits for."""
    return reason.rpartition("\n")[0] if reason.endswith(WAITS) else reason
