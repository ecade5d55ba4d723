"""One service from its first crash to a watched release. ``tell(name, folder)`` returns the story's row.

The team's part is played here: it runs the service, ships its signals, keeps the traffic up, approves and merges.
Nothing is put into the platform by hand, and nothing of it is called but its command line and its API.
"""

from __future__ import annotations

import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.postgres import postgres
from tests.services import shipping
from tests.services.catalogue import SERVICES, ForeignService
from tests.services.machine import chosen, environment, free_port
from tests.services.model import ScriptedModel
from tests.services.product import Product
from tests.services.production import Production, stop
from tests.services.repository import Repository
from tests.services.traffic import CRASH_EVERY, Traffic
from tests.services.vendors import METRICS, Vendors
from tests.services.ways import WAYS, OnVercel, Way

LIMIT = 1800.0  # seconds until a story is given up
AGAIN = 60.0  # in which more reports come
ENDED = ("resolved", "escalated", "dismissed")
PLATFORM = """version = 1

[repositories.{name}]
remote = "{remote}"
github = "acme/{name}"
{url}{way}{own}
{tables}
[services.{name}]
repository = "{name}"
impact = "low"

[watch]  # a story has minutes where a team has hours
source = "{watch}"
seconds = {seconds}
earliest = 20
every = 5
latency_floor_ms = 2000  # the machine builds and tests besides
{metrics}"""


@dataclass
class Row:
    service: str
    input: str
    delivery: str
    found: str = "no"
    proved: str = "no"
    fixed_by: str = ""
    live: str = "no"
    watched: str = "no"
    seconds: float = 0.0
    says: str = ""

    @property
    def whole(self) -> bool:
        return (self.found, self.proved, self.live, self.watched) == ("yes",) * 4

    def cells(self) -> list[str]:
        return [str(value) for value in asdict(self).values()]


