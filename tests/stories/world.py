"""A small world for stories of the flow: a real git repository, and vendors that live in a folder.

The vendors keep their state in files, so that a process may be killed and another one finds what it
had done; every outward effect is appended to ``effects`` and can be counted.
"""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from filelock import FileLock

from core import runtime
from core.db import store
from core.models import (
    Cause,
    ChangeSet,
    Crash,
    Deployment,
    Frame,
    Impact,
    Issue,
    Kind,
    Metric,
    MetricPoint,
    Raised,
    Severity,
    Signal,
    now,
)
from core.models.access import Person, Role
from core.models.origin import Origin, Writers
from core.ops import durable
from core.repair.fixers.embedded import EmbeddedFixer
from core.repair.types import Candidate, FixResult, Proof, RegressionTest
from core.runtime import Runtime
from core.settings import Settings
from core.signals.analysis.types import Conclusion
from core.stages.review import gates
from core.vendors.base import Deployed, Pull, PullState, VendorError
from core.vendors.command import Completed, git, run
from tests import kept

TICK = 0.1  # seconds between two metric points, and between two reports of a fault
REPORTS = 50
BROKEN = "def share(part, whole):\n    return part / whole\n"
FIXED = "def share(part, whole):\n    if not whole:\n        return 0.0\n    return part / whole\n"
OLD_TEST = "from shop import share\n\n\ndef test_half():\n    assert share(1, 2) == 0.5\n"
NEW_TEST = "from shop import share\n\n\ndef test_nothing():\n    assert share(0, 0) == 0.0\n"

PLATFORM = """
[repositories.shop]
remote = "{remote}"
environment_build = "platform"
folder = "."
source = ["."]
tests = "tests"
github = "acme/shop"
vercel_project = "shop"
production_url = "http://shop.test"
[services.pricing]
repository = "shop"
[services.checkout]
repository = "shop"
critical = true
[watch]
seconds = {watch}
every = 0.2
minimum_requests = 10
[guards]
minimum_occurrences = 2
deployments_per_hour = {limit}
[fix.autonomy]
precision = 0.1
granted = ["*/*/none"]
[corroboration]
wait_seconds = {wait}
[maintenance]
days = {days}
start = "{start}"
minutes = 30
"""


class Ledger:
    """State and effects in a folder; every access takes the same lock."""

    def __init__(self, folder: Path):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.lock = FileLock(folder / "lock")

    def get(self, name: str, default=None):
        path = self.folder / f"{name}.json"
        return json.loads(path.read_text()) if path.exists() else default

    def put(self, name: str, value) -> None:
        """Whole or not at all: some read without the lock."""
        fresh = self.folder / f"{name}.{threading.get_ident()}.new"
        fresh.write_text(json.dumps(value))
        fresh.replace(self.folder / f"{name}.json")

    def move(self, vendor_id: str) -> None:
        """Production serves this deployment from now on."""
        self.put("alias", vendor_id)
        self.put("moves", [*self.get("moves", []), (time.time(), vendor_id)])

    def effect(self, what: str) -> None:
        with (self.folder / "effects").open("a") as file:
            file.write(what + "\n")

    def effects(self, start: str = "") -> list[str]:
        path = self.folder / "effects"
        return [line for line in path.read_text().splitlines() if line.startswith(start)] if path.exists() else []


class FolderRolling:
    """Rolling releases. While one serves a share, the services fare as ``rates`` says of "canary"."""

    def __init__(self, ledger: Ledger):
        self.ledger = ledger

    def stages(self, project) -> list[int]:
        return self.ledger.get("stages", [])

    def share(self, project, vendor_id) -> int:
        return max(self.ledger.get("shares", {}).get(vendor_id, 0), 0)

    def active(self, project, vendor_id) -> bool:
        return 0 < self.share(project, vendor_id) < 100

    def shift(self, project, vendor_id, share) -> int:
        with self.ledger.lock:
            shares = self.ledger.get("shares", {})
            if shares.get(vendor_id) == -1:
                raise VendorError("vercel", "the rolling release was aborted", permanent=True)
            if shares.get(vendor_id, 0) < share:
                self.ledger.put("shares", shares | {vendor_id: share})
                if share == 100:
                    self.ledger.move(vendor_id)
                else:
                    self.ledger.put("moves", [*self.ledger.get("moves", []), (time.time(), "canary")])
                self.ledger.effect(f"share {share}")
        return self.share(project, vendor_id)


