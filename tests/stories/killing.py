"""A worker that dies at every place where it writes, each time once, and is started again until its issue has ended.

``python -m tests.stories.killing STORY FOLDER`` prints the places as JSON lines. Modules are loaded once; each life
of the worker is a fork of that, so that a kill -9 and its restart take well under a second.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from sqlalchemy import event

from core import flow, runtime, scheduler  # noqa: F401 - flow registers the workflows
from core.actions import (
    approvals,
    issues,  # noqa: F401 - flow registers the workflows
)
from core.db import store  # noqa: F401 - flow registers the workflows
from core.models import Approval, Crash, Frame, Issue, Kind, MetricPoint, Raised, Record, Status, now
from core.models.origin import Origin, Writers
from core.ops import durable  # noqa: F401 - flow registers the workflows
from core.repair import engine
from core.repair.sandbox.runner import bubblewrap_works
from core.stages.collect import Collector
from core.stages.deliver import merging
from core.stages.review import gates
from core.vendors import command
from core.vendors.base import Batch
from tests import kept
from tests.stories import delivering, world
from tests.stories.world import World, pass_gates, write_known_fix
from tests.who import by

LIVES, SECONDS = 150, 40  # the most restarts, and the longest life
RESTS = (Status.RESOLVED, Status.ESCALATED)


class Reaper:
    """Kills this process the first time that it comes to a place; the folder remembers across lives."""

    def __init__(self, folder: Path):
        self.seen = folder / "killed"
        self.before = set(self.seen.read_text().splitlines()) if self.seen.exists() else set()

    def at(self, place: str) -> None:
        if place not in self.before:
            with self.seen.open("a") as file:
                file.write(place + "\n")
                file.flush()
                os.fsync(file.fileno())
            os.kill(os.getpid(), signal.SIGKILL)

    def watch(self, engine_) -> None:
        """Before each commit that writes, and after each outward effect."""

        @event.listens_for(engine_, "before_cursor_execute")
        def _write(connection, cursor, statement, parameters, context, many):
            if statement.lstrip()[:6].upper() in ("INSERT", "UPDATE", "DELETE"):
                connection.info["wrote"] = place(statement, parameters)

        @event.listens_for(engine_, "commit")
        def _commit(connection):
            if wrote := connection.info.pop("wrote", ""):
                self.at(wrote)

        effect = world.Ledger.effect

        def done(ledger: world.Ledger, what: str) -> None:
            effect(ledger, what)
            self.at(f"after the effect {what.split()[0]}")

        world.Ledger.effect = done


def place(statement: str, parameters) -> str:
    """Where the write comes from: the place in our code and the table, or the step that DBOS records."""
    words = statement.split()
    table = words[2 if words[0].upper() != "UPDATE" else 1].strip('"')
    frame = sys._getframe()
    while frame and not _ours(frame.f_code.co_filename):
        frame = frame.f_back
    if frame:
        return f"{Path(frame.f_code.co_filename).stem}.{frame.f_code.co_name}:{frame.f_lineno} {table}"
    step = next((p for p in _flat(parameters) if isinstance(p, str) and p.count(".") == 1 and p.islower()), "")
    return f"dbos {table} {step}".strip()


def _ours(file: str) -> bool:
    return (
        "/core/" in file
        and "site-packages" not in file
        and not file.endswith(("/store.py", "/flow.py", "/steps.py", "/infrastructure.py"))
    )


def _flat(parameters) -> list:
    return list(parameters.values() if isinstance(parameters, dict) else parameters or ())


class FolderSource:
    """A monitoring tool that reports one crash three times, always the same."""

    name = "sentry"
    origin = Origin("Sentry", Writers.ANYONE, "which anyone who knows the DSN can write to")

    def __init__(self, service: str):
        self.service = service

    def collect(self, cursor, until):
        at = now() - timedelta(seconds=20)
        yield Batch(records=[self._record(number, at) for number in (1, 2, 3)], cursor=str(until.timestamp()))

    def _record(self, number: int, at) -> Record:
        crash = Crash(
            service=self.service,
            exception=Raised(type="ZeroDivisionError", message="division by zero"),
            frames=(Frame(file="shop.py", line=2, function="share", locals={"part": "0", "whole": "0"}),),
        )
        title = "ZeroDivisionError: division by zero"
        return Record(source="sentry", vendor_id=f"e-{number}", kind=Kind.EXCEPTION, at=at, service=self.service,
                      title=title, crash=crash)  # fmt: skip


class FolderMetrics:
    """The service's own requests, some of which fail for a minute now."""

    name = "datadog"
    origin = Origin("Datadog", Writers.TEAM)

    def __init__(self, service: str):
        self.service = service

    def collect(self, cursor, until):
        minute = now().replace(second=0, microsecond=0)
        yield Batch(metrics=[*self._points(minute - timedelta(minutes=10), 0), *self._points(minute, 20)])

    def _points(self, at, errors: float):
        for name, value in (("requests", 500.0), ("errors", errors)):
            yield MetricPoint(source=self.name, service=self.service, name=name, at=at, value=value)


