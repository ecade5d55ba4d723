"""Random kills, pauses, and outages of database, network and git under load: does every issue end as it must?

    python -m tests.drills.chaos [--postgres] [--workers 3] [--issues 200] [--troubles 500] [--seed 1]

A quarter of the builds are harmful. At the end, every issue has ended, harmful builds were rolled back, all other
released ones are verified, each went to production once, no person's answer is lost, and the audit trail is intact. It
also prints the longest time in which production served an unverified build without a look at it.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlmodel import col, select

from core.access import rights
from core.actions import approvals, deployments, production
from core.audit import chain
from core.db import store
from core.models import Approval, ChangeSet, Deployment, Issue, ServiceHealth, Status
from core.settings import ROOT
from core.stages.deliver import holds
from tests.drills.chaos_world import RATE, harmful, ready, world
from tests.postgres import Server, server
from tests.who import by

ENDED = (Status.RESOLVED, Status.ESCALATED, Status.DISMISSED)
MEAN = 0.8  # seconds between two failures while issues arrive
LATER = 8.0  # the same while the rest ends: releases are watched one after the other
SHARE = 0.2  # of the issues need a person
REFUSED = 0.1  # of the approvals are rejected
LONGEST = 2400.0  # seconds until all must end after the last failure


class Workers:
    """The worker processes; a dead one is restarted, as a supervisor would."""

    def __init__(self, folder: Path, database: str, number: int):
        self.folder = folder
        self.argv = [sys.executable, "-m", "tests.drills.chaos_world", str(folder), database]
        self.log = (folder / "workers.log").open("ab")
        self.all = [self._start() for _ in range(number)]

    def _start(self) -> subprocess.Popen:
        return subprocess.Popen(self.argv, cwd=ROOT, stdout=self.log, stderr=self.log, start_new_session=True)

    def tend(self) -> None:
        self.all = [one if one.poll() is None else self._start() for one in self.all]

    def ready(self) -> list[subprocess.Popen]:
        """Started ones: a starting worker has no work to lose, and repeated kills would keep it from starting."""
        return [one for one in self.all if one.poll() is None and ready(self.folder, one.pid).exists()]

    def signal(self, one: subprocess.Popen, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(one.pid, number)

    def stop(self) -> None:
        for one in self.all:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(one.pid, signal.SIGKILL)
            one.wait()


class Troubles:
    """The random failures; each lasts a while and ends by itself."""

    def __init__(self, made, workers: Workers, postgres: Server | None, chance: random.Random):
        self.made, self.workers, self.postgres, self.chance = made, workers, postgres, chance
        self.done: Counter[str] = Counter()

    def one(self) -> None:
        kinds = {self.database: 2, self.network: 2, self.git: 1}
        if self.workers.ready():
            kinds |= {self.kill: 4, self.pause: 3}
        trouble = self.chance.choices(list(kinds), list(kinds.values()))[0]
        trouble()
        self.done[trouble.__name__] += 1

    def kill(self) -> None:
        self.workers.signal(self.chance.choice(self.workers.ready() or self.workers.all), signal.SIGKILL)

    def pause(self) -> None:
        one = self.chance.choice(self.workers.ready() or self.workers.all)
        self.workers.signal(one, signal.SIGSTOP)
        time.sleep(self.chance.uniform(0.2, 3.0))
        self.workers.signal(one, signal.SIGCONT)

    def database(self) -> None:
        seconds = self.chance.uniform(0.3, 3.0)
        if self.postgres:
            self.postgres.stop()
            time.sleep(seconds)
            self.postgres.start()
        else:
            with _locked(self.made.settings.data_dir / "platform.db"):
                time.sleep(seconds)

    def network(self) -> None:
        self.made.ledger.put("cut_until", time.time() + self.chance.uniform(0.5, 5.0))

    def git(self) -> None:
        away = self.made.origin.with_name("away.git")
        self.made.origin.rename(away)
        time.sleep(self.chance.uniform(0.2, 2.0))
        away.rename(self.made.origin)


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold a SQLite database's write lock, as another process would."""
    connection = sqlite3.connect(path, timeout=10, isolation_level=None)
    try:
        connection.execute("BEGIN IMMEDIATE")
        yield
    finally:
        connection.close()