class FolderDeployer:
    """A deployer with Vercel's rules: a key finds the deployment that was made with it before."""

    name = "vercel"

    def __init__(self, ledger: Ledger):
        self.ledger, self.rolling = ledger, FolderRolling(ledger)

    def _make(self, kind: str, sha: str, key: str) -> Deployed:
        with self.ledger.lock:
            made = self.ledger.get("deployments", {})
            if key not in made:
                if self.ledger.get("refuse") == kind:
                    raise VendorError("vercel", "the build quota is used up", permanent=True)
                made[key] = {"vendor_id": f"dpl_{len(made) + 1}", "sha": sha, "kind": kind}
                self.ledger.put("deployments", made)
                if kind == "production" and not self.ledger.get("stages"):
                    self.ledger.move(made[key]["vendor_id"])
                self.ledger.effect(f"{kind} {sha}")
            return self._shape(made[key])

    def _shape(self, row: dict) -> Deployed:
        return Deployed(row["vendor_id"], f"http://{row['vendor_id']}.test", "READY", row["sha"])

    def _all(self) -> dict[str, dict]:
        return {row["vendor_id"]: row for row in self.ledger.get("deployments", {}).values()}

    def preview(self, project, github, ref, sha, key) -> Deployed:
        return self._make("preview", sha, key)

    def promote(self, project, preview_id, key) -> Deployed:
        return self._make("production", self._all()[preview_id]["sha"], key)

    def status(self, vendor_id) -> Deployed:
        return self._shape(self._all()[vendor_id])

    def serve(self, project, vendor_id) -> Deployed:
        return self.status(vendor_id)

    def with_key(self, project, key) -> list[Deployed]:
        made = self.ledger.get("deployments", {})
        return [self._shape(made[key])] if key in made else []

    def cancel(self, vendor_id) -> None:
        self.ledger.effect(f"cancel {vendor_id}")

    def production(self, project) -> Deployed | None:
        return self.status(self.ledger.get("alias"))

    def rehearse(self, project, new_vendor_id, old_vendor_id) -> None:
        if self.ledger.get("no_way_back"):
            raise VendorError("vercel", f"{old_vendor_id} was deleted", permanent=True)

    def abort(self, project, vendor_id, to_vendor_id) -> Deployed:
        self.ledger.put("shares", self.ledger.get("shares", {}) | {vendor_id: -1})
        return self.rollback(project, to_vendor_id)

    def rollback(self, project, to_vendor_id) -> Deployed:
        with self.ledger.lock:
            self.ledger.move(to_vendor_id)
            self.ledger.effect(f"rollback {to_vendor_id}")
        return self.status(to_vendor_id)


