"""Generated incidents of known truth: each record says which issue it belongs to, and which crash explains that issue.

A system is drawn per seed: repositories, some of which two to four services run, services whose names contain words
such as "queue" or "error", and their endpoints. Over a week it has

- crashes of one service, at random places with random exceptions, for minutes to hours, told by two to five vendors;
- crashes of shared code, in two or three services that each call it from an entry point of their own;
- look-alikes: the same crash in a service that runs other code, and another exception at the same place;
- alerts of one to three vendors about each symptom of a crash, minutes to hours after its beginning while it lasts;
- symptoms without any crash: slowness, lost traffic, full resources, failing requests, with late alerts;
- two crashes at once in one service, whose alerts name the endpoint: the rate of a service belongs to both;
- slowness that begins together with an unrelated crash of the same service, or hours after its beginning;
- storms: hundreds of records of one crash in a minute, beside everything else.

One vendor tells class and message only. No other crash of a service has the same two, and that vendor is left out of
crashes in shared code and their look-alikes, which it could not tell apart.

Two faults with the same symptom in one service lie a day apart, or the alerts of the first were reported as over. Each
vendor words its alerts and spells the service in its own way. Practice draws from WORDS; an exam adds MORE_WORDS, which
were written for it and not looked at before.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from core.models import Kind, Record
from tests.bench.signals.incidents import START, VENDORS, Incident, Teller

NAMES = ("cart", "search", "ledger", "queue-worker", "error-mailer", "health-portal", "slow-jobs", "billing-api",
         "geo", "media", "auth-gateway", "traffic-shaper", "inbox", "pricing", "booking", "memory-game")  # fmt: skip
PARTS = ("tax", "rates", "stock", "route", "token", "image", "window", "basket", "plan", "seat", "label", "quote")
VERBS = ("load", "apply", "render", "merge", "parse", "resolve", "count", "score", "sync", "check", "total", "find")
FAULTS = (
    ("KeyError", "'{key}'", "value = table['{key}']"),
    ("AttributeError", "'NoneType' object has no attribute '{key}'", "return item.{key}"),
    ("IndexError", "list index out of range", "return rows[{key}]"),
    ("ZeroDivisionError", "division by zero", "return a / {key}"),
    ("TypeError", "unsupported operand type(s) for +: 'int' and 'NoneType'", "total += {key}"),
    ("ValueError", "invalid literal for int() with base 10: '{n}x'", "return int({key})"),
    ("TimeoutError", "timed out connecting to {key}.internal.example:6432", "pool.connect({key})"),
    ("ConnectionError", "connection refused by {key}.internal.example", "client.{key}()"),
    ("LookupFailed", "no {key} for tenant {n}", "raise LookupFailed({key})"),
)
SLOW = ("TimeoutError", "ConnectionError")
WORDS = {
    "errors": ("High error rate on {s}", "{s}: 5xx responses above 5 %", "Errors of {s} over threshold"),
    "latency": ("p95 latency of {s} above 800 ms", "{s} responds slowly", "Response time of {s} is high"),
    "availability": ("Health check of {s} failed", "{s} is down", "Synthetic test of {s} failed"),
    "traffic": ("Traffic of {s} dropped", "Throughput of {s} is low", "No requests to {s}"),
    "disk": ("Disk of {s} almost full", "{s} disk usage above 90 %"),
    "memory": ("Memory of {s} at 95 %", "{s} memory usage high"),
}
MORE_WORDS = {
    "errors": ("[Triggered] {s} failed requests ratio", "HTTPCode_Target_5XX_Count {s}", "{s} exceptions spike"),
    "latency": ("TargetResponseTime {s}", "Apdex of {s} below 0.7", "[P2] {s} request duration 99th percentile"),
    "availability": ("Uptime monitor: {s} unreachable", "UnHealthyHostCount {s}", "{s} unavailable from eu-west"),
    "traffic": ("Request count of {s} fell", "{s}: no data", "{s} requests dropped by half"),
    "disk": ("Low disk space on {s}", "DiskUsedPercent: disk {s}"),
    "memory": ("Available memory low: {s}", "{s} container memory over limit"),
}
ALERTING = ("datadog", "cloudwatch", "newrelic", "alertmanager")
MINUTE, DAY = timedelta(minutes=1), 1440


@dataclass(frozen=True)
class Told:
    """A record with its true issue, and the issue that explains that one. ``over``: the issue's alerts ended then."""

    record: Record | None
    issue: str
    parent: str = ""
    at: datetime = START