def insist(work: Callable, seconds: float = 60.0):
    """Retry while the database does not respond, as a person would."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return work()
        except (SQLAlchemyError, rights.Refused):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def drill(given) -> int:
    with contextlib.ExitStack() as stack:
        folder = given.folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="chaos-")))
        postgres = stack.enter_context(server()) if given.postgres else None
        made = world(folder, postgres.address if postgres else "")
        policy = made.settings.platform_file
        policy.write_text(policy.read_text().replace("[corroboration]\n", "[corroboration]\nrequired = false\n"))
        workers = Workers(folder, made.settings.database_url, given.workers)
        stack.callback(workers.stop)
        chance = random.Random(given.seed)
        troubles = Troubles(made, workers, postgres, chance)
        begun = time.monotonic()
        _act(made, workers, troubles, given, chance)
        _settle(workers, troubles, chance)
        wrong = list(faults(made))
        print(json.dumps(_summary(made, troubles, time.monotonic() - begun) | {"wrong": wrong}, indent=1))
    return 1 if wrong else 0


def _act(made, workers: Workers, troubles: Troubles, given, chance: random.Random) -> None:
    """Add issues evenly while the failures happen.

    Each has its own environment: a fault that starts while a release is watched is not that release's harm, and this
    drill does not test how the judge separates the two.
    """
    issues = 0
    for number in range(given.troubles):
        while issues < given.issues * (number + 1) / given.troubles:
            issues += 1
            service = "checkout" if chance.random() < SHARE else "pricing"
            number_of = insist(lambda s=service, n=f"r{issues}": made.issue(s, release=n, environment=n))
            insist(lambda i=number_of: _reported(made, i))
        time.sleep(chance.expovariate(1 / MEAN))
        troubles.one()
        workers.tend()
        insist(lambda: _answer(chance))


def _reported(made, issue_id: int) -> None:
    """Report a frequent fault: its absence is soon significant, however long its fix waits for the lane."""
    with contextlib.suppress(IntegrityError):  # stored, but the response was lost
        made.report(issue_id, range(-20, 0), count=500)


def _settle(workers: Workers, troubles: Troubles, chance: random.Random) -> None:
    deadline, due = time.monotonic() + LONGEST, time.monotonic() + LATER
    while time.monotonic() < deadline and insist(_open):
        if not workers.ready():
            due = time.monotonic() + LATER  # on a slow machine a start takes longer
        elif time.monotonic() > due:
            troubles.one()
            due = time.monotonic() + chance.expovariate(1 / LATER)
        workers.tend()
        insist(lambda: _answer(chance))
        time.sleep(0.5)
    time.sleep(3.0)  # for late watches and messages


def _open() -> list[int]:
    with store.read() as session:
        return session.exec(select(Issue.id).where(col(Issue.status).not_in(ENDED))).all()


def _answer(chance: random.Random) -> None:
    """Answer approvals and lift the brake, as a person would from the data on the page."""
    with store.read() as session:
        braked = holds.standing(session)
        watched = session.exec(select(Deployment).where(Deployment.status == "watching")).all()
        asked = session.exec(select(Approval).where(Approval.state == "pending")).all()
    for hold in braked:
        with contextlib.suppress(rights.Refused):
            key = f"lift-{hold.id}"
            deployments.lift(hold.scope, actor=by("ada"), reason="their causes are known", key=key)
    for row in watched:
        if row.judged.get("asked") and not row.kept_by:
            worse = _worse(row)
            answer = production.roll_back if worse else production.keep
            reason = "errors rose" if worse else "it does no harm"
            with contextlib.suppress(rights.Refused):
                answer(row.id, actor=by("ada"), reason=reason, key=f"{answer.__name__}-{row.id}")
    for one in asked:
        key = f"answer-{one.id}"
        with contextlib.suppress(rights.Refused):  # already answered, or its approval is stale
            if random.Random(one.id).random() < REFUSED:
                approvals.reject(one.id, actor=by("ada"), reason="not now", key=key)
            else:
                approvals.approve(one.id, actor=by("ada"), patch_hash=one.patch_hash, key=key)


def _worse(row: Deployment) -> bool:
    """Does a share of requests fail since the release that no fault of the drill explains?"""
    health = [ServiceHealth(**told) for told in row.after.values()]
    return any((one.error_rate or 0.0) > RATE / 2 for one in health)


# --- expected state ----------------------------------------------------------------------------------


def faults(made) -> Iterator[str]:
    """Every violation of the expected state."""
    with store.read() as session:
        issues = session.exec(select(Issue)).all()
        rows = session.exec(select(Deployment).where(Deployment.environment == "production")).all()
        changes = {change.id: change for change in session.exec(select(ChangeSet))}
        answered = session.exec(select(Approval).where(Approval.state == "approved")).all()
        verdict = chain.verify(session)
    released = {row.issue_id: row for row in rows if row.vendor_id}
    yield from (f"issue {i.id} is {i.status}: {i.reason[:200]}" for i in issues if i.status not in ENDED)
    yield from (f"issue {i.id} was given up: {i.reason[:200]}" for i in issues if "broke" in i.reason)
    yield from (f"the answer to issue {a.issue_id} is lost" for a in answered if a.issue_id not in released)
    newest = max((row.id for row in released.values()), default=0)
    for row in released.values():
        bad = harmful(changes[row.change_set_id].head_sha)
        left = row.status == "superseded" and row.id != newest  # it waited for a person outside the lane
        if not left and row.status != ("rolled_back" if bad else "verified"):
            yield f"deployment {row.id} of issue {row.issue_id} is {row.status}, harmful: {bad}: {row.note[:200]}"
    yield from (f"twice: {line}" for line, n in Counter(made.ledger.effects("production")).items() if n > 1)
    good = {row.vendor_id for row in rows if row.status == "verified"} | {"dpl_1"}
    if (live := made.ledger.get("alias")) not in good:
        yield f"production serves {live}"
    if not verdict.ok:
        yield f"audit trail: {verdict.message}"


def _summary(made, troubles: Troubles, seconds: float) -> dict:
    with store.read() as session:
        ends = Counter(session.exec(select(Issue.status)).all())
    return {
        "seconds": round(seconds),
        "issues": {str(status): number for status, number in ends.items()},
        "troubles": dict(troubles.done),
        "production": len(made.ledger.effects("production")),
        "rollbacks": len(made.ledger.effects("rollback")),
        "longest_unguarded_seconds": round(unguarded(made), 1),
    }


def unguarded(made) -> float:
    """The longest time between two looks while production served an unverified build, in seconds."""
    with store.read() as session:
        rows = session.exec(select(Deployment).where(Deployment.environment == "production")).all()
    ended = {row.vendor_id: row.ended_at.timestamp() for row in rows if row.vendor_id and row.ended_at}
    looks = [float(line) for line in (made.ledger.folder / "looks").read_text().split()]
    moves = [*made.ledger.get("moves"), (time.time(), "")]
    longest = 0.0
    for (begin, vendor_id), (moved, _) in pairwise(moves):
        end = min(moved, ended.get(vendor_id, begin))
        within = [at for at in looks if begin < at < end]
        longest = max([longest, *(b - a for a, b in pairwise([begin, *within, end]))])
    return longest


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.drills.chaos", description=__doc__)
    parser.add_argument("--postgres", action="store_true", help="on a PostgreSQL of its own instead of SQLite")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--issues", type=int, default=200)
    parser.add_argument("--troubles", type=int, default=500, help="while the issues come; more follow until all ended")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="where it happens, and stays; otherwise all is gone afterwards")
    return drill(parser.parse_args())


if __name__ == "__main__":
    sys.exit(main())