class FolderHost:
    """Pull requests that are looked up by their branch."""

    name = "github"

    def __init__(self, ledger: Ledger):
        self.ledger = ledger

    def open_pull(self, repository, branch, base, title, body) -> Pull:
        with self.ledger.lock:
            pulls = self.ledger.get("pulls", {})
            if branch not in pulls:
                pulls[branch] = self.ledger.get("opened", 0) + 1
                self.ledger.put("pulls", pulls)
                self.ledger.put("opened", pulls[branch])
                self.ledger.effect(f"pull {branch}")
        return Pull(pulls[branch], f"http://github.test/{pulls[branch]}", "")

    def set_status(self, repository, sha, context, state, description, url="") -> None:
        self.ledger.put(f"status-{sha}", state)

    def comment(self, repository, number, key, body) -> None:
        self.ledger.put(f"comment-{key}", body)

    def close_pull(self, repository, number, head_sha, key, body) -> None:
        with self.ledger.lock:
            pulls = self.ledger.get("pulls", {})
            if open_now := [branch for branch, known in pulls.items() if known == number]:
                self.ledger.put(f"comment-{key}", body)
                self.ledger.put("pulls", {branch: n for branch, n in pulls.items() if branch not in open_now})
                self.ledger.effect(f"close {number}")

    def pull_state(self, repository, number) -> PullState:
        """Open, until a story says otherwise."""
        told = self.ledger.get(f"state-{number}", {"state": "open"})
        at = datetime.fromisoformat(told["at"]) if told.get("at") else None
        return PullState(told["state"], told.get("sha", ""), at, told.get("by", ""), told.get("says", ""))

    def releases(self, repository) -> list[Deployed]:
        told = self.ledger.get("releases", [])
        return [Deployed(sha, "", "READY", sha, since=datetime.fromisoformat(at)) for sha, at in told]

    def merge(self, repository, number, head_sha) -> str:
        with self.ledger.lock:
            if not self.ledger.get("merged"):
                self.ledger.put("merged", head_sha)
                self.ledger.effect(f"merge {number}")
        return head_sha


class FolderHealth:
    """Metric points as the ledger has it: ``rates`` is the error rate by deployment."""

    name = "datadog"
    tick = TICK
    covers = 20  # seconds until now of which it has points, and before the first issue

    def __init__(self, ledger: Ledger):
        self.ledger = ledger

    def points(self, services: Sequence[str], since: datetime, until: datetime) -> list[MetricPoint]:
        """A point each ``tick``, with the error rate of what production served then.

        A slow machine takes minutes for a journey: the errors of its issue must not lie before all figures.
        """
        if self.ledger.get("blind"):
            return []
        begun = min(self.ledger.get("reported", until.timestamp()), until.timestamp()) - self.covers
        first, last = max(since.timestamp(), begun), until.timestamp() - self.tick
        times = [n * self.tick for n in range(int(first / self.tick) + 1, int(last / self.tick) + 1)]
        return [p for at in times for service in services for p in self._points(service, at)]

    def _points(self, service: str, at: float) -> Iterator[MetricPoint]:
        moves = self.ledger.get("moves") or [(0.0, self.ledger.get("alias"))]  # a world that an old release left
        served = [alias for moved, alias in moves if moved <= at or moved == moves[0][0]][-1]
        rate = self.ledger.get("rates", {}).get(served, self.ledger.get("rate_of_fix", 0.0))
        when = datetime.fromtimestamp(at, UTC)
        p95 = self.ledger.get("p95", {}).get(served, 10.0)
        for name, value in (("requests", 20.0), ("errors", 20 * rate), ("p95_ms", p95)):
            yield MetricPoint(source=self.name, service=service, name=name, at=when, value=value)


class Metrics:
    """A source of metrics whose points ``World.fares`` writes into the store, as a round would have."""

    name = "datadog"
    origin = Origin("Datadog", Writers.TEAM)

    def collect(self, cursor, until):
        return iter(())


class Told:
    """An analyst that says what the ledger tells it to."""

    name = "told"

    def __init__(self, ledger: Ledger):
        self.ledger = ledger

    def analyze(self, evidence) -> Conclusion:
        told = {"cause": "code", "severity": "medium", "impact": "low", "confidence": 0.95, "simplicity": 1.0}
        told |= self.ledger.get("finding", {})
        return Conclusion(
            analyst="told",
            root_cause="whole is 0",
            cause=Cause(told["cause"]),
            severity=Severity(told["severity"]),
            impact=Impact(told["impact"]),
            confidence=told["confidence"],
            simplicity=told["simplicity"],
            pattern="ZeroDivisionError/division",
        )


class Inbox:
    name = "slack"

    def __init__(self, ledger: Ledger):
        self.ledger = ledger

    def send(self, message) -> None:
        self.ledger.effect(f"slack {message.key}")


