"""Starts the work of a process, exactly once: DBOS, the collection cycles, and the upkeep.

A cycle belongs to a time slot. Two processes on one database compete for the slot's unique row, and only the one that
inserts it runs the cycle.
"""

from __future__ import annotations

import logging
import threading
import time
from datetime import UTC, datetime, timedelta

from apscheduler.schedulers.background import BackgroundScheduler
from dbos import DBOS
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, func, select

from core import (
    bootstrap,
    flow,  # noqa: F401 - registers the workflows
)
from core.audit import head
from core.audit.chain import ChainVerdict
from core.db import store
from core.inputs import inbox
from core.models import Deployment, Round, Worker, now
from core.ops import durable, env_file, lookout, notify, uptime, webhooks
from core.ops.env_file import EnvFile
from core.runtime import Runtime
from core.settings import Settings
from core.stages import following, reconsider, recovered, settling, sweep
from core.stages.collect import Collector
from core.stages.deliver import merging, reverting
from core.stages.group import group_new, start_new
from core.stages.security import scan

log = logging.getLogger(__name__)
# The check runs every second, but a round takes longer: a skipped check is not worth a warning.
logging.getLogger("apscheduler.scheduler").addFilter(
    lambda record: "Engine.run_webhook_round" not in record.getMessage()
)
BEAT_SECONDS = 10
DELIVER_SECONDS = 5
HOOK_SECONDS = 1


class Engine:
    """The running work of this process; ``stop()`` ends it cleanly."""

    def __init__(self, settings: Settings, role: str = "console"):
        self.settings = settings
        store.open_store(settings.database)
        self.runtime = bootstrap.build(settings)
        self.executor = durable.Executor(settings.data_dir.resolve(), role)
        self.executor.beat()  # first: others take over the work of an executor without a row
        durable.launch(self.executor.id)
        tidy(self.executor.id)
        self.collector = Collector()
        self.one_round = threading.Lock()
        self.audit_fault: ChainVerdict | None = None
        self.lookout = lookout.Lookout()
        self.env_file = EnvFile(settings)
        self.scheduler = BackgroundScheduler(timezone=UTC, job_defaults={"coalesce": True, "max_instances": 1})

    def schedule(self) -> None:
        """One cycle in each interval; the first starts at once."""
        add = self.scheduler.add_job
        add(
            self.round,
            "interval",
            seconds=self.settings.round_seconds,
            next_run_time=datetime.now(UTC),
            id="round",
        )
        add(self.upkeep, "interval", seconds=BEAT_SECONDS, id="upkeep")
        add(self.reread, "interval", seconds=BEAT_SECONDS, id="env")
        add(self.watch_audit, "interval", seconds=BEAT_SECONDS, id="audit")
        add(self.deliver, "interval", seconds=DELIVER_SECONDS, id="deliver")
        add(lambda: self.lookout.look(self.runtime), "interval", seconds=BEAT_SECONDS, id="lookout")
        add(self.scan, "interval", seconds=self.settings.round_seconds, id="security")
        add(lambda: uptime.look(self.runtime), "interval", seconds=BEAT_SECONDS, id="uptime")
        add(self.run_webhook_round, "interval", seconds=HOOK_SECONDS, id="run_webhook_round")
        self.scheduler.start()

    def round(self) -> dict | None:
        """One cycle, unless another process already has this slot."""
        with self.one_round:
            return run_round(self.runtime, self.collector, self.executor.id)

    def run_webhook_round(self) -> dict | None:
        """One cycle for all webhooks since the last check, and one for each look of a watch.

        What services send starts a cycle that reads the inbox alone: it must not use up the vendors' budgets.
        """
        with self.one_round:
            slot = webhooks.claim() or watch_slot(self.runtime)
            if slot or not (sent := inbox.claim()):
                return run_round(self.runtime, self.collector, self.executor.id, slot) if slot else None
            return run_round(self.runtime, self.collector, self.executor.id, sent, inputs_only=True)

    def upkeep(self) -> None:
        self.executor.beat()
        taken = durable.reap(self.executor)
        for workflow in taken:
            log.warning("took over %s from a worker that died", workflow)
        if taken:
            tidy(self.executor.id)

    def reread(self) -> None:
        """Connect the vendors of a changed .env; the console has a form for it, and a worker runs elsewhere."""
        if found := self.env_file.changed(self.runtime.settings):
            bootstrap.refresh(self.runtime, found)
            log.info("%s has changed and was read again", self.env_file.path)

    def watch_audit(self) -> None:
        """Advance the audit head over new rows; report a failure once, and send the head elsewhere once a day."""
        verdict = head.advance(self.settings)
        if verdict.ok:
            head.send_daily(self.settings)
        elif verdict != self.audit_fault:
            head.alarm(verdict)
        self.audit_fault = None if verdict.ok else verdict

    def scan(self) -> None:
        """Scan one repository for security findings, if one is due; the next collection cycle opens their issues."""
        scan.turn(self.runtime)

    def deliver(self) -> None:
        notify.deliver(self.runtime)

    def rest(self) -> None:
        """Wait until no issue is running: each has ended, or waits for a person, a window or the queue."""
        while durable.moving():
            time.sleep(0.5)

    def stop(self) -> None:
        if self.scheduler.running:
            self.scheduler.shutdown(wait=False)
        self.collector.close()
        DBOS.destroy()
        self.executor.release()


