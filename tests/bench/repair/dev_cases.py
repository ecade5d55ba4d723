"""More broken programs, for measuring while developing; see tests/repair/casework.py for the format."""

CASES = r'''
=== nested-address fix sentry
--- crm/__init__.py
--- crm/model.py
from dataclasses import dataclass
from typing import Optional


@dataclass
class Address:
    street: str
    city: str


@dataclass
class Contact:
    name: str
    address: Optional[Address] = None
--- crm/labels.py
from crm.model import Contact


def city(contact: Contact) -> str:
    """City of a contact, or "-" if no address is known."""
    return contact.address.city


def table(contacts: list[Contact]) -> list[str]:
    """One line for each contact: name, city."""
    return ["%-10s %s" % (c.name, city(c)) for c in contacts]
--- tests/test_labels.py
from crm.labels import table
from crm.model import Address, Contact


def test_table():
    assert table([Contact("Ann", Address("A 1", "Rome"))]) == ["Ann        Rome"]
--- trigger
from crm.labels import table
from crm.model import Contact
table([Contact("Bo")])
--- check
from crm.labels import city, table
from crm.model import Address, Contact
assert city(Contact("Bo")) == "-"
assert table([Contact("Ann", Address("A 1", "Rome")), Contact("Bo")]) == ["Ann        Rome", "Bo         -"]

=== tags-null-loop fix datadog
--- blog.py
"""Posts come from the CMS as JSON. The list of tags is null for posts without tags."""


def keywords(post):
    words = []
    for tag in post.get("tags", []):
        words.append(tag.lower())
    return sorted(set(words))


def index(posts):
    found = {}
    for post in posts:
        for word in keywords(post):
            found.setdefault(word, []).append(post["id"])
    return found
--- tests/test_blog.py
from blog import index


def test_index():
    assert index([{"id": 1, "tags": ["A", "b"]}, {"id": 2}]) == {"a": [1], "b": [1]}
--- trigger
from blog import index
index([{"id": 1, "tags": ["A"]}, {"id": 7, "tags": None}])
--- check
from blog import index, keywords
assert keywords({"tags": None}) == []
assert index([{"id": 1, "tags": ["A"]}, {"id": 7, "tags": None}]) == {"a": [1]}

=== percent-change fix cloudwatch
--- trends.py
"""Trends for the weekly mail."""


def change(old, new):
    """Relative change in percent, rounded; None when there is nothing to compare with."""
    return round((new - old) / old * 100)


def arrow(old, new):
    value = change(old, new)
    if value is None:
        return "new"
    return "up" if value > 0 else "down" if value < 0 else "same"
--- tests/test_trends.py
from trends import arrow, change


def test_change():
    assert change(10, 15) == 50
    assert arrow(4, 2) == "down"
--- trigger
from trends import arrow
arrow(0, 12)
--- check
from trends import arrow, change
assert change(0, 5) is None
assert arrow(0, 12) == "new"
assert arrow(2, 2) == "same"

=== first-word fix sentry
--- names.py
def initials(name: str) -> str:
    """Initials of a person's name, e.g. "Ann Lee" gives "AL"; "?" for a blank name."""
    parts = name.split()
    return parts[0][0].upper() + parts[-1][0].upper()


def avatar(user: dict) -> dict:
    return {"text": initials(user.get("name") or ""), "color": user.get("color", "grey")}
--- tests/test_names.py
from names import avatar


def test_avatar():
    assert avatar({"name": "ann lee"}) == {"text": "AL", "color": "grey"}
--- trigger
from names import avatar
avatar({"name": None, "color": "red"})
--- check
from names import avatar, initials
assert initials("") == "?"
assert initials("   ") == "?"
assert avatar({"name": None}) == {"text": "?", "color": "grey"}
assert initials("bo") == "BB"

=== query-limit fix sentry
--- api.py
"""The search endpoint."""

DEFAULT_LIMIT = 20


def limit_of(params: dict) -> int:
    """How many hits to show: the parameter "limit", at most 100; DEFAULT_LIMIT without one."""
    return min(int(params["limit"]), 100)


def search(params: dict, hits: list) -> dict:
    return {"hits": hits[: limit_of(params)], "total": len(hits)}
--- tests/test_api.py
from api import search


def test_search():
    assert search({"limit": "1"}, ["a", "b"]) == {"hits": ["a"], "total": 2}
--- trigger
from api import search
search({"q": "x"}, ["a", "b"])
--- check
from api import limit_of, search
assert limit_of({}) == 20
assert limit_of({"limit": "500"}) == 100
assert search({"q": "x"}, list(range(30)))["hits"] == list(range(20))

=== config-section fix sentry
--- settings.py
"""Settings of the agent. Every section is optional."""

DEFAULTS = {"interval": 60, "retries": 3}


def interval(config):
    """Seconds between two reports."""
    return config.get("agent", {}).get("interval", DEFAULTS["interval"])


def retries(config):
    """How often a report is sent again."""
    return config["agent"].get("retries", DEFAULTS["retries"])


def plan(config):
    return {"every": interval(config), "again": retries(config)}
--- tests/test_settings.py
from settings import plan


def test_plan():
    assert plan({"agent": {"retries": 1}}) == {"every": 60, "again": 1}
--- trigger
from settings import plan
plan({"log": {"level": "info"}})
--- check
from settings import plan, retries
assert plan({}) == {"every": 60, "again": 3}
assert retries({"agent": {}}) == 3
assert retries({"agent": {"retries": 0}}) == 0

=== remove-while-looping fix sentry
--- cache.py
"""A cache with a limit of entries."""
from collections import OrderedDict


class Cache:
    def __init__(self, size):
        self.size = size
        self.entries = OrderedDict()

    def put(self, key, value):
        self.entries[key] = value
        self.entries.move_to_end(key)

    def shrink(self):
        """Drops the oldest entries beyond the limit; returns how many."""
        dropped = 0
        for key in self.entries:
            if len(self.entries) <= self.size:
                break
            self.entries.pop(key)
            dropped += 1
        return dropped
--- tests/test_cache.py
from cache import Cache


def test_fits():
    c = Cache(2)
    c.put("a", 1)
    assert c.shrink() == 0
--- trigger
from cache import Cache
c = Cache(1)
for k in "abc":
    c.put(k, k)
c.shrink()
--- check
from cache import Cache
c = Cache(1)
for k in "abc":
    c.put(k, k)
assert c.shrink() == 2
assert list(c.entries) == ["c"]

=== join-numbers fix datadog
--- url.py
"""Builds the paths of the photo service."""


def path(parts):
    return "/" + "/".join(parts)


def photo(user, number, size="small"):
    """Path of a photo: /users/<user>/photos/<number>/<size>."""
    return path(["users", user, "photos", number, size])
--- tests/test_url.py
from url import photo


def test_photo():
    assert photo("ann", "7") == "/users/ann/photos/7/small"
--- trigger
from url import photo
photo("bo", 12)
--- check
from url import photo
assert photo("bo", 12) == "/users/bo/photos/12/small"
assert photo("ann", "7", "large") == "/users/ann/photos/7/large"

=== request-body-bytes fix sentry
--- hooks.py
"""Receives the payment provider's hooks. The body comes as bytes in UTF-8."""
import json


def fields(body):
    """Fields of a form body, a=1&b=2."""
    return dict(part.split("=", 1) for part in body.split("&"))


def handle(kind, body):
    if kind == "json":
        return json.loads(body)
    return fields(body)
--- tests/test_hooks.py
from hooks import handle


def test_json():
    assert handle("json", b'{"a": 1}') == {"a": 1}
--- trigger
from hooks import handle
handle("form", b"id=5&state=paid")
--- check
from hooks import handle
assert handle("form", b"id=5&state=paid") == {"id": "5", "state": "paid"}

=== naive-now fix sentry
--- holds.py
"""Holds on library books; moments are stored as ISO text with their offset."""
from datetime import datetime


def hours_left(hold):
    """Whole hours until a hold ends; 0 when it has ended."""
    until = datetime.fromisoformat(hold["until"])
    left = until - datetime.now()
    return max(0, int(left.total_seconds() // 3600))
--- tests/test_holds.py
import holds


def test_module():
    assert holds.hours_left.__doc__
--- trigger
from holds import hours_left
hours_left({"until": "2020-01-01T00:00:00+00:00"})
--- check
from datetime import datetime, timedelta, timezone
from holds import hours_left
assert hours_left({"until": "2020-01-01T00:00:00+00:00"}) == 0
later = datetime.now(timezone.utc) + timedelta(hours=5, minutes=30)
assert hours_left({"until": later.isoformat()}) == 5
assert hours_left({"until": later.astimezone(timezone(timedelta(hours=9))).isoformat()}) == 5

=== decimal-json fix sentry
--- invoices.py
"""Invoices as JSON for the archive; amounts are written as text, exactly."""
import json
from decimal import Decimal


def document(number, lines):
    total = sum((Decimal(l["amount"]) for l in lines), Decimal(0))
    return json.dumps({"number": number, "total": total})
--- tests/test_invoices.py
import invoices


def test_module():
    assert invoices.json
--- trigger
from invoices import document
document("r-1", [{"amount": "1.10"}])
--- check
from invoices import document
assert document("r-1", [{"amount": "1.10"}, {"amount": "2.20"}]) == '{"number": "r-1", "total": "3.30"}'

=== sort-mixed-none fix sentry
--- players.py
from operator import itemgetter


def ranking(players):
    """Players by score, best first. Players who have no score yet are at the end."""
    return sorted(players, key=itemgetter("score"), reverse=True)
--- tests/test_players.py
from players import ranking


def test_ranking():
    assert [p["n"] for p in ranking([{"n": 1, "score": 3}, {"n": 2, "score": 5}])] == [2, 1]
--- trigger
from players import ranking
ranking([{"n": 1, "score": 3}, {"n": 2, "score": None}])
--- check
from players import ranking
P = [{"n": 1, "score": 3}, {"n": 2, "score": None}, {"n": 3, "score": 9}, {"n": 4, "score": None}]
assert [p["n"] for p in ranking(P)] == [3, 1, 2, 4]

=== keyword-name fix sentry
--- http.py
def fetch(url, timeout=5, headers=None):
    return {"url": url, "timeout": timeout, "headers": dict(headers or {})}
--- client.py
"""The client of the maps service."""
from http_ import fetch


def tiles(x, y):
    return fetch("/tiles/%d/%d" % (x, y), header={"Accept": "image/png"})


def info():
    return fetch("/info", timeout=1)
--- http_.py
def fetch(url, timeout=5, headers=None):
    return {"url": url, "timeout": timeout, "headers": dict(headers or {})}
--- tests/test_client.py
from client import info


def test_info():
    assert info()["timeout"] == 1
--- trigger
from client import tiles
tiles(1, 2)
--- check
from client import tiles
assert tiles(1, 2) == {"url": "/tiles/1/2", "timeout": 5, "headers": {"Accept": "image/png"}}

=== self-forgotten fix sentry
--- meter.py
class Meter:
    """Counts calls; every tenth is sampled."""

    def __init__(self, every=10):
        self.every = every
        self.calls = 0

    def hit(self):
        self.calls += 1
        return self.calls % every == 0
--- tests/test_meter.py
from meter import Meter


def test_new():
    assert Meter().calls == 0
--- trigger
from meter import Meter
Meter(2).hit()
--- check
from meter import Meter
m = Meter(2)
assert [m.hit() for _ in range(4)] == [False, True, False, True]

=== method-not-called fix sentry
--- stack.py
class Shelf:
    def __init__(self, books):
        self._books = list(books)

    def titles(self):
        """Titles on the shelf, by name."""
        return sorted(b["title"] for b in self._books)


def catalogue(shelves):
    found = []
    for shelf in shelves:
        for title in shelf.titles:
            found.append(title)
    return found
--- tests/test_stack.py
from stack import Shelf, catalogue


def test_none():
    assert catalogue([]) == []
    assert Shelf([{"title": "b"}, {"title": "a"}]).titles() == ["a", "b"]
--- trigger
from stack import Shelf, catalogue
catalogue([Shelf([{"title": "x"}])])
--- check
from stack import Shelf, catalogue
assert catalogue([Shelf([{"title": "x"}]), Shelf([])]) == ["x"]

=== rsplit-host fix cloudwatch
--- hosts.py
"""Addresses of the cluster's nodes: host:port. A host may be an IPv6 address; the port follows the last colon."""


def parse(text):
    host, port = text.split(":")
    return host.strip("[]"), int(port)


def nodes(line):
    return [parse(part) for part in line.split(",")]
--- tests/test_hosts.py
from hosts import nodes


def test_nodes():
    assert nodes("a:1,b:2") == [("a", 1), ("b", 2)]
--- trigger
from hosts import nodes
nodes("a:1,[fe80::1]:9000")
--- check
from hosts import nodes, parse
assert parse("[fe80::1]:9000") == ("fe80::1", 9000)
assert nodes("a:1,[::1]:2") == [("a", 1), ("::1", 2)]

=== partial-column fix sentry
--- people.py
"""Reads the staff list: name <mail>, one a line. The mail may be missing and is then empty."""


def parse(line):
    name, mail = line.split("<")
    return {"name": name.strip(), "mail": mail.rstrip("> ")}
--- tests/test_people.py
from people import parse


def test_parse():
    assert parse("Ann <a@x.org>") == {"name": "Ann", "mail": "a@x.org"}
--- trigger
from people import parse
parse("Bo Berg")
--- check
from people import parse
assert parse("Bo Berg") == {"name": "Bo Berg", "mail": ""}
assert parse("Ann <a@x.org>") == {"name": "Ann", "mail": "a@x.org"}

=== argument-default fix sentry
--- render.py
"""Renders prices."""


def price(cents, currency):
    """A price for people. Without a currency, "EUR" is meant."""
    return "%.2f %s" % (cents / 100, currency)


def line(item):
    return "%s: %s" % (item["name"], price(item["cents"]))
--- tests/test_render.py
from render import price


def test_price():
    assert price(150, "USD") == "1.50 USD"
--- trigger
from render import line
line({"name": "tea", "cents": 350})
--- check
from render import line, price
assert line({"name": "tea", "cents": 350}) == "tea: 3.50 EUR"
assert price(100, "USD") == "1.00 USD"

=== import-typo fix sentry
--- lib/__init__.py
--- lib/text.py
def slugify(title):
    return "-".join(title.lower().split())
--- site_map.py
"""Site map."""


def entry(title):
    from lib.text import slugfy
    return "/" + slugfy(title)
--- tests/test_lib.py
from lib.text import slugify


def test_slug():
    assert slugify("A b") == "a-b"
--- trigger
from site_map import entry
entry("Hello World")
--- check
from site_map import entry
assert entry("Hello World") == "/hello-world"

=== stddev-short fix sentry
--- noise.py
"""Noise of sensors."""
import statistics


def noise(samples):
    """Standard deviation of the samples; 0.0 for fewer than two."""
    return round(statistics.stdev(samples), 3)
--- tests/test_noise.py
from noise import noise


def test_noise():
    assert noise([1, 3]) == 1.414
--- trigger
from noise import noise
noise([4.2])
--- check
from noise import noise
assert noise([4.2]) == 0.0
assert noise([]) == 0.0
assert noise([1, 3]) == 1.414

=== bom-csv fix sentry
--- members.py
"""Reads the member list, a CSV file in UTF-8 from a spreadsheet."""
import csv
import io


def read(raw):
    """Members by id, from the file's bytes."""
    rows = csv.DictReader(io.StringIO(raw.decode("utf-8")))
    return {row["id"]: row["name"] for row in rows}
--- tests/test_members.py
from members import read


def test_read():
    assert read(b"id,name\n1,Ann\n") == {"1": "Ann"}
--- trigger
from members import read
read(b"\xef\xbb\xbfid,name\n1,Ann\n")
--- check
from members import read
assert read(b"\xef\xbb\xbfid,name\n1,Ann\n") == {"1": "Ann"}
assert read(b"id,name\n2,Bo\n") == {"2": "Bo"}

=== json-text-field fix sentry
--- events.py
"""Audit events. The payload of an event is JSON text."""
import json


def actor(event):
    """Name of who did it."""
    return event["payload"]["actor"]["name"]


def dump(event):
    return json.dumps(event)
--- tests/test_events.py
from events import dump


def test_dump():
    assert dump({"a": 1}) == '{"a": 1}'
--- trigger
from events import actor
actor({"payload": '{"actor": {"name": "ann"}}'})
--- check
from events import actor
assert actor({"payload": '{"actor": {"name": "ann"}}'}) == "ann"

=== permission-rule escalate sentry
--- access.py
"""Roles and what they may do."""

RIGHTS = {"viewer": {"read"}, "editor": {"read", "write"}}


def allowed(role, action):
    return action in RIGHTS[role]


def guard(user, action):
    if not allowed(user["role"], action):
        raise PermissionError(action)
    return True
--- tests/test_access.py
from access import guard


def test_guard():
    assert guard({"role": "editor"}, "write")
--- trigger
from access import guard
guard({"role": "owner"}, "write")
--- check

=== secret-missing escalate sentry
--- sign.py
import hashlib
import hmac
import os


def sign(text):
    key = os.environ["SIGNING_KEY"].encode()
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
--- tests/test_sign.py
from sign import sign


def test_sign(monkeypatch):
    monkeypatch.setenv("SIGNING_KEY", "k")
    assert len(sign("a")) == 64
--- trigger
import os
os.environ.pop("SIGNING_KEY", None)
from sign import sign
sign("order 5")
--- check

=== constraint escalate datadog
--- book.py
import sqlite3


def add(db, isbn, title):
    db.execute("INSERT INTO books VALUES (?, ?)", (isbn, title))
--- tests/test_book.py
import sqlite3

from book import add


def test_add():
    db = sqlite3.connect(":memory:")
    db.execute("CREATE TABLE books (isbn TEXT PRIMARY KEY, title TEXT)")
    add(db, "1", "a")
--- trigger
import sqlite3
from book import add
db = sqlite3.connect(":memory:")
db.execute("CREATE TABLE books (isbn TEXT PRIMARY KEY, title TEXT)")
add(db, "1", "a")
add(db, "1", "b")
--- check

=== lock-order escalate sentry
--- reserve.py
"""Seats of a hall."""


class Taken(Exception):
    """The seat is taken; the visitor chooses another."""


def reserve(seats, number, name):
    if seats.get(number):
        raise Taken(number)
    seats[number] = name


def reserve_all(seats, numbers, name):
    for number in numbers:
        reserve(seats, number, name)
--- tests/test_reserve.py
from reserve import reserve_all


def test_reserve():
    seats = {}
    reserve_all(seats, [1, 2], "a")
    assert seats == {1: "a", 2: "a"}
--- trigger
from reserve import reserve_all
reserve_all({3: "bo"}, [2, 3], "ann")
--- check

=== price-feed-text escalate sentry
--- feed.py
"""Prices from the exchange's feed, as numbers."""


def prices(lines):
    return [float(line.split(",")[1]) for line in lines]
--- tests/test_feed.py
from feed import prices


def test_prices():
    assert prices(["a,1.5"]) == [1.5]
--- trigger
from feed import prices
prices(["a,1.5", "b,##ERR##"])
--- check

=== none-user-unclear escalate sentry
--- greet.py
def load(users, key):
    return users.get(key)


def discount(users, key):
    user = load(users, key)
    return user["orders"] * 2
--- tests/test_greet.py
from greet import discount


def test_discount():
    assert discount({"a": {"orders": 2}}, "a") == 4
--- trigger
from greet import discount
discount({"a": {"orders": 2}}, "b")
--- check

=== proto-field-list escalate sentry
--- proto.py
def total(message):
    return message["amount"] + message["fee"]
--- tests/test_proto.py
from proto import total


def test_total():
    assert total({"amount": 1, "fee": 2}) == 3
--- trigger
from proto import total
total({"amount": 5, "fee": "free"})
--- check
'''