class PlainRunner:
    """Runs the story's own two-line tests; what it runs is written above."""

    name = "plain"

    def run(self, argv: Sequence[str], tree: Path, timeout: float = 120) -> Completed:
        import sys

        argv = [sys.executable if argv[0] == "python" else argv[0], *argv[1:]]
        return run(argv, cwd=tree, timeout=timeout)


def write_known_fix(tree: Path, crash: Crash, **_) -> FixResult:
    """In place of the repair engine, whose own tests are elsewhere: the right change, its own for each release."""
    fixed = FIXED + (f"# {crash.release}\n" if crash.release else "")
    (tree / "shop.py").write_text(fixed)
    (tree / "tests" / "test_share_nothing.py").write_text(NEW_TEST)
    return FixResult(
        "fix",
        "proved",
        candidate=Candidate("guard", {"shop.py": fixed}, "Nothing of nothing is 0.0"),
        test=RegressionTest("tests/test_share_nothing.py", NEW_TEST),
        proof=Proof(True, True, True, True),
        confidence=0.9,
    )


def pass_gates(*_args) -> list[gates.Gate]:
    return [gates.Gate("style", True, "no style findings", 0, 0)]


@cache
def shop() -> tuple[Path, str]:
    """(a folder with the team's checkout and its bare origin, the commit), made once in a process."""
    folder = kept.folder("shop")
    team = folder / "team"
    (team / "tests").mkdir(parents=True)
    (team / "shop.py").write_text(BROKEN)
    (team / "conftest.py").write_text("")
    (team / "tests" / "test_share.py").write_text(OLD_TEST)
    git(team, "init", "--quiet", "--initial-branch=main")
    git(team, "add", "--all")
    git(team, "commit", "--quiet", "--message", "The shop")
    git(folder, "clone", "--quiet", "--bare", "team", "origin.git")
    git(folder / "origin.git", "remote", "remove", "origin")
    return folder, git(team, "rev-parse", "HEAD").strip()