_engine: Engine | None = None
_lock = threading.Lock()


def start(settings: Settings, role: str = "console") -> Engine:
    """The engine of this process, started and scheduled; a second call returns the same one."""
    global _engine
    with _lock:
        if _engine is None:
            _engine = Engine(settings, role)
            _engine.schedule()
        return _engine


def running() -> Engine | None:
    """The engine of this process, if one was started."""
    return _engine


def stop() -> None:
    global _engine
    with _lock:
        if _engine is not None:
            _engine.stop()
            _engine = None


def run_round(
    rt: Runtime, collector: Collector, worker: str, slot: str = "", *, inputs_only: bool = False
) -> dict | None:
    """collect -> group -> start; returns the result of each source, or None if the slot was taken."""
    slot = slot or str(int(now().timestamp() // rt.settings.round_seconds))
    round_id = _claim(slot, worker)
    if round_id is None:
        return None
    result, detail, issues = "failed", {}, 0
    try:
        detail = collector.round(rt, inputs_only=inputs_only)
        issues = group_new(rt)
        recovered.close()
        following.follow()
        note_policy(rt)
        start_new(rt)
        reconsider.start(rt)
        settling.settle(rt)
        sweep.sweep(rt)
        reverting.follow(rt)
        if slot.startswith(webhooks.SLOT):
            merging.look_now(slot)
        result = "partial" if any(source["error"] for source in detail.values()) or rt.policy_error else "ok"
    finally:
        with store.write() as session:
            row = session.get_one(Round, round_id)
            row.ended_at, row.result, row.detail, row.issues = now(), result, detail, issues
            row.records = sum(source["records"] for source in detail.values())
    return detail


def watch_slot(rt: Runtime) -> str | None:
    """The slot of the cycle that the looks at a watched deployment need; None if none is due.

    Cycles bring errors into the database, so a watch that looks every 30 s must not wait five minutes for them.
    """
    every = rt.policy.watch.every
    late = (col(Deployment.status) == "verified") & (
        col(Deployment.ready_at) > now() - timedelta(seconds=rt.policy.watch.seconds)
    )
    live = Deployment.environment == "production", (col(Deployment.status) == "watching") | late
    with store.read() as session:
        watched = session.exec(select(Deployment.id).where(*live).limit(1)).first()
        newest = session.exec(select(func.max(Round.started_at))).one() if watched else None
    if not watched or (newest and (now() - newest).total_seconds() < every):
        return None
    return f"watch-{int(now().timestamp() // every)}"


def tidy(worker: str) -> None:
    """Close the cycles that an earlier life of this worker, or a dead worker, left open."""
    with store.write() as session:
        alive = [row for row in session.exec(select(Worker.executor_id)).all() if row != worker] + [durable.KESTRA]
        session.exec(
            update(Round)
            .where(col(Round.ended_at).is_(None), col(Round.worker).not_in(alive))
            .values(ended_at=now(), result="interrupted")
        )


def _claim(slot: str, worker: str) -> int | None:
    row = Round(slot=slot, worker=worker)
    try:
        with store.write() as session:
            session.add(row)
    except IntegrityError:
        return None
    return row.id


def note_policy(rt: Runtime) -> None:
    """Show an unreadable platform.toml next to the connectors."""
    rt.policy  # noqa: B018 - reading it is what finds the fault
    env_file.note("platform.toml", rt.policy_error)
