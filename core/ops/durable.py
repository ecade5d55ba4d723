"""Runs DBOS in the store's own database, with one executor id per process, held by a file lock.

With one database, an approval and its message, or an issue and the start of its workflow, commit together. Reasons for
the settings: with the default executor id, two processes would steal each other's steps. The default version is a hash
of the source and would strand waiting work after an upgrade. The default serialiser is pickle.
"""

from __future__ import annotations

import os
import socket
import time
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

from dbos import DBOS, DBOSClient, DBOSPortableJSONSerializer
from filelock import FileLock, Timeout
from sqlalchemy import inspect
from sqlmodel import Session, col, delete, select

from core.db import store
from core.models import ENDED, Issue, Status, Worker
from core.ops import fencing

ISSUES, RELEASES = "issues", "releases"
VERSION = "1"  # never raised: DBOS.patch() lets waiting work continue under new code (docs/adding-a-step.md)
WAKE = "wake"  # topic of the message that ends a wait
WOKEN = "woken-by-message"  # the patch that lets steps.pause receive it
DEAD_AFTER = timedelta(seconds=90)
LOOKED_ON = 25.0  # seconds: more than two heartbeats
SLOTS = 32
LIVE = ("PENDING", "ENQUEUED", "DELAYED")
KESTRA = "kestra"  # the worker of Kestra's cycles: its tasks have no process, and its next cycle closes a killed one


class Executor:
    """This process's slot among the workers: a stable id that only one live process can hold."""

    def __init__(self, data_dir: Path, role: str):
        self.folder = data_dir / "workers"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.role = role
        self.id, self.lock = self._claim()
        self.life = ""
        self.seen: dict[str, tuple[str, float]] = {}  # each other worker's heartbeat, and since when it is unchanged

    def _claim(self) -> tuple[str, FileLock]:
        for number in range(1, SLOTS + 1):
            executor_id = f"{socket.gethostname()}-{number}"
            lock = FileLock(self.folder / f"{executor_id}.lock", thread_local=False)  # any thread may acquire it
            try:
                lock.acquire(timeout=0)
                return executor_id, lock
            except Timeout:
                continue
        raise RuntimeError(f"{SLOTS} workers already run on this machine")

    def beat(self) -> None:
        """Send a heartbeat; the first one stores a new life in the row.

        The life begins when its row is stored; a failed first heartbeat is retried.
        """
        if self.life:
            fencing.renew()
            return
        life = uuid4().hex
        with store.write() as session:
            at = store.clock(session)
            row = Worker(executor_id=self.id, host=socket.gethostname(), pid=os.getpid(), role=self.role)
            row.life, row.started_at, row.heartbeat = life, at, at
            session.merge(row)
        self.life = life
        fencing.begin(fencing.Life(self.id, self.life, lambda: self.lock.is_locked))

    def release(self) -> None:
        fencing.end()
        with store.write() as session:
            session.exec(delete(Worker).where(col(Worker.executor_id) == self.id, col(Worker.life) == self.life))
        self.lock.release()


def launch(executor_id: str) -> None:
    """Start DBOS on the open store; unfinished work of this executor resumes."""
    DBOS(
        config={
            "name": "platform",
            "system_database_url": _shown_url(),
            "system_database_engine": store.engine(),
            "executor_id": executor_id,
            "application_version": VERSION,
            "serializer": DBOSPortableJSONSerializer(),
            "log_level": "WARNING",
            "use_listen_notify": False,
            "notification_listener_polling_interval_sec": 0.5,
        }
    )
    DBOS.launch()
    DBOS.register_queue(ISSUES, polling_interval_sec=0.5)
    DBOS.register_queue(RELEASES, partition_concurrency=1, polling_interval_sec=0.5)


def _shown_url() -> str:
    return store.engine().url.render_as_string(hide_password=False)


_client: tuple[object, DBOSClient] | None = None


def client() -> DBOSClient:
    """A client on the open store, for processes with and without a running engine."""
    global _client
    if _client is None or _client[0] is not store.engine():
        _client = (
            store.engine(),
            DBOSClient(
                system_database_url=_shown_url(),
                system_database_engine=store.engine(),
                serializer=DBOSPortableJSONSerializer(),
            ),
        )
    return _client[1]


def start_in(session: Session, workflow: str, workflow_id: str, *args) -> None:
    """Start a workflow together with the caller's transaction; the same id starts only once."""
    client().enqueue_in_transaction(
        session,
        {"workflow_name": workflow, "queue_name": ISSUES, "workflow_id": workflow_id, "app_version": VERSION},
        *args,
    )


def send_in(session: Session, workflow_id: str, message: dict, topic: str, key: str) -> None:
    """Send a message to a waiting workflow together with the caller's transaction.

    An issue whose stages Kestra runs has no workflow: its flow reads the answer from the store.
    """
    if not known(workflow_id):
        return
    client().send_in_transaction(session, workflow_id, message, topic, idempotency_key=key)