@dataclass(frozen=True)
class Crash:
    """``begin`` and ``end`` are minutes; ``services`` run the code of the first one."""

    name: str
    services: tuple[str, ...]
    incident: Incident
    begin: float
    end: float
    endpoint: str = ""


class System:
    """One system's services and faults."""

    def __init__(self, seed: int, exam: bool = False):
        self.chance, self.teller = random.Random(f"incidents-{seed}"), Teller(seed)
        self.words = {k: (*v, *MORE_WORDS[k]) if exam else v for k, v in WORDS.items()}
        names = self.chance.sample(NAMES, 12)
        sizes = (4, 3, 2, 1, 1, 1)
        groups = [names[sum(sizes[:i]) : sum(sizes[: i + 1])] for i in range(len(sizes))]
        self.code = {name: f"repository {i}" for i, group in enumerate(groups) for name in group}
        self.shared, self.single = groups[:3], [group[0] for group in groups]
        self.messages: set[tuple[str, str, str]] = set()  # service, class and message of its crashes
        self.count, self.storming = 0, ""

    # --- crashes -----------------------------------------------------------------------------------

    def incident(self, services: tuple[str, ...]) -> Incident:
        """One whose class and message no other crash of these services has."""
        pick, service = self.chance.choice, services[0]
        package = service.replace("-", "_")
        while True:
            kind, message, code = pick(FAULTS)
            key, part = pick(PARTS), pick(PARTS)
            said = {(name, kind, message.replace("{key}", key)) for name in services}
            if not said & self.messages:
                break
        self.messages |= said
        place = f"common/{part}_{self.count}.py:{pick(VERBS)}_{key}"
        inner = f"common/{pick(PARTS)}.py:{pick(VERBS)}"
        calls = (f"{package}/views.py:{pick(VERBS)}", inner, place)
        return Incident(service, calls, code.format(key=key), kind, message.replace("{key}", key))

    def crash(self, services: tuple[str, ...], begin: float, lasts: float, endpoint: str = "") -> Crash:
        self.count += 1
        return Crash(f"crash {self.count}", services, self.incident(services), begin, begin + lasts, endpoint)

    def told(self, crash: Crash, every: float, *, places: bool = False) -> Iterator[Told]:
        """Reports of a crash, at most ``every`` minutes apart, from each of its services.

        ``places``: all of them with a stack.
        """
        for service in crash.services:
            incident, vendors = self.seen_in(crash, service), self.vendors(places)
            at = crash.begin
            while at < crash.end:
                record = self.teller.tell(incident, self.chance.choice(vendors), START + at * MINUTE)
                yield Told(self.named(record, crash.endpoint), crash.name)
                at += self.chance.uniform(0.2, 1.0) * every

    def vendors(self, places: bool) -> list[str]:
        able = [v for v in VENDORS if v != "github" and not (places and v == "newrelic")]
        return self.chance.sample(able, self.chance.randint(2, len(able)))

    @staticmethod
    def seen_in(crash: Crash, service: str) -> Incident:
        entry = f"{service.replace('-', '_')}/views.py:handle"
        calls = crash.incident.calls if service == crash.services[0] else (entry, *crash.incident.calls[1:])
        return replace(crash.incident, service=service, calls=calls)

    @staticmethod
    def named(record: Record, endpoint: str) -> Record:
        if not endpoint:
            return record
        return record.model_copy(update={"attributes": {**record.attributes, "http.route": endpoint}})

    # --- alerts ------------------------------------------------------------------------------------

    def alert(self, service: str, symptom: str, at: float, endpoint: str = "") -> Record:
        self.count += 1
        title = self.chance.choice(self.words[symptom]).format(s=service)
        vendor = self.chance.choice(ALERTING)
        spelled = service + self.chance.choice(("", "-prod", "-service") if vendor != "alertmanager" else ("",))
        attributes = {"monitor_id": self.count} | ({"endpoint": f"GET {endpoint}"} if endpoint else {})
        return Record(
            source=vendor, vendor_id=f"{vendor}-alert-{self.count}", kind=Kind.ALERT, at=START + at * MINUTE,
            service=spelled, title=title, message="The monitor fired.", attributes=attributes,
        )  # fmt: skip

    def symptoms(self, crash: Crash) -> Iterator[Told]:
        """Alerts about a crash: at its beginning, minutes or hours later, but not after its end."""
        for service in crash.services:
            slow = ("latency",) if crash.incident.type in SLOW else ()  # what fails at once makes nothing slow
            for symptom in self.chance.sample(("errors", "availability", *slow), self.chance.randint(0, 2 + len(slow))):
                name = f"{crash.name} {service} {symptom}"
                latest = min(crash.end - crash.begin, 480.0)
                for _ in range(self.chance.randint(1, 3)):
                    late = self.chance.choice((self.chance.uniform(-3, 10), self.chance.uniform(0, latest)))
                    record = self.alert(service, symptom, crash.begin + min(late, latest), crash.endpoint)
                    yield Told(record, name, crash.name)
                yield Told(None, name, at=START + (crash.end + 5) * MINUTE)

    def lone(self, service: str, symptom: str, begin: float, lasts: float) -> Iterator[Told]:
        """A symptom that no crash explains."""
        self.count += 1
        name = f"lone {self.count} {symptom}"
        for _ in range(self.chance.randint(1, 4)):
            yield Told(self.alert(service, symptom, begin + self.chance.uniform(0, lasts)), name)
        yield Told(None, name, at=START + (begin + lasts + 5) * MINUTE)

    # --- a week ------------------------------------------------------------------------------------

    def days(self) -> list[Told]:
        rows = [row for story in self.stories() for row in story]
        return sorted(rows, key=lambda row: (row.record.at if row.record else row.at, row.record is None))

    def stories(self) -> Iterator[Iterator[Told] | list[Told]]:
        chance = self.chance
        for service in self.code:  # each service: a crash on the first day, a symptom alone on the second
            lasts = chance.choice((20.0, 90.0, 400.0))
            crash = self.crash((service,), chance.uniform(0, 800), lasts)
            yield self.told(crash, lasts / 12)
            yield self.symptoms(crash)
            if lasts > 300 and crash.incident.type not in SLOW:
                yield self.lone(service, "disk" if chance.random() < 0.5 else "memory", crash.begin + 60, 200)
            yield self.lone(service, chance.choice(list(WORDS)), 1.6 * DAY + chance.uniform(0, 300), 300)
        for i, group in enumerate(self.shared):
            services = tuple(chance.sample(group, min(len(group), chance.randint(2, 3))))
            yield from self.shared_story(services, 2.6 * DAY + 500 * i)
        yield from self.twins(chance.choice(list(self.code)))
        yield from self.slowness(chance.choice(list(self.code)))
        yield self.storm(chance.choice(list(self.code)))

    def shared_story(self, services: tuple[str, ...], begin: float) -> Iterator[Iterator[Told]]:
        """A bug of shared code, and its look-alikes."""
        crash = self.crash(services, begin, 200)
        yield self.told(crash, 15, places=True)
        yield self.symptoms(crash)
        said = crash.incident.type, crash.incident.message
        free = [name for name in self.code if (name, *said) not in self.messages]
        other = self.chance.choice([name for name in free if self.code[name] != self.code[services[0]]])
        self.messages.add((other, *said))
        foreign = replace(crash.incident, service=other)
        yield self.told(
            replace(crash, name=f"{crash.name} elsewhere", services=(other,), incident=foreign), 15, places=True
        )
        another = replace(crash.incident, type="RuntimeError", message="totals differ", code="raise RuntimeError")
        later = {"begin": crash.end + 60, "end": crash.end + 160}  # until then, their alerts could be of either
        one = replace(crash, name=f"{crash.name} another", services=services[:1], incident=another, **later)
        yield self.told(one, 15, places=True)

    def twins(self, service: str) -> Iterator[Iterator[Told]]:
        """Two crashes of one service at once; their alerts name the endpoint."""
        begin = 4 * DAY
        for endpoint, late in (("/v1/first", 0), ("/v1/second", self.chance.uniform(20, 60))):
            crash = self.crash((service,), begin + late, 240, endpoint)
            yield self.told(crash, 12)
            yield self.symptoms(crash)

    def slowness(self, service: str) -> Iterator[Iterator[Told]]:
        """A service becomes slow with an unrelated exception, or hours after it began."""
        crash = self.crash((service,), 5.5 * DAY, 500)
        crash = replace(crash, incident=replace(crash.incident, type="KeyError", message="'vat'", code="t['vat']"))
        yield self.told(crash, 10)
        yield self.lone(
            service, "latency", crash.begin + self.chance.choice((2, 60, 200)) + self.chance.uniform(0, 50), 100
        )

    def storm(self, service: str) -> list[Told]:
        crash = self.crash((service,), 7 * DAY, 1.0)
        self.storming = crash.name
        return list(self.told(crash, 1 / 300))