class World:
    """Everything around one service; ``index`` is the address of its package index, empty for the usual one."""

    def __init__(self, service: ForeignService, folder: Path, index: str = "", extra: dict[str, str] | None = None):
        self.service, self.folder, self.stack = service, folder, ExitStack()
        self.repository = Repository(folder, service.app)
        self.vendors = Vendors(self.repository, service.name, lambda: self.production.url)
        self.production = self._production(index)
        self.way: Way = WAYS[service.delivery](service.name, self.vendors, self.production, self.repository, folder)
        self.model = ScriptedModel(service.remedy)
        self.product = Product(folder, self._settings(index) | (extra or {}))
        (folder / "platform.toml").write_text(self._platform())
        self.token = self.product.ingest_token(service.name)
        self.hears = lambda line: None

    # --- how the team runs it

    def _production(self, index: str) -> Production | OnVercel:
        service = self.service
        root = self.folder / "team"
        python = environment(
            self.folder / "venv", service.python, [_in(root, word) for word in service.packages], index
        )
        plain = Production(
            self.repository,
            self.folder / "releases",
            python,
            command=service.command,
            prepare=service.prepare,
            subfolder=service.subfolder,
            health=service.health,
            variables=service.variables,
            hears=self._hear,
        )
        return OnVercel(plain, self._hear) if service.delivery == "vercel" else plain

    def _hear(self, line: str) -> None:
        with (self.folder / "service.log").open("a") as log:
            log.write(line + "\n")
        self.hears(line)

    @property
    def plain(self) -> Production:
        return self.production.plain if isinstance(self.production, OnVercel) else self.production

    def _servers(self) -> None:
        """The service's own database or broker."""
        if "postgresql" in self.service.servers:
            self.plain.variables["DATABASE_URL"] = self.stack.enter_context(postgres())
        if "redis" in self.service.servers:
            self.plain.variables["REDIS_URL"] = self.stack.enter_context(redis(self.folder))

    # --- what the customer writes

    def _settings(self, index: str) -> dict[str, str]:
        own = {"ROUND_SECONDS": "10", **self.vendors.github(), **self.way.environment}
        told = {"sentry": self.vendors.sentry, "datadog": self.vendors.datadog, "cloudwatch": self.vendors.cloudwatch}
        own |= told[self.service.input]() if self.service.input in told else {}
        own |= self.model.environment(self.vendors.url) if self.service.remedy else {}
        return own | ({"PACKAGE_INDEX_URL": index} if index else {})

    def _platform(self) -> str:
        service = self.service
        url = f'production_url = "{self.vendors.url}/edge"\nhealth_path = "{service.health}"\n'
        return PLATFORM.format(
            name=service.name,
            remote=self.repository.origin,
            url=url if service.health else "",
            way=self.way.toml,
            own=service.toml.replace("{python}", chosen(service.python)),
            tables=self.way.tables,
            watch=service.watch,
            seconds=180 if service.watch == "cloudwatch" else 60,
            metrics=METRICS if service.watch in ("datadog", "cloudwatch") else "",
        )

    # --- how its signals leave

    def _signals(self) -> shipping.Count:
        """Connect the input; returns what counts each request."""
        service, url = self.service, self.product.url
        if service.input == "sentry":
            self.plain.variables["SENTRY_DSN"] = f"http://public@127.0.0.1:{self.vendors.port}/1"
        if service.input == "otlp":
            self.plain.variables |= {
                "OTEL_EXPORTER_OTLP_ENDPOINT": f"{url}/otlp",
                "OTEL_EXPORTER_OTLP_HEADERS": f"Authorization=Bearer%20{self.token}",
                "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=production",
                "OTEL_BSP_SCHEDULE_DELAY": "1000",
            }
            return lambda route, status, ms: None
        count = self._measured()
        if service.input == "cloudwatch":
            self.hears = shipping.LogStream(self.vendors.telemetry, lambda: self.production.sha).hear
        if service.input == "datadog":
            self.hears = shipping.LogAgent(self.vendors.telemetry, self._task_counted(count)).hear
            return lambda route, status, ms: None
        if service.input == "alertmanager":
            self._alertmanager()
        return count

    def _measured(self) -> shipping.Count:
        if self.service.watch == "otlp":
            spans = shipping.IngressSpans(f"{self.product.url}/otlp", self.token, self.service.name)
            self.stack.callback(spans.close)
            return spans.count
        return shipping.VendorMetrics(self.vendors.telemetry, self.service.name).count

    def _task_counted(self, count: shipping.Count) -> shipping.Count:
        """Tasks are no requests of the traffic: what the workers say of them counts."""

        def counted(route: str, status: int, ms: float) -> None:
            count(route, status, ms)
            self.traffic.noted(self.production.sha, status)

        return counted

    def _alertmanager(self) -> None:
        lines = shipping.LineShipper(self.product.url, self.token, lambda: self.production.sha)
        labels = {"service": self.service.name, "environment": "production"}
        rule = shipping.Alertmanager(self._scraped, self.product.url, self.token, labels)
        self.stack.callback(lines.close)
        self.stack.callback(rule.close)
        self.hears = lines.hear

    def _scraped(self) -> str:
        return self.traffic.client.get(f"{self.production.url}/metrics").raise_for_status().text

    # --- the story itself

    @contextmanager
    def alive(self) -> Iterator[World]:
        """The service in production with visitors, its vendors, and the platform."""
        with self.vendors.serving([*self.way.routes, *self.model.routes]), self.product.running(), self.stack:
            self._servers()
            self.traffic = self._traffic()
            self.way.begin(self.repository.head())
            try:
                with self.traffic:
                    yield self
            finally:
                self.production.close()

    def _traffic(self) -> Traffic:
        service = self.service
        release = lambda: self.production.sha  # noqa: E731
        count = self._signals()
        traffic = Traffic(service.visit, lambda: self.production.url, release, count, service.rate)
        inbox = self.folder / "inbox"
        inbox.mkdir(exist_ok=True)
        traffic.place = lambda: inbox
        traffic.run = self._ran
        traffic.tell = self._told
        return traffic

    def _ran(self, *words: str, check: bool = True) -> subprocess.CompletedProcess:
        """The service's own interpreter on the live release."""
        place, env = self.plain.place(self.plain.sha), self.plain.environment(self.plain.sha)
        argv = [str(self.plain.python), *words]
        return subprocess.run(argv, cwd=place, env=env, capture_output=True, text=True, timeout=120, check=check)

    def _told(self, text: str, release: str) -> None:
        """What the cron job's wrapper posts when the command fails."""
        kind, _, message = text.strip().splitlines()[-1].partition(": ")
        event = {"type": kind, "message": message, "stacktrace": text, "severity": "error", "release": release}
        headers = {"Authorization": f"Bearer {self.token}"}
        self.traffic.client.post(f"{self.product.url}/ingest/events", json=event, headers=headers)

    def release(self) -> tuple[dict, float]:
        """(the issue when it has ended, seconds since the first crash): approves and merges what waits for it."""
        began, issue, ended = time.monotonic(), {}, 0.0
        while time.monotonic() - began < LIMIT and not (ended and time.monotonic() - ended > self._patience(issue)):
            time.sleep(1)
            if self.traffic.error:
                raise self.traffic.error
            self.way.turn()
            found = [row for row in self.product.issues() if row["service"] == self.service.name and self._ours(row)]
            issue = self.product.issue(found[0]["id"]) if found else {}
            self._act(issue)
            ended = (ended or time.monotonic()) if issue.get("status") in ENDED else 0.0
        return issue, time.monotonic() - began

    def _patience(self, issue: dict) -> float:
        """An issue that is decided again when more reports come is not given up at once."""
        return AGAIN if "decided again" in issue.get("reason", "") else 0.0

    def _ours(self, row: dict) -> bool:
        return self.service.crash in row["title"]

    def _act(self, issue: dict) -> None:
        if issue.get("status") != "awaiting_approval":
            return
        if issue["approval"]:
            self.product.approve(issue["id"], issue["approval"]["patch_hash"])
        elif self.way.merges:
            self.vendors.merge()

    def rows(self, query: str) -> list[sqlite3.Row]:
        """What the platform has stored."""
        with sqlite3.connect(f"file:{self.folder / 'data' / 'platform.db'}?mode=ro", uri=True) as store:
            store.row_factory = sqlite3.Row
            return store.execute(query).fetchall()