def started() -> bool:
    """Has DBOS ever been started on this database?"""
    schema = None if store.engine().dialect.name == "sqlite" else "dbos"
    return inspect(store.engine()).has_table("workflow_status", schema=schema)


def known(workflow_id: str) -> bool:
    """Does the workflow exist? False for an issue whose stages Kestra runs, and if DBOS was never started."""
    return started() and bool(client().list_workflows(workflow_ids=[workflow_id], load_input=False))


def wake(session: Session, issue: Issue, key: str) -> None:
    """End the wait of an issue's workflow, and of its release, together with the caller's transaction."""
    for status in family(issue.workflow_id):
        if status.status in LIVE:
            send_in(session, status.workflow_id, {"woken": key}, WAKE, f"{WAKE}-{status.workflow_id}-{key}")


def reap(own: Executor) -> list[str]:
    """Take over the work of dead workers; returns the ids of the workflows.

    A worker's row is deleted first, if its heartbeat has not changed. From then on, that worker can neither write nor
    act (core/ops/fencing.py). Also takes work of a worker without a row, whose successor died in between.
    """
    with store.read() as session:
        at, rows = store.clock(session), session.exec(select(Worker)).all()
    for worker in rows:
        if worker.executor_id != own.id and _dead(own, worker, at):
            _bury(worker)
    with store.read() as session:
        alive = set(session.exec(select(Worker.executor_id)).all())
    taken = []
    for status in DBOS.list_workflows(status="PENDING", load_input=False):
        if status.executor_id not in alive:
            DBOS.resume_workflow(status.workflow_id, queue_name=status.queue_name or ISSUES)
            taken.append(status.workflow_id)
    return taken


def _bury(worker: Worker) -> None:
    same = (col(Worker.executor_id) == worker.executor_id, col(Worker.heartbeat) == worker.heartbeat)
    with store.write() as session:
        session.exec(delete(Worker).where(*same))


def _dead(own: Executor, worker: Worker, at: datetime) -> bool:
    """On this machine, a free lock proves that the worker is dead.

    Otherwise, its heartbeat must be old by the database's clock and must not change while this process observes it:
    after a clock jump every heartbeat looks old, but a live worker sends another.
    """
    if worker.host == socket.gethostname() and _free(own.folder, worker):
        return True
    beat, since = own.seen.get(worker.executor_id, ("", 0.0))
    if beat != (now_seen := worker.heartbeat.isoformat()):
        own.seen[worker.executor_id] = (now_seen, time.monotonic())
        return False
    return worker.heartbeat < at - DEAD_AFTER and time.monotonic() - since >= LOOKED_ON


def _free(folder: Path, worker: Worker) -> bool:
    lock = FileLock(folder / f"{worker.executor_id}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return False
    lock.release()
    return True


def family(workflow_id: str) -> list:
    """DBOS's status of the workflow, its releases and its late watch."""
    listed = client().list_workflows(workflow_ids=[workflow_id, f"{workflow_id}-late"], load_input=False)
    return listed + client().list_workflows(workflow_id_prefix=f"{workflow_id}-release", load_input=False)


def cancel(workflow_id: str) -> None:
    """Stop a workflow, its releases and its late watch before their next step; ended ones are unchanged."""
    for status in family(workflow_id):
        if status.status in LIVE:
            client().cancel_workflow(status.workflow_id)


def moving() -> bool:
    """Is a stage of any issue running now?"""
    with store.read() as session:
        waits = (*ENDED, Status.NEW, Status.SCHEDULED, Status.AWAITING_APPROVAL, Status.QUEUED)
        return session.exec(select(Issue.id).where(col(Issue.status).not_in(waits))).first() is not None


def begin(session: Session, issue: Issue, requested_by: str | None = None, reverts: str | None = None) -> None:
    """Start a new run of the issue, in the caller's transaction; ``requested_by`` is the person who requested it.

    ``reverts``: the commit that the run proposes to take out.

    The requester is kept: they cannot approve a later run that the platform starts either. A run that a person
    requested does not wait for a maintenance window.
    """
    new_run(session, issue, requested_by)
    issue.reverts = reverts
    start_in(session, "journey", issue.workflow_id, issue.id, issue.run)


def new_run(session: Session, issue: Issue, requested_by: str | None) -> None:
    """Count the run; the caller starts its workflow."""
    issue.run += 1
    issue.restarts, issue.at_once = 0, requested_by is not None
    issue.requested_by = requested_by or issue.requested_by
    issue.assignee, issue.ended_at, issue.reverts = None, None, None
    issue.status, issue.reason = Status.ANALYZING, ""
    session.add(issue)
