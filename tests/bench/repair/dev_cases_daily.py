"""Development cases: crashes of every day, of types, texts, numbers and calls. See tests/repair/casework.py."""

CASES = r'''
=== daily-enum-case fix sentry
--- orders.py
"""Orders from the shop's feed."""
from enum import Enum


class Status(Enum):
    NEW = "new"
    PAID = "paid"
    SENT = "sent"


def status(row: dict) -> Status:
    """The status of a row of the feed; partners send it in capitals as well."""
    return Status(row["status"])


def open_orders(rows: list[dict]) -> list[dict]:
    return [row for row in rows if status(row) is not Status.SENT]
--- tests/test_orders.py
from orders import Status, open_orders, status


def test_status():
    assert status({"status": "paid"}) is Status.PAID
    assert open_orders([{"status": "sent"}]) == []
--- trigger
from orders import open_orders
open_orders([{"id": 1, "status": "new"}, {"id": 2, "status": "PAID"}])
--- check
from orders import Status, open_orders, status
assert status({"status": "PAID"}) is Status.PAID
assert status({"status": "new"}) is Status.NEW
assert open_orders([{"status": "Sent"}]) == []
try:
    status({"status": "lost"})
except ValueError:
    pass
else:
    raise SystemExit("lost is no status")

=== daily-format-none fix sentry
--- weather.py
"""The station's readings as text."""


def shown(reading: dict) -> str:
    """Temperature with one decimal, as "21.5 C"; "n/a" when the sensor gave none."""
    return f"{reading['celsius']:.1f} C"


def board(readings: list[dict]) -> str:
    return " | ".join(shown(r) for r in readings)
--- tests/test_weather.py
from weather import board


def test_board():
    assert board([{"celsius": 21.46}]) == "21.5 C"
--- trigger
from weather import board
board([{"celsius": 3.0}, {"celsius": None}])
--- check
from weather import board, shown
assert shown({"celsius": None}) == "n/a"
assert board([{"celsius": 0.0}, {"celsius": None}]) == "0.0 C | n/a"

=== daily-keys-subscript fix sentry
--- pick.py
"""Picks the first of the shards."""


def first_shard(shards: dict) -> str:
    """Name of the shard that was added first."""
    return shards.keys()[0]


def route(shards: dict, key: str) -> str:
    if len(shards) == 1:
        return first_shard(shards)
    return sorted(shards)[hash(key) % len(shards)]
--- tests/test_pick.py
from pick import route


def test_route():
    assert route({"a": 1, "b": 2}, "k") in ("a", "b")
--- trigger
from pick import route
route({"eu-1": {"weight": 3}}, "k")
--- check
from pick import first_shard, route
assert route({"eu-1": 1}, "k") == "eu-1"
assert first_shard({"z": 1, "a": 2}) == "z"

=== daily-float-index fix sentry
--- stats.py
"""Figures of response times."""


def median(times: list[int]) -> int:
    """The upper median."""
    ordered = sorted(times)
    return ordered[len(ordered) / 2]


def report(routes: dict) -> dict:
    return {route: median(times) for route, times in routes.items()}
--- tests/test_stats.py
from stats import report


def test_report():
    assert report({}) == {}
--- trigger
from stats import report
report({"/": [30, 10, 20]})
--- check
from stats import median, report
assert median([30, 10, 20]) == 20
assert median([1, 2, 3, 4]) == 3
assert report({"/": [5]}) == {"/": 5}

=== daily-pages-range fix sentry
--- pages.py
"""Pages of a listing."""


def offsets(total: int, size: int) -> list[int]:
    """Offset of each full page."""
    return [page * size for page in range(total / size)]
--- tests/test_pages.py
import pages


def test_module():
    assert pages.offsets.__name__ == "offsets"
--- trigger
from pages import offsets
offsets(40, 20)
--- check
from pages import offsets
assert offsets(40, 20) == [0, 20]
assert offsets(50, 20) == [0, 20]
assert offsets(0, 20) == []

=== daily-missing-self fix sentry
--- cart.py
"""A shopping cart."""


class Cart:
    def __init__(self):
        self.lines = []

    def add(self, sku: str, cents: int) -> None:
        self.lines.append((sku, cents))

    def total() -> int:
        return sum(cents for _, cents in self.lines)


def checkout(items: list[tuple[str, int]]) -> int:
    cart = Cart()
    for sku, cents in items:
        cart.add(sku, cents)
    return cart.total()
--- tests/test_cart.py
from cart import Cart


def test_add():
    cart = Cart()
    cart.add("a", 5)
    assert cart.lines == [("a", 5)]
--- trigger
from cart import checkout
checkout([("a", 100), ("b", 250)])
--- check
from cart import checkout
assert checkout([("a", 100), ("b", 250)]) == 350
assert checkout([]) == 0

=== daily-keyword-only fix sentry
--- notify.py
"""Sends notices."""


def send(text: str, *, channel: str = "mail") -> str:
    return f"{channel}: {text}"


def alert(text: str, channel: str) -> str:
    """Sends a text over a channel."""
    return send(text, channel)


def digest(texts: list[str]) -> str:
    return send("; ".join(texts))
--- tests/test_notify.py
from notify import digest


def test_digest():
    assert digest(["a", "b"]) == "mail: a; b"
--- trigger
from notify import alert
alert("disk full", "sms")
--- check
from notify import alert
assert alert("disk full", "sms") == "sms: disk full"

=== daily-decimal-comma fix sentry
--- prices.py
"""Prices from suppliers' lists, written as "12.50" or, by the German ones, "12,50"."""
from decimal import Decimal


def price(text: str) -> Decimal:
    return Decimal(text)


def total(lines: list[str]) -> Decimal:
    return sum((price(line.split(";")[1]) for line in lines), Decimal(0))
--- tests/test_prices.py
from decimal import Decimal

from prices import price


def test_price():
    assert price("12.50") == Decimal("12.50")
--- trigger
from prices import total
total(["a;12.50", "b;3,20"])
--- check
from decimal import Decimal
from prices import price, total
assert price("3,20") == Decimal("3.20")
assert total(["a;12.50", "b;3,20"]) == Decimal("15.70")

=== daily-decimal-zero fix sentry
--- margin.py
"""Margins in percent."""
from decimal import Decimal


def margin(cost: Decimal, price: Decimal) -> Decimal:
    """Share of the price that is not cost, in percent; 0 for what is given away."""
    return (price - cost) / price * 100


def report(rows: list[dict]) -> dict:
    return {row["sku"]: margin(row["cost"], row["price"]) for row in rows}
--- tests/test_margin.py
from decimal import Decimal

from margin import margin


def test_margin():
    assert margin(Decimal(3), Decimal(4)) == 25
--- trigger
from decimal import Decimal
from margin import report
gift = {"sku": "gift", "cost": Decimal("1"), "price": Decimal("0")}
report([{"sku": "a", "cost": Decimal("3"), "price": Decimal("4")}, gift])
--- check
from decimal import Decimal
from margin import margin
assert margin(Decimal(1), Decimal(0)) == 0
assert margin(Decimal(0), Decimal(0)) == 0
assert margin(Decimal(3), Decimal(4)) == 25

=== daily-decimal-float fix sentry
--- tax.py
"""Taxes."""
from decimal import Decimal

RATE = 0.19


def tax(net: Decimal) -> Decimal:
    """Tax of a net amount, in the amount's own precision."""
    return (net * RATE).quantize(Decimal("0.01"))
--- tests/test_tax.py
import tax


def test_rate():
    assert tax.RATE == 0.19
--- trigger
from decimal import Decimal
from tax import tax
tax(Decimal("100.00"))
--- check
from decimal import Decimal
from tax import tax
assert tax(Decimal("100.00")) == Decimal("19.00")
assert tax(Decimal("0.10")) == Decimal("0.02")

=== daily-generator-len fix sentry
--- scan.py
"""Finds open ports."""


def open_ports(results: dict):
    """Ports that answered, one after another."""
    for port, answered in results.items():
        if answered:
            yield port


def summary(results: dict) -> str:
    found = open_ports(results)
    return f"{len(found)} open"
--- tests/test_scan.py
from scan import open_ports


def test_open_ports():
    assert list(open_ports({22: True, 23: False})) == [22]
--- trigger
from scan import summary
summary({22: True, 23: False, 80: True})
--- check
from scan import open_ports, summary
assert summary({22: True, 23: False, 80: True}) == "2 open"
assert summary({}) == "0 open"
assert list(open_ports({1: True})) == [1]

=== daily-join-numbers fix sentry
--- labels.py
"""Labels of samples."""


def label(parts: list) -> str:
    """Parts joined by dashes."""
    return "-".join(parts)


def labels(samples: list[dict]) -> list[str]:
    return [label([s["site"], s["number"]]) for s in samples]
--- tests/test_labels.py
from labels import label


def test_label():
    assert label(["a", "b"]) == "a-b"
--- trigger
from labels import labels
labels([{"site": "north", "number": 12}])
--- check
from labels import label, labels
assert labels([{"site": "north", "number": 12}]) == ["north-12"]
assert label(["a", "b"]) == "a-b"

=== daily-dict-items fix sentry
--- settings.py
"""Settings as lines."""


def lines(settings: dict) -> list[str]:
    """One line "key = value" for each setting."""
    return [f"{key} = {value}" for key, value in settings]


def save(settings: dict) -> str:
    return "\n".join(lines(settings))
--- tests/test_settings.py
from settings import save


def test_empty():
    assert save({}) == ""
--- trigger
from settings import save
save({"host": "a.example", "port": 80})
--- check
from settings import lines
assert lines({"host": "a.example", "port": 80}) == ["host = a.example", "port = 80"]
assert lines({"ab": 1}) == ["ab = 1"]

=== daily-json-not-parsed fix sentry
--- hook.py
"""Takes the payment provider's calls."""
import json


def parse(body: str) -> dict:
    return json.loads(body)


def paid(body: str) -> bool:
    """Whether the call says that an order was paid."""
    return parse(body)["event"] == "paid"


def order_of(body: str) -> int:
    """Number of the order that a call is about."""
    return body["order"]


def handle(body: str) -> tuple[int, bool]:
    return order_of(body), paid(body)
--- tests/test_hook.py
from hook import paid


def test_paid():
    assert paid('{"event": "paid", "order": 3}')
--- trigger
from hook import handle
handle('{"event": "paid", "order": 3}')
--- check
from hook import handle, order_of
assert handle('{"event": "paid", "order": 3}') == (3, True)
assert order_of('{"event": "x", "order": 9}') == 9

=== daily-sort-ties fix sentry
--- queue_.py
"""Jobs by priority."""
import heapq


def push(queue: list, priority: int, job: dict) -> None:
    """Puts a job in; of the same priority, the one that came first goes first."""
    heapq.heappush(queue, (priority, job))


def top(scores: dict, people: dict) -> dict:
    """The person with the highest score."""
    return max((score, people[name]) for name, score in scores.items())[1]
--- tests/test_queue.py
from queue_ import push, top


def test_push():
    queue = []
    push(queue, 2, {"id": 1})
    push(queue, 1, {"id": 2})
    assert queue[0][1] == {"id": 2}
    assert top({"a": 2, "b": 1}, {"a": {"id": 1}, "b": {"id": 2}}) == {"id": 1}
--- trigger
from queue_ import top
top({"a": 2, "b": 2}, {"a": {"id": 1}, "b": {"id": 2}})
--- check
from queue_ import top
assert top({"a": 2, "b": 2}, {"a": {"id": 1}, "b": {"id": 2}}) in ({"id": 1}, {"id": 2})
assert top({"a": 1, "b": 2}, {"a": {"id": 1}, "b": {"id": 2}}) == {"id": 2}

=== daily-sibling-or fix sentry
--- crm/__init__.py
--- crm/person.py
from dataclasses import dataclass


@dataclass
class Person:
    name: str
    phone: str | None = None
--- crm/vcard.py
"""Exports people as cards."""


def short(person) -> str:
    return f"{person.name} {person.phone or 'no phone'}"


def card(person) -> str:
    """Two lines: name and phone."""
    return f"{person.name}\n" + person.phone.replace(" ", "")
--- crm/export.py
from crm.vcard import card


def export(people) -> str:
    return "\n\n".join(card(p) for p in people)
--- tests/test_card.py
from crm.person import Person
from crm.vcard import card, short


def test_card():
    assert card(Person("Ann", "1 2")) == "Ann\n12"
    assert short(Person("Bo")) == "Bo no phone"
--- trigger
from crm.export import export
from crm.person import Person
export([Person("Ann", "1 2"), Person("Bo")])
--- check
from crm.export import export
from crm.person import Person
text = export([Person("Ann", "1 2"), Person("Bo")])
assert text.startswith("Ann\n12\n\nBo\n")

=== daily-sibling-guard-elsewhere fix sentry
--- club/__init__.py
--- club/members.py
"""Members of the club."""


def mean_age(members: list[dict]) -> float:
    """Mean age of the members."""
    if not members:
        return 0.0
    return sum(m["age"] for m in members) / len(members)
--- club/fees.py
"""Fees of the club."""


def mean_fee(members: list[dict]) -> float:
    """Mean yearly fee of the members."""
    return sum(m["fee"] for m in members) / len(members)
--- club/report.py
from club.fees import mean_fee
from club.members import mean_age


def report(groups: dict[str, list[dict]]) -> dict:
    return {name: (mean_age(members), mean_fee(members)) for name, members in groups.items()}
--- tests/test_club.py
from club.fees import mean_fee
from club.members import mean_age


def test_means():
    assert mean_age([]) == 0.0
    assert mean_fee([{"fee": 10}, {"fee": 20}]) == 15
--- trigger
from club.report import report
report({"chess": [{"age": 20, "fee": 10}], "rowing": []})
--- check
from club.report import report
assert report({"rowing": []}) == {"rowing": (0.0, 0.0)}
assert report({"chess": [{"age": 20, "fee": 10}]}) == {"chess": (20, 10)}

=== daily-sibling-inline-guard fix datadog
--- usage.py
"""Usage of the plan."""


def storage_share(used: int, quota: int) -> float:
    """Share of the storage that is used."""
    return used / quota if quota else 0.0


def seats_share(used: int, quota: int) -> float:
    """Share of the seats that is used."""
    return used / quota


def dashboard(account: dict) -> dict:
    return {
        "storage": storage_share(account["gb"], account["gb_quota"]),
        "seats": seats_share(account["seats"], account["seats_quota"]),
    }
--- tests/test_usage.py
from usage import seats_share, storage_share


def test_shares():
    assert storage_share(1, 0) == 0.0
    assert seats_share(1, 4) == 0.25
--- trigger
from usage import dashboard
dashboard({"gb": 3, "gb_quota": 10, "seats": 0, "seats_quota": 0})
--- check
from usage import dashboard, seats_share
assert seats_share(0, 0) == 0.0
assert dashboard({"gb": 3, "gb_quota": 10, "seats": 1, "seats_quota": 2}) == {"storage": 0.3, "seats": 0.5}

=== daily-optional-callback fix sentry
--- jobs.py
"""Runs jobs."""


class Runner:
    def __init__(self, on_done=None):
        """on_done, optional: called with each job's name when it is done."""
        self.on_done = on_done
        self.done = []

    def run(self, name: str) -> None:
        self.done.append(name)
        self.on_done(name)


def run_all(names: list[str], on_done=None) -> list[str]:
    runner = Runner(on_done)
    for name in names:
        runner.run(name)
    return runner.done
--- tests/test_jobs.py
from jobs import run_all


def test_run_all():
    told = []
    assert run_all(["a"], told.append) == ["a"]
    assert told == ["a"]
--- trigger
from jobs import run_all
run_all(["backup", "vacuum"])
--- check
from jobs import run_all
assert run_all(["backup", "vacuum"]) == ["backup", "vacuum"]
told = []
assert run_all(["a", "b"], told.append) == ["a", "b"]
assert told == ["a", "b"]

=== daily-tuple-assignment fix sentry
--- grid.py
"""A board of fields."""


def parse(text: str) -> list:
    """Rows of characters."""
    return [tuple(line) for line in text.splitlines()]


def mark(board: list, row: int, column: int) -> None:
    """Puts an X on a field of the board."""
    board[row][column] = "X"


def play(text: str, moves: list[tuple[int, int]]) -> str:
    board = parse(text)
    for row, column in moves:
        mark(board, row, column)
    return "\n".join("".join(row) for row in board)
--- tests/test_grid.py
from grid import play


def test_play():
    assert play("..\n..", []) == "..\n.."
--- trigger
from grid import play
play("...\n...", [(0, 1)])
--- check
from grid import play
assert play("...\n...", [(0, 1), (1, 2)]) == ".X.\n..X"

=== daily-reduce-empty fix sentry
--- merge.py
"""Merges flags."""
from functools import reduce


def merged(masks: list[int]) -> int:
    """All bits that any mask has; 0 without masks."""
    return reduce(lambda a, b: a | b, masks)


def rights(groups: list[dict]) -> int:
    return merged([g["mask"] for g in groups])
--- tests/test_merge.py
from merge import rights


def test_rights():
    assert rights([{"mask": 1}, {"mask": 4}]) == 5
--- trigger
from merge import rights
rights([])
--- check
from merge import rights
assert rights([]) == 0
assert rights([{"mask": 6}]) == 6

=== daily-date-text fix sentry
--- rents/__init__.py
--- rents/dates.py
from datetime import date


def parse(text: str) -> date:
    return date.fromisoformat(text)
--- rents/contract.py
"""Contracts as the API sends them, with dates as texts."""
from datetime import date

from rents.dates import parse


def started(contract: dict, today: date) -> bool:
    return parse(contract["start"]) <= today


def days_left(contract: dict, today: date) -> int:
    """Days until the contract ends."""
    return (contract["end"] - today).days
--- tests/test_contract.py
from datetime import date

from rents.contract import started


def test_started():
    assert started({"start": "2026-01-01"}, date(2026, 1, 2))
--- trigger
from datetime import date
from rents.contract import days_left
days_left({"start": "2026-01-01", "end": "2026-02-01"}, date(2026, 1, 22))
--- check
from datetime import date
from rents.contract import days_left
assert days_left({"start": "2026-01-01", "end": "2026-02-01"}, date(2026, 1, 22)) == 10

=== daily-address-port fix sentry
--- net.py
"""Addresses of peers, "host:port"; without a port it is 8080."""


def parse(address: str) -> tuple[str, int]:
    host, port = address.split(":")
    return host, int(port)


def peers(text: str) -> list[tuple[str, int]]:
    return [parse(a) for a in text.split()]
--- tests/test_net.py
from net import parse


def test_parse():
    assert parse("a:80") == ("a", 80)
--- trigger
from net import peers
peers("a.example:9000 b.example")
--- check
from net import parse, peers
assert parse("b.example") == ("b.example", 8080)
assert peers("a:1 b") == [("a", 1), ("b", 8080)]

=== daily-regex-none fix datadog
--- tickets.py
"""Tickets named in commit messages."""
import re


def ticket(message: str) -> str:
    """Number of the ticket, such as "OPS-12"; an empty text when the message names none."""
    return re.search(r"[A-Z]+-\d+", message).group()


def tickets(messages: list[str]) -> list[str]:
    return [ticket(m) for m in messages]
--- tests/test_tickets.py
from tickets import ticket


def test_ticket():
    assert ticket("fix OPS-12: a") == "OPS-12"
--- trigger
from tickets import tickets
tickets(["fix OPS-12", "typo"])
--- check
from tickets import ticket, tickets
assert ticket("typo") == ""
assert tickets(["a OPS-1", "b"]) == ["OPS-1", ""]

=== daily-iter-helper fix sentry
--- sessions.py
"""Sessions of visitors."""


class Sessions:
    def __init__(self):
        self.open = {}

    def start(self, name: str, at: float) -> None:
        self.open[name] = at

    def end(self, name: str) -> None:
        del self.open[name]

    def expire(self, now: float, after: float) -> int:
        """Ends the sessions that are older than after; how many those were."""
        count = 0
        for name, at in self.open.items():
            if now - at > after:
                self.end(name)
                count += 1
        return count
--- tests/test_sessions.py
from sessions import Sessions


def test_expire():
    sessions = Sessions()
    sessions.start("a", 1.0)
    assert sessions.expire(2.0, 5.0) == 0
--- trigger
from sessions import Sessions
s = Sessions()
s.start("a", 1.0)
s.start("b", 9.0)
s.expire(10.0, 5.0)
--- check
from sessions import Sessions
s = Sessions()
for name, at in (("a", 1.0), ("b", 9.0), ("c", 2.0)):
    s.start(name, at)
assert s.expire(10.0, 5.0) == 2
assert s.open == {"b": 9.0}

=== daily-conn-before-connect fix sentry
--- client.py
"""A client that connects when it is first used."""


class Client:
    """Holds a connection; connection is None until connect() was called."""

    def __init__(self, host: str):
        self.host = host

    def connect(self) -> None:
        self.connection = f"to {self.host}"

    def state(self) -> str:
        return "open" if self.connection else "closed"


def states(hosts: list[str]) -> list[str]:
    return [Client(h).state() for h in hosts]
--- tests/test_client.py
from client import Client


def test_connect():
    client = Client("a")
    client.connect()
    assert client.state() == "open"
--- trigger
from client import states
states(["a", "b"])
--- check
from client import Client, states
assert states(["a"]) == ["closed"]
client = Client("a")
client.connect()
assert client.state() == "open"

=== daily-text-plus-number fix sentry
--- billing.py
"""Invoice numbers."""


def number(year: int, count: int) -> str:
    """Such as "2026-17"."""
    return str(year) + "-" + count


def numbers(year: int, counts: list[int]) -> list[str]:
    return [number(year, c) for c in counts]
--- tests/test_billing.py
from billing import numbers


def test_none():
    assert numbers(2026, []) == []
--- trigger
from billing import numbers
numbers(2026, [17])
--- check
from billing import number
assert number(2026, 17) == "2026-17"

=== daily-renamed-module fix sentry
--- links.py
"""Links of pages."""
from urlparse import urljoin


def absolute(base: str, links: list[str]) -> list[str]:
    return [urljoin(base, link) for link in links]
--- tests/test_base.py
from urllib.parse import urlsplit


def test_base():
    assert urlsplit("http://a.example/x").netloc == "a.example"
--- trigger
import links
--- check
from links import absolute
assert absolute("http://a.example/x/", ["y", "/z"]) == ["http://a.example/x/y", "http://a.example/z"]

=== daily-trap-null-guess escalate sentry
--- ship.py
"""Ships parcels."""


def weight_class(parcel: dict) -> str:
    """S, M or L by the parcel's grams."""
    grams = parcel["grams"]
    return "S" if grams < 500 else "M" if grams < 2000 else "L"


def sort(parcels: list[dict]) -> list[str]:
    return [weight_class(p) for p in parcels]
--- tests/test_ship.py
from ship import sort


def test_sort():
    assert sort([{"grams": 100}, {"grams": 900}]) == ["S", "M"]
--- trigger
from ship import sort
sort([{"grams": 100}, {"grams": None}])

=== daily-trap-sibling-differs escalate sentry
--- rates.py
"""Rates of a campaign."""


def click_rate(clicks: int, views: int) -> float:
    if not views:
        return 0.0
    return clicks / views


def bounce_rate(bounces: int, visits: int) -> float:
    if not visits:
        return 1.0
    return bounces / visits


def cost_per_order(cost: float, orders: int) -> float:
    """What an order costs."""
    return cost / orders
--- tests/test_rates.py
from rates import bounce_rate, click_rate, cost_per_order


def test_rates():
    assert click_rate(0, 0) == 0.0
    assert bounce_rate(0, 0) == 1.0
    assert cost_per_order(10, 2) == 5
--- trigger
from rates import cost_per_order
cost_per_order(120.0, 0)

=== daily-async-stand-in fix sentry
--- retries.py
"""Retries."""

LIMITS = {"attempts": 3}


async def attempt(operation, limits):
    """Result of the first attempt that gives one."""
    for number in range(limits["atempts"]):
        found = await operation(number)
        if found is not None:
            return found
    return None
--- tests/test_retries.py
from retries import LIMITS


def test_limits():
    assert LIMITS["attempts"] == 3
--- trigger
import asyncio
from retries import LIMITS, attempt
async def op(number):
    return number or None
asyncio.run(attempt(op, LIMITS))
--- check
import asyncio
from retries import LIMITS, attempt
async def op(number):
    return number or None
assert asyncio.run(attempt(op, LIMITS)) == 1
'''