def _in(root: Path, word: str) -> str:
    """A file of the repository by its full path; any other word as it is."""
    return str(root / word) if word.endswith((".txt", ".toml")) else word


@contextmanager
def redis(folder: Path) -> Iterator[str]:
    """A Redis of the team's own."""
    port = free_port()
    words = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, start_new_session=True)
    try:
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        stop(process)


def told(world: World, issue: dict, seconds: float) -> Row:
    """The story's row: what the platform stored, and how production really fares."""
    service = world.service
    row = Row(service.name, service.input, service.delivery, seconds=round(seconds, 1))
    row.says = f"{issue.get('status', 'no issue')}: {issue.get('reason', '')}"[:300]
    if not issue:
        return row
    row.found = "yes"
    changes = world.rows(f"SELECT * FROM changeset WHERE issue_id = {int(issue['id'])} ORDER BY id DESC")
    done = [change for change in changes if change["status"] in ("deployed", "merged")]
    if proof := next((change for change in [*done, *changes] if change["status"] not in ("refused", "unproved")), None):
        row.proved, row.fixed_by = "yes", proof["generator"] + (f" ({proof['template']})" if proof["template"] else "")
    live = world.rows("SELECT * FROM deployment WHERE environment = 'production' ORDER BY id DESC")
    if live and live[0]["status"] == "verified" and cured(world):
        row.live = "yes"
    if issue["status"] == "resolved" and live and live[0]["status"] == "verified":
        row.watched = "yes"
    return row


def cured(world: World) -> bool:
    """Do requests of the kind that crashed succeed on the release that serves now?"""
    seen = world.traffic.seen.get(world.production.sha, {})
    return not seen.get("failed") and seen.get("ok", 0) >= CRASH_EVERY


def tell(name: str, folder: Path, index: str = "", **settings: str) -> Row:
    world = World(SERVICES[name], folder, index, settings)
    with world.alive():
        issue, seconds = world.release()
        return told(world, issue, seconds)
