"""Keys and names as they break web back ends, importers and queue workers; see tests/repair/casework.py for the format."""

# ruff: noqa: E501  (the programs are data)

CASES = r'''
=== fresh-key-written-elsewhere fix datadog
--- parcels/__init__.py
--- parcels/intake.py
"""Takes parcels in at the counter."""


def address(form: dict) -> dict:
    return {"street": form["street"], "city": form["city"], "postal_code": form["postal_code"].replace(" ", "")}


def record(form: dict) -> dict:
    """A parcel as the label printer gets it."""
    return {"number": form["number"], "to": address(form), "grams": int(form["grams"])}
--- parcels/label.py
"""Prints labels from the intake's records."""
from parcels.intake import record


def lines(parcel: dict) -> list[str]:
    """The label's three lines: number, street, postal code and city."""
    to = parcel["to"]
    return [parcel["number"], to["street"], f"{to['postcode']} {to['city']}"]


def print_all(forms: list[dict]) -> str:
    return "\n--\n".join("\n".join(lines(record(f))) for f in forms)
--- tests/test_intake.py
from parcels.intake import record

FORM = {"number": "P1", "street": "Ring 1", "city": "Ulm", "postal_code": "89 073", "grams": "120"}


def test_record():
    assert record(FORM)["to"]["postal_code"] == "89073"
--- trigger
from parcels.label import print_all
print_all([{"number": "P9", "street": "Weg 2", "city": "Bonn", "postal_code": "53111", "grams": "80"}])
--- check
from parcels.label import print_all
form = {"number": "P9", "street": "Weg 2", "city": "Bonn", "postal_code": "53 111", "grams": "80"}
assert print_all([form]) == "P9\nWeg 2\n53111 Bonn"
assert print_all([form, form | {"number": "P2"}]).startswith("P9\nWeg 2\n53111 Bonn\n--\nP2")

=== fresh-key-json-offsets fix sentry
--- consumer/__init__.py
--- consumer/state.py
"""Keeps a consumer's offsets between two runs, as JSON."""
import json


def dump(offsets: dict[int, int]) -> str:
    return json.dumps({"version": 2, "offsets": offsets})


def load(text: str) -> dict[int, int]:
    """Partition number: next offset."""
    return json.loads(text)["offsets"]
--- consumer/poll.py
from consumer.state import load


def lag(text: str, ends: dict[int, int]) -> dict[int, int]:
    """Messages behind, for each partition of ends."""
    offsets = load(text)
    return {partition: end - offsets[partition] for partition, end in ends.items()}
--- tests/test_state.py
from consumer.state import dump


def test_dump():
    assert '"version": 2' in dump({0: 5})
--- trigger
from consumer.poll import lag
lag('{"version": 2, "offsets": {"0": 10, "1": 7}}', {0: 15, 1: 7})
--- check
from consumer.poll import lag
from consumer.state import dump
assert lag('{"version": 2, "offsets": {"0": 10, "1": 7}}', {0: 15, 1: 7}) == {0: 5, 1: 0}
assert lag(dump({3: 4}), {3: 9}) == {3: 5}
try:
    lag(dump({3: 4}), {5: 9})
except KeyError:
    pass
else:
    raise SystemExit("partition 5 is unknown")

=== fresh-key-dashed-settings fix sentry
--- worker/__init__.py
--- worker/settings.py
"""The worker's settings, from TOML. Keys are written with dashes."""
import tomllib


def read(text: str) -> dict:
    return tomllib.loads(text)


def retry(settings: dict) -> dict:
    """How often and how long after each other a job is tried."""
    queue = settings["queue"]
    return {"times": queue["max-retries"], "pause": queue["retry_pause"]}
--- worker/run.py
from worker.settings import read, retry


def plan(text: str) -> list[int]:
    rules = retry(read(text))
    return [rules["pause"] * (n + 1) for n in range(rules["times"])]
--- tests/test_settings.py
from worker.settings import read


def test_read():
    assert read("[queue]\nmax-retries = 2\n")["queue"]["max-retries"] == 2
--- trigger
from worker.run import plan
plan('[queue]\nname = "mail"\nmax-retries = 3\nretry-pause = 10\n')
--- check
from worker.run import plan
assert plan('[queue]\nname = "mail"\nmax-retries = 3\nretry-pause = 10\n') == [10, 20, 30]
assert plan('[queue]\nmax-retries = 0\nretry-pause = 1\n') == []

=== fresh-key-job-priority fix sentry
--- jobs/__init__.py
--- jobs/queue.py
"""Jobs of the mail queue. A message names its recipient and template; priority and locale are optional."""

URGENT = ("high", "urgent")


def lane(message: dict) -> str:
    """Which lane a message goes to."""
    return "express" if message.get("priority", "normal") in URGENT else "standard"


def text_key(message: dict) -> str:
    return message["template"] + "." + message.get("locale", "en")
--- jobs/report.py
"""Counts what was sent."""


def row(message: dict) -> tuple[str, str]:
    """Recipient and priority, for the daily table."""
    return message["recipient"], message["priority"].upper()


def table(messages: list[dict]) -> list[str]:
    return ["%s %s" % row(m) for m in messages]
--- tests/test_queue.py
from jobs.queue import lane, text_key
from jobs.report import table


def test_lane():
    assert lane({"priority": "high"}) == "express"
    assert lane({}) == "standard"


def test_text_key():
    assert text_key({"template": "welcome"}) == "welcome.en"


def test_table():
    assert table([{"recipient": "a", "template": "t", "priority": "high"}]) == ["a HIGH"]
--- trigger
from jobs.report import table
table([{"recipient": "a@x.org", "template": "welcome", "priority": "high"}, {"recipient": "b@x.org", "template": "bye"}])
--- check
from jobs.report import table
assert table([{"recipient": "b@x.org", "template": "bye"}]) == ["b@x.org NORMAL"]
assert table([{"recipient": "a", "template": "t", "priority": "low"}]) == ["a LOW"]
try:
    table([{"template": "bye", "priority": "low"}])
except KeyError:
    pass
else:
    raise SystemExit("a recipient is needed")

=== fresh-key-handler-missing fix sentry
--- hooks/__init__.py
--- hooks/handlers.py
"""Handlers of the payment provider's events."""


def on_created(event):
    return f"order {event['order']} opened"


def on_paid(event):
    return f"order {event['order']} paid"


def on_refunded(event):
    return f"order {event['order']} refunded"


HANDLERS = {"created": on_created, "paid": on_paid}
TITLES = {"created": "Opened", "paid": "Paid", "refunded": "Refunded"}
--- hooks/dispatch.py
from hooks.handlers import HANDLERS, TITLES


def title(kind):
    return TITLES[kind]


def handle(kind: str, event: dict) -> str:
    """Lets the kind's handler work. KeyError when there is none."""
    return HANDLERS[kind](event)
--- tests/test_dispatch.py
import pytest

from hooks.dispatch import handle, title


def test_handle():
    assert handle("paid", {"order": 3}) == "order 3 paid"
    assert title("refunded") == "Refunded"


def test_unknown():
    with pytest.raises(KeyError):
        handle("lost", {"order": 3})
--- trigger
from hooks.dispatch import handle
handle("refunded", {"order": 12})
--- check
from hooks.dispatch import handle
assert handle("refunded", {"order": 12}) == "order 12 refunded"
assert handle("created", {"order": 1}) == "order 1 opened"
try:
    handle("lost", {"order": 1})
except KeyError:
    pass
else:
    raise SystemExit("lost has no handler")

=== fresh-key-environment-default fix sentry
--- server/__init__.py
--- server/config.py
"""Configuration from the environment.

HOST   address to listen on, default "127.0.0.1"
PORT   port to listen on, default 8000
"""
import os
from collections.abc import Mapping


def bind(env: Mapping[str, str] = os.environ) -> tuple[str, int]:
    """Address and port to listen on. PORT is optional (default 8000)."""
    return env.get("HOST", "127.0.0.1"), int(env["PORT"])
--- server/main.py
from server.config import bind


def banner(env) -> str:
    host, port = bind(env)
    return f"listening on {host}:{port}"
--- tests/test_config.py
from server.config import bind


def test_bind():
    assert bind({"HOST": "::1", "PORT": "9000"}) == ("::1", 9000)
--- trigger
from server.main import banner
banner({"HOST": "10.0.0.5"})
--- check
from server.main import banner
assert banner({"HOST": "10.0.0.5"}) == "listening on 10.0.0.5:8000"
assert banner({"PORT": "81"}) == "listening on 127.0.0.1:81"
try:
    banner({"PORT": "http"})
except ValueError:
    pass
else:
    raise SystemExit("http is no port")

=== fresh-key-unsubscribe fix sentry
--- bus.py
"""An event bus within the process."""


class Bus:
    def __init__(self):
        self._topics: dict[str, dict[str, object]] = {}

    def subscribe(self, topic: str, name: str, call) -> None:
        self._topics.setdefault(topic, {})[name] = call

    def unsubscribe(self, topic: str, name: str) -> None:
        """Takes a subscriber off a topic; does nothing if it was not subscribed."""
        self._topics.get(topic, {}).pop(name)

    def publish(self, topic: str, message) -> int:
        """Calls every subscriber; how many there were."""
        calls = list(self._topics.get(topic, {}).values())
        for call in calls:
            call(message)
        return len(calls)
--- app.py
from bus import Bus


def shutdown(bus: Bus, names: list[str]) -> None:
    for name in names:
        bus.unsubscribe("orders", name)
--- tests/test_bus.py
from bus import Bus


def test_bus():
    bus, got = Bus(), []
    bus.subscribe("orders", "mail", got.append)
    assert bus.publish("orders", 1) == 1
    bus.unsubscribe("orders", "mail")
    assert bus.publish("orders", 2) == 0
    assert got == [1]
--- trigger
from app import shutdown
from bus import Bus
bus = Bus()
bus.subscribe("orders", "mail", print)
shutdown(bus, ["mail", "sms"])
--- check
from app import shutdown
from bus import Bus
bus, got = Bus(), []
bus.subscribe("orders", "mail", got.append)
shutdown(bus, ["sms"])
assert bus.publish("orders", 1) == 1
shutdown(bus, ["mail", "mail"])
assert bus.publish("orders", 1) == 0

=== fresh-key-two-versions fix datadog
--- tracker/__init__.py
--- tracker/events.py
"""Events of the mobile app. Version 1 has a flat "user_id"; version 2 has {"user": {"id": ...}}."""


def user_of(event: dict) -> int:
    """Number of the user of an event of either version."""
    if event.get("version", 1) == 2:
        return event["user"]["id"]
    return event["user_id"]


def describe(event: dict) -> str:
    return f"{event['name']} by {user_of(event)}"
--- tracker/count.py
from collections import Counter

from tracker.events import describe


def by_user(events: list[dict]) -> dict[int, int]:
    """User number: events."""
    return dict(Counter(event["user_id"] for event in events))


def summary(events: list[dict]) -> dict:
    return {"lines": [describe(e) for e in events], "users": by_user(events)}
--- tests/test_events.py
from tracker.count import by_user
from tracker.events import user_of


def test_user_of():
    assert user_of({"user_id": 4}) == 4
    assert user_of({"version": 2, "user": {"id": 5}}) == 5


def test_by_user():
    assert by_user([{"user_id": 4}, {"user_id": 4}]) == {4: 2}
--- trigger
from tracker.count import summary
summary([{"name": "open", "user_id": 3}, {"name": "close", "version": 2, "user": {"id": 3}}])
--- check
from tracker.count import by_user
assert by_user([{"name": "open", "user_id": 3}, {"name": "close", "version": 2, "user": {"id": 3}}]) == {3: 2}
assert by_user([{"name": "a", "version": 2, "user": {"id": 8}}]) == {8: 1}

=== fresh-key-nested-counts fix sentry
--- stats.py
"""Requests by day and status, from the access log."""
import csv
import io


def rows(text: str) -> list[dict]:
    return list(csv.DictReader(io.StringIO(text)))


def count(records: list[dict]) -> dict[str, dict[str, int]]:
    """Day: status: number of requests."""
    days: dict[str, dict[str, int]] = {}
    for record in records:
        day = days.setdefault(record["time"][:10], {})
        day[record["status"]] += 1
    return days
--- tests/test_stats.py
from stats import count, rows


def test_rows():
    assert rows("time,status\n2026-01-01T10:00,200\n") == [{"time": "2026-01-01T10:00", "status": "200"}]
    assert count([]) == {}
--- trigger
from stats import count, rows
count(rows("time,status\n2026-01-01T10:00,200\n2026-01-01T11:00,200\n2026-01-02T10:00,500\n"))
--- check
from stats import count, rows
text = "time,status\n2026-01-01T10:00,200\n2026-01-01T11:00,200\n2026-01-02T10:00,500\n"
assert count(rows(text)) == {"2026-01-01": {"200": 2}, "2026-01-02": {"500": 1}}

=== fresh-key-one-deeper fix sentry
--- crm/__init__.py
--- crm/client.py
"""Reads the CRM. Every answer is {"data": ..., "meta": ...}."""


def contact_names(answer: dict) -> list[str]:
    return [c["name"] for c in answer["data"]["contacts"]]


def companies(answer: dict) -> list[dict]:
    """Number and name of each company of an answer."""
    return [{"id": c["id"], "name": c["name"].strip()} for c in answer["companies"]]
--- crm/sync.py
from crm.client import companies, contact_names


def sync(answer: dict) -> dict:
    return {"contacts": contact_names(answer), "companies": companies(answer)}
--- tests/test_client.py
from crm.client import contact_names


def test_contacts():
    assert contact_names({"data": {"contacts": [{"name": "Ann"}]}, "meta": {}}) == ["Ann"]
--- trigger
from crm.sync import sync
sync({"data": {"contacts": [{"name": "Ann"}], "companies": [{"id": 1, "name": "Acme "}]}, "meta": {"page": 1}})
--- check
from crm.client import companies
assert companies({"data": {"contacts": [], "companies": [{"id": 2, "name": " Be"}]}, "meta": {}}) == [{"id": 2, "name": "Be"}]
assert companies({"data": {"companies": []}, "meta": {}}) == []

=== fresh-key-pair-order fix sentry
--- i18n/__init__.py
--- i18n/store.py
"""Translated texts, by language and slug."""

_texts: dict[tuple[str, str], str] = {}


def put(language: str, slug: str, text: str) -> None:
    _texts[(language, slug)] = text


def get(language: str, slug: str) -> str:
    """The text of a slug in a language. KeyError when it was not translated."""
    return _texts[(slug, language)]
--- i18n/page.py
from i18n.store import get


def heading(language: str, slug: str) -> str:
    return get(language, slug).title()
--- tests/test_store.py
import pytest

from i18n import store


def test_put():
    store.put("en", "hello", "hello")
    assert store._texts[("en", "hello")] == "hello"


def test_unknown():
    with pytest.raises(KeyError):
        store.get("fr", "nothing")
--- trigger
from i18n.store import put
from i18n.page import heading
put("de", "bye", "auf wiedersehen")
heading("de", "bye")
--- check
from i18n.store import put
from i18n.page import heading
put("de", "bye", "auf wiedersehen")
put("en", "bye", "bye")
assert heading("de", "bye") == "Auf Wiedersehen"
assert heading("en", "bye") == "Bye"
try:
    heading("en", "morning")
except KeyError:
    pass
else:
    raise SystemExit("morning was not translated")

=== fresh-key-registered-lowercase fix sentry
--- plugins/__init__.py
--- plugins/registry.py
"""Exporters by name; names are not case-sensitive."""


class Registry:
    def __init__(self):
        self._exporters = {}

    def register(self, name: str, exporter) -> None:
        self._exporters[name.lower()] = exporter

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._exporters

    def get(self, name: str):
        """The exporter of a name. KeyError when there is none."""
        return self._exporters[name]
--- plugins/export.py
from plugins.registry import Registry


def export(registry: Registry, kind: str, rows: list) -> str:
    if kind not in registry:
        raise ValueError(f"no exporter for {kind}")
    return registry.get(kind)(rows)
--- tests/test_registry.py
from plugins.registry import Registry


def test_registry():
    registry = Registry()
    registry.register("csv", str)
    assert "CSV" in registry
    assert registry.get("csv") is str
--- trigger
from plugins.export import export
from plugins.registry import Registry
registry = Registry()
registry.register("CSV", str)
export(registry, "CSV", [1, 2])
--- check
from plugins.export import export
from plugins.registry import Registry
registry = Registry()
registry.register("Json", repr)
assert export(registry, "JSON", [1, 2]) == "[1, 2]"
assert export(registry, "json", []) == "[]"
try:
    registry.get("xml")
except KeyError:
    pass
else:
    raise SystemExit("xml has no exporter")

=== fresh-key-template-placeholder fix sentry
--- mails/__init__.py
--- mails/templates.py
WELCOME = "Hello {first_name}, your account {login} is ready."
REMINDER = "Hello {firstname}, {count} tasks are waiting."
--- mails/render.py
"""Mail texts."""
from mails.templates import REMINDER, WELCOME


def fields(user: dict) -> dict:
    """What a template may name."""
    return {"first_name": user["name"].split()[0], "login": user["login"], "count": user.get("tasks", 0)}


def welcome(user: dict) -> str:
    return WELCOME.format(**fields(user))


def reminder(user: dict) -> str:
    """The weekly mail about open tasks."""
    return REMINDER.format(**fields(user))
--- tests/test_render.py
from mails.render import welcome


def test_welcome():
    assert welcome({"name": "Ann Lee", "login": "ann"}) == "Hello Ann, your account ann is ready."
--- trigger
from mails.render import reminder
reminder({"name": "Bo Ek", "login": "bo", "tasks": 3})
--- check
from mails.render import reminder, welcome
assert reminder({"name": "Bo Ek", "login": "bo", "tasks": 3}) == "Hello Bo, 3 tasks are waiting."
assert welcome({"name": "Bo Ek", "login": "bo"}) == "Hello Bo, your account bo is ready."

=== fresh-key-trap-required escalate sentry
--- billing/__init__.py
--- billing/invoice.py
"""Invoices of the month. Note and reference are optional."""


def lines(order: dict) -> dict:
    """An invoice's fields."""
    return {
        "customer": order["customer"],
        "vat_number": order["vat_number"],
        "note": order.get("note", ""),
        "reference": order.get("reference", ""),
    }


def batch(orders: list[dict]) -> list[dict]:
    return [lines(order) for order in orders]
--- tests/test_invoice.py
from billing.invoice import batch


def test_batch():
    assert batch([{"customer": "A", "vat_number": "DE1"}])[0]["note"] == ""
--- trigger
from billing.invoice import batch
batch([{"customer": "Acme", "vat_number": "DE2"}, {"customer": "Be", "note": "by mail"}])

=== fresh-key-trap-two-candidates escalate sentry
--- delivery.py
"""Delivery times of the carrier's answers."""


def days(shipment: dict) -> int:
    """Days in transit."""
    return shipment["delivered_day"] - shipment["sent_date"]


def mean(shipments: list[dict]) -> float:
    return sum(days(s) for s in shipments) / len(shipments)
--- tests/test_delivery.py
from delivery import mean


def test_mean():
    assert mean([{"delivered_day": 4, "sent_date": 2}]) == 2
--- trigger
from delivery import mean
mean([{"delivered_day": 9, "sent_day": 5, "send_date": 4}])

=== fresh-name-property-as-call fix sentry
--- shop/__init__.py
--- shop/models.py
from dataclasses import dataclass, field


@dataclass
class Item:
    cents: int
    count: int = 1

    @property
    def total(self) -> int:
        return self.cents * self.count


@dataclass
class Order:
    items: list[Item] = field(default_factory=list)

    def total(self) -> int:
        """Cents of all items."""
        return sum(item.total for item in self.items)
--- shop/receipt.py
from shop.models import Item, Order


def line(item: Item) -> str:
    return f"{item.count} x {item.cents} = {item.total()}"


def receipt(order: Order) -> list[str]:
    """One line for each item and the sum."""
    return [line(i) for i in order.items] + [f"sum {order.total()}"]
--- tests/test_models.py
from shop.models import Item, Order


def test_total():
    assert Order([Item(5, 2), Item(1)]).total() == 11
--- trigger
from shop.models import Item, Order
from shop.receipt import receipt
receipt(Order([Item(500, 2), Item(20)]))
--- check
from shop.models import Item, Order
from shop.receipt import receipt
assert receipt(Order([Item(500, 2), Item(20)])) == ["2 x 500 = 1000", "1 x 20 = 20", "sum 1020"]
assert receipt(Order()) == ["sum 0"]

=== fresh-name-method-uncalled fix sentry
--- accounts.py
"""Accounts and how they are shown."""


class Account:
    def __init__(self, given: str, family: str, mail: str):
        self.given, self.family, self.mail = given, family, mail

    def full_name(self) -> str:
        return f"{self.given} {self.family}".strip()


def sort_key(account: Account) -> str:
    """Accounts are sorted by name, whatever its case."""
    return account.full_name.casefold()


def listing(accounts: list[Account]) -> list[str]:
    return [f"{a.full_name()} <{a.mail}>" for a in sorted(accounts, key=sort_key)]
--- tests/test_accounts.py
from accounts import Account, listing


def test_none():
    assert listing([]) == []
    assert Account("A", "B", "a@x").full_name() == "A B"
--- trigger
from accounts import Account, listing
listing([Account("bea", "Z", "b@x"), Account("Al", "Y", "a@x")])
--- check
from accounts import Account, listing
assert listing([Account("bea", "Z", "b@x"), Account("Al", "Y", "a@x")]) == ["Al Y <a@x>", "bea Z <b@x>"]

=== fresh-name-renamed-function fix datadog
--- etl/__init__.py
--- etl/storage.py
"""Where the loader's rows go."""

TABLES: dict[str, list[dict]] = {}


def write_rows(table: str, rows: list[dict]) -> int:
    """Appends rows to a table; how many there were."""
    TABLES.setdefault(table, []).extend(rows)
    return len(rows)


def clear(table: str) -> None:
    TABLES.pop(table, None)
--- etl/load.py
from etl import storage


def load(table: str, rows: list[dict]) -> str:
    """Replaces a table's rows."""
    storage.clear(table)
    count = storage.save_rows(table, [r for r in rows if r.get("id")])
    return f"{table}: {count} rows"
--- etl/cli.py
from etl.load import load


def main(tables: dict[str, list[dict]]) -> list[str]:
    return [load(name, rows) for name, rows in tables.items()]
--- tests/test_storage.py
from etl import storage


def test_write():
    storage.clear("t")
    assert storage.write_rows("t", [{"id": 1}]) == 1
    assert storage.TABLES["t"] == [{"id": 1}]
--- trigger
from etl.cli import main
main({"users": [{"id": 1}, {"id": 0}]})
--- check
from etl import storage
from etl.cli import main
assert main({"users": [{"id": 1}, {"id": 0}], "teams": []}) == ["users: 1 rows", "teams: 0 rows"]
assert storage.TABLES["users"] == [{"id": 1}]
assert main({"users": [{"id": 2}]}) == ["users: 1 rows"]
assert storage.TABLES["users"] == [{"id": 2}]

=== fresh-name-self-missing fix sentry
--- limiter.py
"""A rate limiter with a window of seconds."""


class Limiter:
    def __init__(self, limit: int, seconds: float):
        self.limit, self.seconds = limit, seconds
        self.hits: dict[str, list[float]] = {}

    def _recent(self, key: str, now: float) -> list[float]:
        return [t for t in self.hits.get(key, []) if now - t < self.seconds]

    def allow(self, key: str, now: float) -> bool:
        """Whether one more call of key is allowed now; counts it if so."""
        recent = _recent(key, now)
        if len(recent) >= limit:
            return False
        self.hits[key] = [*recent, now]
        return True
--- api.py
from limiter import Limiter


def serve(limiter: Limiter, calls: list[tuple[str, float]]) -> list[int]:
    return [200 if limiter.allow(key, now) else 429 for key, now in calls]
--- tests/test_limiter.py
from api import serve
from limiter import Limiter


def test_recent():
    limiter = Limiter(1, 10)
    limiter.hits["a"] = [1.0, 50.0]
    assert limiter._recent("a", 55.0) == [50.0]
    assert serve(limiter, []) == []
--- trigger
from api import serve
from limiter import Limiter
serve(Limiter(1, 10), [("a", 0.0), ("a", 1.0)])
--- check
from api import serve
from limiter import Limiter
assert serve(Limiter(1, 10), [("a", 0.0), ("a", 1.0), ("b", 1.0), ("a", 10.5)]) == [200, 429, 200, 200]

=== fresh-name-import-own-helper fix sentry
--- bank/__init__.py
--- bank/money.py
def cents(text: str) -> int:
    """Cents of an amount such as "12.34"."""
    whole, _, part = text.partition(".")
    return int(whole) * 100 + int(part.ljust(2, "0")[:2] or 0)


def shown(amount: int) -> str:
    return f"{amount / 100:.2f}"
--- bank/statement.py
"""Bank statements."""
from bank.money import shown


def balance(lines: list[str]) -> str:
    """Sum of the amounts of lines "date;amount"."""
    return shown(sum(cents(line.split(";")[1]) for line in lines))
--- bank/fees.py
from bank.money import cents


def fee(text: str) -> int:
    return cents(text) // 100
--- tests/test_money.py
from bank.fees import fee
from bank.money import cents
from bank.statement import balance


def test_cents():
    assert cents("1.5") == 150
    assert fee("250") == 250
    assert balance([]) == "0.00"
--- trigger
from bank.statement import balance
balance(["2026-01-01;12.34", "2026-01-02;1"])
--- check
from bank.statement import balance
assert balance(["2026-01-01;12.34", "2026-01-02;1"]) == "13.34"

=== fresh-name-set-in-one-branch fix sentry
--- ship.py
"""Shipping costs in cents."""

RATES = {"DE": 490, "AT": 990}


def cost(country: str, grams: int, express: bool) -> int:
    """What shipping costs. Express costs 500 more; otherwise there is no surcharge."""
    base = RATES[country]
    if express:
        surcharge = 500
    if grams > 2000:
        base *= 2
    return base + surcharge


def quote(country: str, grams: int, express: bool = False) -> str:
    return f"{cost(country, grams, express) / 100:.2f} EUR"
--- tests/test_ship.py
from ship import quote


def test_express():
    assert quote("DE", 100, express=True) == "9.90 EUR"
--- trigger
from ship import quote
quote("AT", 2500)
--- check
from ship import quote
assert quote("AT", 2500) == "19.80 EUR"
assert quote("DE", 100, express=True) == "9.90 EUR"
assert quote("DE", 1) == "4.90 EUR"

=== fresh-name-finally-unbound fix sentry
--- transfer.py
"""Sends files through a session."""


class Session:
    def __init__(self, host: str):
        if not host:
            raise ConnectionError("no host")
        self.host, self.open = host, True

    def send(self, name: str) -> str:
        return f"{self.host}/{name}"

    def close(self) -> None:
        self.open = False


def send(host: str, name: str) -> str:
    """Where the file went. ConnectionError when there is no session."""
    try:
        session = Session(host)
        return session.send(name)
    finally:
        session.close()
--- tests/test_transfer.py
from transfer import send


def test_send():
    assert send("h", "f") == "h/f"
--- trigger
from transfer import send
send("", "a.txt")
--- check
from transfer import send
import transfer
try:
    send("", "a.txt")
except ConnectionError:
    pass
else:
    raise SystemExit("no host, no file")
closed = []
transfer.Session.close = lambda self: closed.append(self.host)
assert send("h", "f") == "h/f"
assert closed == ["h"]
transfer.Session.send = lambda self, name: 1 / 0
try:
    send("h", "f")
except ZeroDivisionError:
    pass
assert closed == ["h", "h"]

=== fresh-name-global-missing fix sentry
--- numbers_.py
"""Numbers of documents, counted within the process."""

_last = 0
_prefix = "INV"


def reset(value: int = 0) -> None:
    global _last
    _last = value


def following() -> str:
    """The next number, such as INV-0001."""
    _last += 1
    return f"{_prefix}-{_last:04d}"
--- invoice.py
from numbers_ import following


def create(customer: str) -> dict:
    return {"customer": customer, "number": following()}
--- tests/test_numbers.py
import numbers_


def test_reset():
    numbers_.reset(4)
    assert numbers_._last == 4
    numbers_.reset()
--- trigger
from invoice import create
create("Acme")
--- check
from invoice import create
import numbers_
assert create("Acme")["number"] == "INV-0001"
assert create("Acme")["number"] == "INV-0002"
numbers_.reset(8)
assert create("Be") == {"customer": "Be", "number": "INV-0009"}

=== fresh-name-nonlocal-missing fix sentry
--- meter.py
"""Measures a stream of chunks."""


def metered(write):
    """A writer that passes chunks on to write, and a function that tells the bytes so far."""
    total = 0

    def put(chunk: bytes) -> None:
        write(chunk)
        total += len(chunk)

    def so_far() -> int:
        return total

    return put, so_far


def copy(chunks, write) -> int:
    put, so_far = metered(write)
    for chunk in chunks:
        put(chunk)
    return so_far()
--- tests/test_meter.py
from meter import copy


def test_nothing():
    assert copy([], print) == 0
--- trigger
from meter import copy
copy([b"abc", b"d"], [].append)
--- check
from meter import copy
got = []
assert copy([b"abc", b"d"], got.append) == 4
assert got == [b"abc", b"d"]
assert copy([], got.append) == 0

=== fresh-name-shadowed-builtin fix sentry
--- tags.py
"""Tags of articles."""


def unique(tags: list[str]) -> list[str]:
    set = []
    for tag in tags:
        if tag not in set:
            set.append(tag)
    return set


def common(first: list[str], second: list[str]) -> list[str]:
    """Tags that both have, sorted."""
    set = unique(first)
    return sorted(tag for tag in set(second) if tag in set)
--- related.py
from tags import common


def score(first: dict, second: dict) -> int:
    return len(common(first["tags"], second["tags"]))
--- tests/test_tags.py
from tags import unique


def test_unique():
    assert unique(["a", "b", "a"]) == ["a", "b"]
--- trigger
from related import score
score({"tags": ["a", "b"]}, {"tags": ["b", "c"]})
--- check
from tags import common
assert common(["a", "b", "b"], ["b", "b", "a"]) == ["a", "b"]
assert common([], ["a"]) == []

=== fresh-name-removed-inspect fix datadog
--- wiring.py
"""Calls handlers with the arguments that they ask for."""
import inspect


def wanted(handler) -> list[str]:
    """Names of a handler's arguments."""
    return inspect.getargspec(handler).args


def call(handler, offered: dict):
    return handler(**{name: offered[name] for name in wanted(handler)})
--- app.py
from wiring import call


def index(user, now):
    return f"{user} at {now}"


def serve(request: dict) -> str:
    return call(index, request)
--- tests/test_app.py
from app import index


def test_index():
    assert index("a", 1) == "a at 1"
--- trigger
from app import serve
serve({"user": "ann", "now": 5, "path": "/"})
--- check
from app import serve
from wiring import call
assert serve({"user": "ann", "now": 5, "path": "/"}) == "ann at 5"
assert call(lambda a, b=2: a + b, {"a": 1, "b": 3}) == 4

=== fresh-name-elementtree-children fix sentry
--- feed.py
"""Reads a product feed."""
import xml.etree.ElementTree as ET


def parse(text: str) -> list[dict]:
    """Each product's fields by the names of its elements."""
    root = ET.fromstring(text)
    return [{child.tag: child.text for child in product.getchildren()} for product in root.iter("product")]


def skus(text: str) -> list[str]:
    return [p["sku"] for p in parse(text)]
--- tests/test_feed.py
from feed import parse


def test_empty():
    assert parse("<feed/>") == []
--- trigger
from feed import skus
skus("<feed><product><sku>a1</sku><name>Cup</name></product></feed>")
--- check
from feed import parse
text = "<feed><product><sku>a1</sku><name>Cup</name></product><product><sku>b</sku></product></feed>"
assert parse(text) == [{"sku": "a1", "name": "Cup"}, {"sku": "b"}]

=== fresh-name-super-init-missing fix sentry
--- tasks/__init__.py
--- tasks/base.py
class Task:
    """A task that remembers what it did."""

    def __init__(self, name: str):
        self.name = name
        self.log: list[str] = []

    def note(self, text: str) -> None:
        self.log.append(f"{self.name}: {text}")
--- tasks/backup.py
from tasks.base import Task


class Backup(Task):
    def __init__(self, name: str, target: str):
        self.name = name
        self.target = target

    def run(self) -> list[str]:
        self.note(f"copied to {self.target}")
        return self.log


class Vacuum(Task):
    def __init__(self, name: str, table: str):
        super().__init__(name)
        self.table = table
--- tests/test_tasks.py
from tasks.backup import Backup, Vacuum


def test_tasks():
    assert Backup("b", "/mnt").target == "/mnt"
    assert Vacuum("v", "t").log == []
--- trigger
from tasks.backup import Backup
Backup("nightly", "/mnt").run()
--- check
from tasks.backup import Backup
one, two = Backup("nightly", "/mnt"), Backup("weekly", "/tape")
assert one.run() == ["nightly: copied to /mnt"]
assert two.run() == ["weekly: copied to /tape"]
assert one.run() == ["nightly: copied to /mnt"] * 2

=== fresh-name-error-after-except fix sentry
--- importer.py
"""Imports rows one by one."""


def number(row: dict) -> int:
    return int(row["number"])


def load(rows: list[dict]) -> tuple[list[int], str]:
    """Numbers of the rows that could be read, and the text of the last error ("" when there was none)."""
    found = []
    last = ""
    for row in rows:
        try:
            found.append(number(row))
        except ValueError as error:
            last = str(error)
    return found, str(error)
--- tests/test_importer.py
import pytest

from importer import number


def test_number():
    assert number({"number": "4"}) == 4
    with pytest.raises(ValueError):
        number({"number": "x"})
--- trigger
from importer import load
load([{"number": "4"}, {"number": "x4"}, {"number": "6"}])
--- check
from importer import load
found, last = load([{"number": "4"}, {"number": "x4"}, {"number": "6"}])
assert found == [4, 6]
assert "x4" in last
assert load([{"number": "1"}]) == ([1], "")
assert load([]) == ([], "")

=== fresh-name-keyword-renamed fix sentry
--- notify/__init__.py
--- notify/mailer.py
def send(recipient: str, subject: str, body: str = "") -> dict:
    """A mail in the outbox."""
    return {"to": recipient, "subject": subject, "body": body}
--- notify/alerts.py
from notify.mailer import send


def digest(people: list[str], count: int) -> list[dict]:
    return [send(recipient=p, subject=f"{count} alerts") for p in people]


def alert(person: str, text: str) -> dict:
    """Mails one alert."""
    return send(recipient=person, title="Alert", body=text)
--- tests/test_alerts.py
from notify.alerts import digest


def test_digest():
    assert digest(["a"], 2) == [{"to": "a", "subject": "2 alerts", "body": ""}]
--- trigger
from notify.alerts import alert
alert("ops@x.org", "disk 91 %")
--- check
from notify.alerts import alert
assert alert("ops@x.org", "disk") == {"to": "ops@x.org", "subject": "Alert", "body": "disk"}

=== fresh-name-circular-import fix sentry
--- forum/__init__.py
--- forum/users.py
"""Users of the forum."""
from forum.posts import posts_of


class User:
    def __init__(self, name):
        self.name = name


def activity(user):
    """How many posts a user wrote."""
    return len(posts_of(user))
--- forum/posts.py
"""Posts of the forum."""
from forum.users import User

POSTS = []


def add(name, text):
    POSTS.append((User(name), text))


def posts_of(user):
    return [text for writer, text in POSTS if writer.name == user.name]
--- tests/test_nothing.py
import forum


def test_package():
    assert forum.__name__ == "forum"
--- trigger
import forum.users
--- check
from forum.users import User, activity
from forum.posts import add
assert activity(User("a")) == 0
add("a", "hello")
assert activity(User("a")) == 1

=== fresh-name-trap-no-candidate escalate sentry
--- scoring.py
"""Scores applications."""


def age_points(person: dict) -> int:
    return 10 if person["age"] < 30 else 5


def degree_points(person: dict) -> int:
    return {"phd": 20, "msc": 12}.get(person["degree"], 0)


def score(person: dict) -> int:
    """Points of a person: age, degree and income."""
    return age_points(person) + degree_points(person) + income_points(person)
--- tests/test_scoring.py
from scoring import age_points


def test_age():
    assert age_points({"age": 20}) == 10
--- trigger
from scoring import score
score({"age": 41, "degree": "msc", "income": 50000})
'''