class World:
    """Everything a story needs, in ``folder``; a second World on the same folder is the same world."""

    def __init__(
        self,
        folder: Path,
        *,
        watch: float = 0.5,
        limit: int = 5,
        days: list[int] | None = None,
        start: str = "00:00",
        database: str = "",
        wait: float = 0.0,
    ):
        self.folder, self.ledger = folder, Ledger(folder / "vendors")
        self.origin = folder / "origin.git"
        if not self.origin.exists():
            self._repository()
        platform = folder / "platform.toml"
        if not platform.exists():
            platform.write_text(
                PLATFORM.format(
                    remote=self.origin,
                    watch=watch,
                    limit=limit,
                    start=start,
                    wait=wait,
                    days=list(range(7)) if days is None else days,
                )
            )
        self.settings = Settings(data_dir=folder / "data", platform_file=platform, database_url=database)
        self.deployer = FolderDeployer(self.ledger)
        store.open_store(self.settings.database)
        self._people()
        self.rt = runtime.use(
            Runtime(
                self.settings,
                sources=[Metrics()],
                health=FolderHealth(self.ledger),
                host=FolderHost(self.ledger),
                vercel=self.deployer,
                notifiers=[Inbox(self.ledger)],
                analysts=[Told(self.ledger)],
                fixers=[EmbeddedFixer()],
                runner=PlainRunner(),
                probe=lambda url: "",
            )
        )

    def _people(self) -> None:
        with store.write() as session:
            for name, role in (("ada", Role.APPROVER), ("bob", Role.ADMIN)):
                session.merge(Person(name=name, role=role))

    def _repository(self) -> None:
        made, sha = shop()
        shutil.copytree(made, self.folder, dirs_exist_ok=True)
        self.ledger.put("deployments", {"team": {"vendor_id": "dpl_1", "sha": sha, "kind": "production"}})
        self.ledger.move("dpl_1")
        self.ledger.put("rates", {"dpl_1": 0.1})

    def fares(self, service: str, failed: float, before: float = 0.0) -> None:
        """The service's requests as Datadog counted them: ``failed`` of 200 now, ``before`` of 1000 earlier."""
        at = now()
        for age, requests, errors in ((timedelta(seconds=10), 200, failed), (timedelta(minutes=10), 1000, before)):
            for name, value in (("requests", requests), ("errors", errors)):
                with store.write() as session:
                    session.add(Metric(source="datadog", service=service, name=name, at=at - age, value=value))

    def issue(
        self,
        service: str = "pricing",
        occurrences: int = 5,
        release: str | None = None,
        failed: float = 20,
        environment: str = "production",
    ) -> int:
        """An issue with a crash, and its journey started in the same transaction; ``failed`` requests show it."""
        self.fares(service, failed)
        if self.ledger.get("reported") is None:
            self.ledger.put("reported", time.time())
        crash = Crash(
            service=service,
            release=release,
            exception=Raised(type="ZeroDivisionError", message="division by zero"),
            frames=(
                Frame(
                    file="shop.py",
                    line=2,
                    function="share",
                    code="return part / whole",
                    locals={"part": "0", "whole": "0"},
                ),
            ),
        )
        with store.write() as session:
            issue = Issue(
                fingerprint=f"f-{time.monotonic_ns()}",
                title="ZeroDivisionError: division by zero",
                service=service,
                occurrences=occurrences,
                environment=environment,
                first_seen=now() - timedelta(seconds=20),
            )
            session.add(issue)
            session.flush()
            session.add_all(
                Signal(
                    source="sentry",
                    vendor_id=f"e-{issue.id}-{number}",
                    kind=Kind.EXCEPTION,
                    service=service,
                    title=issue.title,
                    fingerprint=issue.fingerprint,
                    environment=environment,
                    crash=crash.model_dump(mode="json", by_alias=True),
                    issue_id=issue.id,
                    at=now() - timedelta(seconds=number * TICK),
                )
                for number in range(REPORTS)
            )
            durable.begin(session, issue)
            return issue.id

    def report(self, issue_id: int, seconds: Iterable[float], count: int = 1) -> None:
        """Errors of an issue at these seconds from now; a watch does not see those that lie ahead before their time."""
        at = now()
        crash = Crash(
            service="pricing",
            exception=Raised(type="KeyError", message="'GONE'"),
            frames=(Frame(file="shop.py", line=2, function="share", code="return part / whole"),),
        )
        with store.write() as session:
            issue = session.get_one(Issue, issue_id)
            session.add_all(
                Signal(
                    source="sentry",
                    vendor_id=f"r-{issue_id}-{second}",
                    kind=Kind.EXCEPTION,
                    service=issue.service,
                    title=issue.title,
                    crash=crash.model_dump(mode="json", by_alias=True),
                    issue_id=issue_id,
                    environment=issue.environment,
                    fingerprint=issue.fingerprint,
                    count=count,
                    at=at + timedelta(seconds=second),
                )
                for second in seconds
            )

    def was_frequent(self, issue_id: int) -> None:
        """Report the issue's fault often until its fix was released: else nothing would say soon that it is cured."""
        where = (Deployment.issue_id == issue_id, Deployment.environment == "production")
        with store.read() as session:
            live = [row.ready_at for row in session.exec(store.select(Deployment).where(*where)) if row.ready_at]
        if live:
            begun = (min(live) - now()).total_seconds()
            self.report(issue_id, [begun - second for second in range(1, 20)], count=500)

    def get(self, issue_id: int) -> Issue:
        with store.read() as session:
            return session.get_one(Issue, issue_id)

    def change(self, issue_id: int) -> ChangeSet:
        with store.read() as session:
            return session.exec(store.select(ChangeSet).where(ChangeSet.issue_id == issue_id)).one()


def until(check, seconds: float = 300.0):
    """The first true answer of ``check``; fails at the deadline."""
    deadline = time.monotonic() + seconds
    while not (answer := check()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)
    return answer