def live(story: Story, folder: Path, kills: bool) -> None:
    """One life: the engine's own round until there is an issue, then wait for its end."""
    engine.repair, gates.review = write_known_fix, pass_gates
    made = World(folder, watch=0.4)
    made.settings.round_seconds = 0.2
    made.rt.sources = [FolderSource(story.service), FolderMetrics(story.service)]
    story.prepare(made)
    if kills:
        reaper = Reaper(folder)
        reaper.watch(store.engine())
        after_commands(reaper)
    executor = durable.Executor(made.settings.data_dir, "test")
    durable.launch(executor.id)
    executor.beat()
    scheduler.tidy(executor.id)
    collector, deadline = Collector(), time.monotonic() + SECONDS
    scheduler.run_round(made.rt, collector, executor.id)  # each life has a round, as each start of the engine has
    while not (issue := _issue()) or not issue.run:
        time.sleep(0.05)
        scheduler.run_round(made.rt, collector, executor.id)
    while (issue := _issue()).status not in RESTS or _works():
        story.meanwhile(issue)
        if time.monotonic() > deadline:
            raise SystemExit(f"stuck: {issue.status}: {issue.reason}")
        time.sleep(0.02)


def after_commands(reaper: Reaper) -> None:
    """Die also after each run of a team's own command that has changed something."""
    plain = command.run

    def ran(argv, **given):
        done = plain(argv, **given)
        if argv[-1] in ("deploy", "rollback"):
            reaper.at(f"after the command {argv[-1]}")
        return done

    command.run = ran


def _issue() -> Issue | None:
    with store.read() as session:
        return session.exec(store.select(Issue)).first()


def _works() -> bool:
    return bool(durable.client().list_workflows(status=["PENDING", "ENQUEUED"], load_input=False))


class Story:
    """What happens to the issue: it is simply fixed."""

    service = "pricing"

    def prepare(self, made: World) -> None:
        """Before the engine starts, in every life."""

    def meanwhile(self, issue: Issue) -> None:
        """While one waits for the end."""


class Approved(Story):
    service = "checkout"

    def meanwhile(self, issue: Issue) -> None:
        if issue.status is not Status.AWAITING_APPROVAL:
            return
        with store.read() as session:
            asked = session.exec(store.select(Approval).where(Approval.state == "pending")).first()
        if asked:
            approvals.approve(asked.id, actor=by("ada"), patch_hash=asked.patch_hash, key=f"approve-{asked.id}")


class Rejected(Story):
    service = "checkout"

    def meanwhile(self, issue: Issue) -> None:
        with store.read() as session:
            asked = session.exec(store.select(Approval).where(Approval.state == "pending")).first()
        if asked and issue.status is Status.AWAITING_APPROVAL:
            approvals.reject(asked.id, actor=by("ada"), reason="not now", key=f"reject-{asked.id}")


class Harmful(Story):
    def prepare(self, made: World) -> None:
        made.ledger.put("rate_of_fix", 0.4)


class ByCommands(Story):
    """Deployed by the team's own commands."""

    work = staticmethod(delivering.commands)
    rate = 0.0

    def prepare(self, made: World) -> None:
        type(self).work(made)
        made.ledger.put("rate_of_fix", self.rate)


class ByPipeline(ByCommands):
    work = staticmethod(delivering.pipeline)


class InCluster(ByCommands):
    work = staticmethod(delivering.cluster)


class InSteps(ByCommands):
    work = staticmethod(delivering.stepped)


class HarmfulInSteps(InSteps):
    rate = 0.4


class HarmfulByCommands(ByCommands):
    rate = 0.4


class HarmfulByPipeline(ByPipeline):
    rate = 0.4


class HarmfulInCluster(InCluster):
    rate = 0.4


class Merged(Story):
    """Merged by a person, once it is ready for review."""

    rate = 0.0

    def prepare(self, made: World) -> None:
        merging.EVERY = merging.SOON = 0.1
        delivering.way(made, "")
        made.ledger.put("rate_of_fix", self.rate)
        self.world = made

    def meanwhile(self, issue: Issue) -> None:
        if issue.status is Status.AWAITING_APPROVAL and self.world.ledger.get("state-1") is None:
            shutil.rmtree(self.world.folder / "person", ignore_errors=True)
            delivering.merge(self.world, issue.id)


class HarmfulMerged(Merged):
    rate = 0.4


class ClosedUnmerged(Merged):
    def meanwhile(self, issue: Issue) -> None:
        if issue.status is Status.AWAITING_APPROVAL:
            self.world.ledger.put("state-1", {"state": "closed", "by": "eve", "says": "not like this"})


STORIES: dict[str, type[Story]] = {
    "fixed": Story,
    "approved": Approved,
    "harmful": Harmful,
    "rejected": Rejected,
    "commands": ByCommands,
    "commands_harmful": HarmfulByCommands,
    "pipeline": ByPipeline,
    "pipeline_harmful": HarmfulByPipeline,
    "cluster": InCluster,
    "cluster_harmful": HarmfulInCluster,
    "steps": InSteps,
    "steps_harmful": HarmfulInSteps,
    "merged": Merged,
    "merged_harmful": HarmfulMerged,
    "unmerged": ClosedUnmerged,
}


def fork(work: Callable[[], None]) -> int:
    """The exit status of ``work`` in a child; negative: the signal that ended it."""
    child = os.fork()
    if not child:
        code = 1
        try:
            work()
            code = 0
        except BaseException as error:  # noqa: BLE001 - the child must never come back into the parent's code
            print(f"life failed: {error!r}", file=sys.stderr, flush=True)
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def main(name: str, folder: Path) -> int:
    story = STORIES[name]()
    bubblewrap_works()  # asked once, and not again in each life
    world.shop()
    for _ in range(LIVES):
        code = fork(lambda: live(story, folder, kills=True))
        if code != -signal.SIGKILL:
            break
    kept.remove()
    print(json.dumps({"code": code, "places": (folder / "killed").read_text().splitlines()}))
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
