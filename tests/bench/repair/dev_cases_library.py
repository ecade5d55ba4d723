"""Names, divisions, the standard library, loops and coroutines; see tests/repair/casework.py for the format."""

# ruff: noqa: E501  (the programs are data)

CASES = r'''
=== name-renamed-attribute fix sentry
--- app/__init__.py
--- app/model.py
from dataclasses import dataclass


@dataclass
class Invoice:
    number: str
    amount_cents: int
    paid: bool = False
--- app/report.py
from app.model import Invoice


def open_sum(invoices):
    """Sum of what is not paid yet, in cents."""
    return sum(i.amount for i in invoices if not i.paid)


def report(rows):
    return open_sum([Invoice(*row) for row in rows])
--- tests/test_model.py
from app.model import Invoice


def test_invoice():
    assert Invoice("1", 5).amount_cents == 5
--- trigger
from app.report import report
report([("1", 500), ("2", 250)])
--- check
from app.report import report
assert report([("1", 500), ("2", 250), ("3", 9, True)]) == 750

=== name-renamed-method fix datadog
--- store.py
class Store:
    """Values by key."""

    def __init__(self):
        self.values = {}

    def put(self, key, value):
        self.values[key] = value

    def fetch(self, key):
        """The value; None when there is none."""
        return self.values.get(key)
--- service.py
from store import Store


def remember(pairs):
    store = Store()
    for key, value in pairs:
        store.put(key, value)
    return store


def read(pairs, key):
    """What was last put under the key."""
    return remember(pairs).get(key)
--- tests/test_store.py
from service import remember


def test_put():
    assert remember([("a", 1)]).fetch("a") == 1
--- trigger
from service import read
read([("a", 1)], "a")
--- check
from service import read
assert read([("a", 1), ("a", 2)], "a") == 2
assert read([], "a") is None

=== name-keyword-renamed fix sentry
--- mailer.py
def send(recipient, subject, body, reply_to=None):
    """The message as it goes out."""
    return {"to": recipient, "subject": subject, "body": body, "reply_to": reply_to}
--- welcome.py
from mailer import send


def welcome(user):
    """Greets a new user."""
    return send(to=user["mail"], subject="Welcome", body="Hello " + user["name"])
--- tests/test_mailer.py
from mailer import send


def test_send():
    assert send(recipient="a", subject="b", body="c")["to"] == "a"
--- trigger
from welcome import welcome
welcome({"mail": "a@x.org", "name": "Ann"})
--- check
from welcome import welcome
assert welcome({"mail": "a@x.org", "name": "Ann"}) == {"to": "a@x.org", "subject": "Welcome", "body": "Hello Ann", "reply_to": None}

=== name-loop-variable fix sentry
--- table.py
def widths(rows):
    """Width of each column."""
    found = []
    for column in zip(*rows):
        found.append(max(len(str(cell)) for cell in col))
    return found


def show(rows):
    sizes = widths(rows)
    return "\n".join("  ".join(str(c).ljust(w) for c, w in zip(row, sizes)).rstrip() for row in rows)
--- tests/test_table.py
from table import show


def test_show():
    assert show([]) == ""
--- trigger
from table import show
show([["a", "bb"], ["ccc", 4]])
--- check
from table import widths
assert widths([["a", "bb"], ["ccc", 4]]) == [3, 2]

=== name-shadowed-module fix sentry
--- clock.py
"""Times of the night's jobs."""
import time


def due(jobs, now):
    """Names of the jobs whose time has come."""
    found = []
    for name, time in jobs:
        if time <= now:
            found.append(name)
    return found


def stamp(jobs):
    """The due jobs, with the second at which this was asked."""
    time = due(jobs, 10)
    return {"jobs": time, "at": int(time.time())}
--- tests/test_clock.py
from clock import due


def test_due():
    assert due([("a", 1), ("b", 20)], 10) == ["a"]
--- trigger
from clock import stamp
stamp([("a", 1), ("b", 20)])
--- check
from clock import stamp
got = stamp([("a", 1), ("b", 20)])
assert got["jobs"] == ["a"] and got["at"] > 1600000000

=== name-removed-alias fix sentry
--- flat.py
"""Flattens nested settings."""
import collections


def flatten(value, prefix=""):
    """{"a": {"b": 1}} becomes {"a.b": 1}."""
    if isinstance(value, collections.Mapping):
        found = {}
        for key, inner in value.items():
            found.update(flatten(inner, "%s.%s" % (prefix, key) if prefix else key))
        return found
    return {prefix: value}
--- tests/test_nothing.py
import flat


def test_flat():
    assert flat.flatten.__doc__
--- trigger
from flat import flatten
flatten({"a": {"b": 1}})
--- check
from flat import flatten
assert flatten({"a": {"b": 1}, "c": 2}) == {"a.b": 1, "c": 2}

=== name-import-moved fix sentry
--- kit/__init__.py
--- kit/text.py
def shorten(text, width):
    """At most width characters, with an ellipsis."""
    return text if len(text) <= width else text[: width - 1] + "…"
--- kit/pages.py
def title(page):
    """The page's title, at most 20 characters."""
    return shorten(page["title"], 20)
--- tests/test_text.py
from kit.text import shorten


def test_shorten():
    assert shorten("abc", 2) == "a…"
--- trigger
from kit.pages import title
title({"title": "Release notes"})
--- check
from kit.pages import title
assert title({"title": "Release notes"}) == "Release notes"
assert len(title({"title": "x" * 50})) == 20

=== name-method-not-called fix sentry
--- bag.py
class Bag:
    def __init__(self, items):
        self.items = list(items)

    def size(self):
        """How many items it holds."""
        return len(self.items)

    def room(self, most):
        """How many more fit."""
        return most - self.size
--- tests/test_bag.py
from bag import Bag


def test_size():
    assert Bag("ab").size() == 2
--- trigger
from bag import Bag
Bag("abc").room(5)
--- check
from bag import Bag
assert Bag("abc").room(5) == 2

=== name-self-missing fix sentry
--- pricing.py
class Pricing:
    def __init__(self, percent):
        self.percent = percent

    def discount(self, cents):
        """Cents off."""
        return cents * percent // 100

    def price(self, cents):
        return cents - self.discount(cents)
--- tests/test_pricing.py
from pricing import Pricing


def test_percent():
    assert Pricing(5).percent == 5
--- trigger
from pricing import Pricing
Pricing(10).price(500)
--- check
from pricing import Pricing
assert Pricing(10).price(500) == 450

=== name-wrong-branch-variable fix sentry
--- ship.py
"""Shipping costs."""


def cost(weight, express):
    """Cents; a parcel up to 1000 grams costs 450, a heavier one 900. Express costs 300 more."""
    if weight <= 1000:
        price = 450
    elif weight > 1000:
        cost = 900
    if express:
        price += 300
    return price
--- tests/test_ship.py
from ship import cost


def test_cost():
    assert cost(500, True) == 750
--- trigger
from ship import cost
cost(2000, False)
--- check
from ship import cost
assert cost(2000, False) == 900
assert cost(2000, True) == 1200
assert cost(10, False) == 450

=== division-share fix sentry
--- share.py
"""Shares for the dashboard."""


def share(part, whole):
    """Percent of the whole, with one digit; 0.0 when there is no whole."""
    return round(100 * part / whole, 1)


def shares(counts):
    """Name: share in percent."""
    whole = sum(counts.values())
    return {name: share(n, whole) for name, n in counts.items()}
--- tests/test_share.py
from share import shares


def test_shares():
    assert shares({"a": 1, "b": 3}) == {"a": 25.0, "b": 75.0}
--- trigger
from share import shares
shares({"a": 0, "b": 0})
--- check
from share import shares, share
assert shares({"a": 0, "b": 0}) == {"a": 0.0, "b": 0.0}
assert share(1, 3) == 33.3

=== division-growth fix datadog
--- growth.py
"""Growth from month to month."""


def growth(values):
    """Growth between neighbours in percent; None where the earlier month had nothing."""
    found = []
    for before, after in zip(values, values[1:]):
        found.append(round((after - before) / before * 100, 1))
    return found


def table(values):
    return ["n/a" if g is None else "%+.1f%%" % g for g in growth(values)]
--- tests/test_growth.py
from growth import table


def test_table():
    assert table([100, 110]) == ["+10.0%"]
--- trigger
from growth import table
table([0, 5, 10])
--- check
from growth import growth, table
assert growth([0, 5, 10]) == [None, 100.0]
assert table([0, 5, 10]) == ["n/a", "+100.0%"]

=== division-rate-per-hour fix sentry
--- rates.py
"""Throughput of the workers."""


class Meter:
    def __init__(self):
        self.jobs = 0
        self.seconds = 0.0

    def add(self, jobs, seconds):
        self.jobs += jobs
        self.seconds += seconds

    def per_hour(self):
        """Jobs per hour. Before the first job it is 0."""
        return self.jobs / (self.seconds / 3600)

    def per_job(self):
        """Seconds per job. Before the first job it is 0."""
        return self.seconds / self.jobs if self.jobs else 0
--- tests/test_rates.py
from rates import Meter


def test_meter():
    meter = Meter()
    meter.add(10, 3600)
    assert meter.per_hour() == 10
--- trigger
from rates import Meter
Meter().per_hour()
--- check
from rates import Meter
assert Meter().per_hour() == 0
m = Meter()
m.add(5, 1800)
assert m.per_hour() == 10

=== division-skip-loop fix sentry
--- funds.py
"""Returns of the funds. Funds without any deposit are left out of the table."""


def returns(funds):
    """Name: gain as a share of what was paid in."""
    found = {}
    for fund in funds:
        found[fund["name"]] = round(fund["gain"] / fund["paid"], 3)
    return found
--- tests/test_funds.py
from funds import returns


def test_returns():
    assert returns([{"name": "a", "gain": 5, "paid": 100}]) == {"a": 0.05}
--- trigger
from funds import returns
returns([{"name": "a", "gain": 5, "paid": 100}, {"name": "new", "gain": 0, "paid": 0}])
--- check
from funds import returns
assert returns([{"name": "n", "gain": 0, "paid": 0}, {"name": "a", "gain": 5, "paid": 100}]) == {"a": 0.05}

=== division-progress fix sentry
--- progress.py
def percent(done, total):
    """How far it is, in whole percent. A job without steps is complete: 100."""
    return done * 100 // total


def bar(done, total):
    filled = percent(done, total) // 10
    return "#" * filled + "." * (10 - filled)
--- tests/test_progress.py
from progress import bar


def test_bar():
    assert bar(1, 2) == "#####....."
--- trigger
from progress import bar
bar(0, 0)
--- check
from progress import bar, percent
assert percent(0, 0) == 100
assert bar(0, 0) == "#" * 10

=== std-iso-z fix sentry
--- when.py
"""Times of the events, ISO 8601 with or without fractions of a second."""
from datetime import datetime


def parse(text):
    """A moment in UTC, e.g. 2026-01-02T03:04:05Z."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ")


def minutes(one, other):
    """Whole minutes between two events."""
    return int((parse(other) - parse(one)).total_seconds() // 60)
--- tests/test_when.py
from datetime import datetime

from when import minutes, parse


def test_minutes():
    assert minutes("2026-01-02T03:00:00Z", "2026-01-02T03:10:30Z") == 10
    assert parse("2026-01-02T03:04:05Z") == datetime(2026, 1, 2, 3, 4, 5)
--- trigger
from when import minutes
minutes("2026-01-02T03:00:00Z", "2026-01-02T03:10:30.250Z")
--- check
from datetime import datetime
from when import minutes, parse
assert minutes("2026-01-02T03:00:00.5Z", "2026-01-02T03:10:30Z") == 10
assert parse("2026-01-02T03:04:05Z") == datetime(2026, 1, 2, 3, 4, 5)
assert parse("2026-01-02T03:04:05.250Z") == datetime(2026, 1, 2, 3, 4, 5, 250000)

=== std-urlsafe fix sentry
--- tokens.py
"""Reads the payload of the tokens that the gateway hands on: base64url without padding, as in RFC 7515."""
import base64
import json


def payload(token):
    """The claims of a token."""
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part))


def subject(token):
    return payload(token)["sub"]
--- tests/test_tokens.py
import base64

from tokens import subject


def test_subject():
    body = base64.urlsafe_b64encode(b'{"sub": "a"}').decode()
    assert subject("x.%s.y" % body) == "a"
--- trigger
import base64
from tokens import subject
body = base64.urlsafe_b64encode(b'{"sub": "ab"}').decode().rstrip("=")
subject("x.%s.y" % body)
--- check
import base64
from tokens import subject
for name in ("a", "ab", "abc", "abcd"):
    body = base64.urlsafe_b64encode(('{"sub": "%s"}' % name).encode()).decode().rstrip("=")
    assert subject("x.%s.y" % body) == name

=== std-leap-birthday fix sentry
--- birthdays.py
"""Birthdays. Those born on 29 February celebrate on 28 February in other years."""
from datetime import date


def this_year(born, year):
    """The birthday in a year."""
    return born.replace(year=year)


def age(born, today):
    return today.year - born.year - (today < this_year(born, today.year))
--- tests/test_birthdays.py
from datetime import date

from birthdays import age


def test_age():
    assert age(date(2000, 5, 1), date(2026, 4, 30)) == 25
--- trigger
from datetime import date
from birthdays import age
age(date(2000, 2, 29), date(2026, 3, 1))
--- check
from datetime import date
from birthdays import age, this_year
assert this_year(date(2000, 2, 29), 2026) == date(2026, 2, 28)
assert this_year(date(2000, 2, 29), 2028) == date(2028, 2, 29)
assert age(date(2000, 2, 29), date(2026, 2, 28)) == 26

=== std-month-end fix sentry
--- billing.py
"""Billing periods. A contract that begins on the 31st is billed on the last day of shorter months."""
from datetime import date


def next_bill(day):
    """The same day of the next month."""
    year, month = (day.year + 1, 1) if day.month == 12 else (day.year, day.month + 1)
    return date(year, month, day.day)


def schedule(day, count):
    found = []
    for _ in range(count):
        day = next_bill(day)
        found.append(day.isoformat())
    return found
--- tests/test_billing.py
from datetime import date

from billing import schedule


def test_schedule():
    assert schedule(date(2026, 12, 5), 2) == ["2027-01-05", "2027-02-05"]
--- trigger
from datetime import date
from billing import schedule
schedule(date(2026, 1, 31), 1)
--- check
from datetime import date
from billing import next_bill
assert next_bill(date(2026, 1, 31)) == date(2026, 2, 28)
assert next_bill(date(2028, 1, 31)) == date(2028, 2, 29)
assert next_bill(date(2026, 12, 31)) == date(2027, 1, 31)

=== std-sort-none fix sentry
--- tasks.py
"""The list of tasks."""
from operator import itemgetter


def ordered(tasks):
    """By due day; tasks without a due day come last."""
    return sorted(tasks, key=itemgetter("due"))


def names(tasks):
    return [t["name"] for t in ordered(tasks)]
--- tests/test_tasks.py
from tasks import names


def test_names():
    assert names([{"name": "b", "due": "2026-02-01"}, {"name": "a", "due": "2026-01-01"}]) == ["a", "b"]
--- trigger
from tasks import names
names([{"name": "b", "due": None}, {"name": "a", "due": "2026-01-01"}])
--- check
from tasks import names
assert names([{"name": "b", "due": None}, {"name": "a", "due": "2026-01-01"}, {"name": "c", "due": None}]) == ["a", "b", "c"]

=== std-json-mixed fix sentry
--- export.py
"""Exports orders as JSON. Amounts are written as strings, days in ISO format."""
import json
from datetime import date
from decimal import Decimal


def encode(order):
    """One line of the export."""
    return json.dumps(order, sort_keys=True)


def order(number, amount, day):
    return {"number": number, "amount": Decimal(amount), "day": date.fromisoformat(day)}
--- tests/test_export.py
from export import encode


def test_encode():
    assert encode({"b": 1, "a": 2}) == '{"a": 2, "b": 1}'
--- trigger
from export import encode, order
encode(order(1, "9.90", "2026-01-02"))
--- check
from export import encode, order
assert encode(order(1, "9.90", "2026-01-02")) == '{"amount": "9.90", "day": "2026-01-02", "number": 1}'

=== std-json-set fix sentry
--- tags.py
"""Tags of a page; stored as a sorted list."""
import json


def collect(pages):
    """All tags that occur."""
    return {"tags": {tag for page in pages for tag in page["tags"]}}


def dump(pages):
    return json.dumps(collect(pages))
--- tests/test_tags.py
from tags import collect


def test_collect():
    assert collect([{"tags": ["a", "b"]}, {"tags": ["a"]}]) == {"tags": {"a", "b"}}
--- trigger
from tags import dump
dump([{"tags": ["b", "a"]}])
--- check
from tags import collect, dump
assert dump([{"tags": ["b", "a"]}, {"tags": ["c"]}]) == '{"tags": ["a", "b", "c"]}'

=== std-naive-aware fix sentry
--- expiry.py
"""Whether keys have expired. All times are UTC."""
from datetime import datetime, timezone


def expired(key):
    """key["until"]: ISO 8601 with a zone."""
    return datetime.fromisoformat(key["until"]) < datetime.utcnow()


def live(keys):
    return [k["id"] for k in keys if not expired(k)]
--- tests/test_expiry.py
from expiry import live


def test_live():
    assert live([]) == []
--- trigger
from expiry import live
live([{"id": 1, "until": "2020-01-01T00:00:00+00:00"}])
--- check
from expiry import live
assert live([{"id": 1, "until": "2020-01-01T00:00:00+00:00"}, {"id": 2, "until": "2999-01-01T00:00:00+02:00"}]) == [2]

=== std-json-bytes fix sentry
--- bus.py
"""Messages of the bus; bodies are UTF-8 text, which the client library hands on as bytes."""
import json


def envelope(topic, body):
    """The message as JSON; the body stands in it as text."""
    return json.dumps({"topic": topic, "body": body})
--- tests/test_bus.py
from bus import envelope


def test_envelope():
    assert envelope("a", "x") == '{"topic": "a", "body": "x"}'
--- trigger
from bus import envelope
envelope("a", b"hello")
--- check
from bus import envelope
assert envelope("a", b"hello") == '{"topic": "a", "body": "hello"}'
assert envelope("a", "x") == '{"topic": "a", "body": "x"}'

=== iter-set fix sentry
--- graph.py
"""Removes finished jobs from the set of those that are waited for."""


def settle(waiting, done):
    """What is still waited for; the set itself is changed."""
    for job in waiting:
        if job in done:
            waiting.remove(job)
    return waiting
--- tests/test_graph.py
from graph import settle


def test_settle():
    assert settle({"a"}, set()) == {"a"}
--- trigger
from graph import settle
settle({"a", "b", "c", "d"}, {"a", "b", "c"})
--- check
from graph import settle
waiting = {"a", "b", "c", "d"}
assert settle(waiting, {"a", "b", "c"}) == {"d"}
assert waiting == {"d"}

=== iter-list-index fix sentry
--- clean.py
def without_blank(lines):
    """The lines that hold text; the list itself is changed, its order kept."""
    for number in range(len(lines)):
        if not lines[number].strip():
            del lines[number]
    return lines
--- tests/test_clean.py
from clean import without_blank


def test_clean():
    assert without_blank(["a", "b"]) == ["a", "b"]
--- trigger
from clean import without_blank
without_blank(["a", "", "b"])
--- check
from clean import without_blank
lines = ["a", "", "", "b", " "]
assert without_blank(lines) == ["a", "b"]
assert lines == ["a", "b"]

=== iter-dict-attr fix sentry
--- cache.py
class Cache:
    def __init__(self):
        self.entries = {}

    def put(self, key, value, until):
        self.entries[key] = (value, until)

    def purge(self, now):
        """Takes out what has expired; how many went."""
        before = len(self.entries)
        for key, (value, until) in self.entries.items():
            if until <= now:
                self._drop(key)
        return before - len(self.entries)

    def _drop(self, key):
        self.entries.pop(key)
--- tests/test_cache.py
from cache import Cache


def test_put():
    cache = Cache()
    cache.put("a", 1, 5)
    assert cache.purge(1) == 0
--- trigger
from cache import Cache
cache = Cache()
cache.put("a", 1, 5)
cache.put("b", 1, 9)
cache.purge(6)
--- check
from cache import Cache
cache = Cache()
for n in range(5):
    cache.put(n, n, n)
assert cache.purge(3) == 4
assert list(cache.entries) == [4]

=== await-missing fix sentry
--- jobs.py
"""Runs jobs."""
import asyncio


async def load(number):
    """The job's document."""
    await asyncio.sleep(0)
    return {"number": number, "steps": ["a", "b"]}


async def steps(number):
    job = load(number)
    return len(job["steps"])


async def total(numbers):
    return sum([await steps(n) for n in numbers])
--- tests/test_jobs.py
import asyncio

from jobs import load


def test_load():
    assert asyncio.run(load(1))["number"] == 1
--- trigger
import asyncio
from jobs import total
asyncio.run(total([1, 2]))
--- check
import asyncio
from jobs import total
assert asyncio.run(total([1, 2])) == 4

=== await-gather-list fix sentry
--- fetch.py
"""Prices from several shops."""
import asyncio


async def price(shop):
    await asyncio.sleep(0)
    return len(shop) * 10


async def cheapest(shops):
    """The lowest price."""
    prices = [price(shop) for shop in shops]
    return min(prices)
--- tests/test_fetch.py
import asyncio

from fetch import price


def test_price():
    assert asyncio.run(price("ab")) == 20
--- trigger
import asyncio
from fetch import cheapest
asyncio.run(cheapest(["abc", "ab"]))
--- check
import asyncio
from fetch import cheapest
assert asyncio.run(cheapest(["abc", "ab", "abcd"])) == 20

=== await-method fix sentry
--- repo.py
"""Users, from a store that answers asynchronously."""
import asyncio


class Users:
    def __init__(self, rows):
        self.rows = rows

    async def find(self, number):
        await asyncio.sleep(0)
        return self.rows.get(number)

    async def name(self, number):
        """The user's name, "?" when there is no such user."""
        row = self.find(number)
        if row is None:
            return "?"
        return row.get("name")
--- tests/test_repo.py
import asyncio

from repo import Users


def test_find():
    assert asyncio.run(Users({}).find(1)) is None
--- trigger
import asyncio
from repo import Users
asyncio.run(Users({1: {"name": "Ann"}}).name(1))
--- check
import asyncio
from repo import Users
users = Users({1: {"name": "Ann"}})
assert asyncio.run(users.name(1)) == "Ann"
assert asyncio.run(users.name(2)) == "?"

=== await-in-sync-helper fix sentry
--- hooks.py
"""Web hooks."""
import asyncio


async def body(request):
    await asyncio.sleep(0)
    return request["text"]


async def handle(request):
    """The number of words in the request."""
    return {"words": len(body(request).split())}
--- tests/test_hooks.py
import asyncio

from hooks import body


def test_body():
    assert asyncio.run(body({"text": "a"})) == "a"
--- trigger
import asyncio
from hooks import handle
asyncio.run(handle({"text": "a b"}))
--- check
import asyncio
from hooks import handle
assert asyncio.run(handle({"text": "a b c"})) == {"words": 3}
'''
