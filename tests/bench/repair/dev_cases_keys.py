"""Keys that are not there, and faults of the data; see tests/repair/casework.py for the format."""

# ruff: noqa: E501  (the programs are data)

CASES = r'''
=== key-nested-level fix sentry
--- orders/__init__.py
--- orders/webhook.py
"""Order events from the shop's webhook."""


def parse(event):
    """The order's number and what it costs."""
    order = event["data"]["order"]
    return {"number": order["number"], "total": order["total"], "mail": event["customer"]["email"]}
--- orders/mail.py
def recipient(event):
    return event["data"]["customer"]["email"].lower()
--- tests/test_webhook.py
from orders.mail import recipient


def test_recipient():
    assert recipient({"data": {"customer": {"email": "A@x.org"}}}) == "a@x.org"
--- trigger
from orders.webhook import parse
parse({"id": "ev1", "data": {"order": {"number": 7, "total": 12}, "customer": {"email": "b@x.org"}}})
--- check
from orders.webhook import parse
event = {"data": {"order": {"number": 8, "total": 3}, "customer": {"email": "c@x.org"}}}
assert parse(event) == {"number": 8, "total": 3, "mail": "c@x.org"}

=== key-int-str fix sentry
--- rates.py
"""Tax rates come as JSON, whose keys are always text."""
import json

RATES = json.loads('{"1": 0.07, "2": 0.19, "3": 0.0}')


def rate(category: int) -> float:
    """Tax rate of a category."""
    return RATES[category]


def gross(net, category):
    return round(net * (1 + rate(category)), 2)
--- tests/test_rates.py
import rates


def test_rates():
    assert set(rates.RATES.values()) == {0.07, 0.19, 0.0}
--- trigger
from rates import gross
gross(100, 2)
--- check
from rates import gross, rate
assert gross(100, 1) == 107
assert rate(3) == 0.0

=== key-renamed-writer fix datadog
--- shop/__init__.py
--- shop/cart.py
def line(product, count):
    """One line of a cart."""
    return {"sku": product["sku"], "quantity": count, "price_cents": product["price_cents"]}


def cart(products):
    return [line(p, 1) for p in products]
--- shop/checkout.py
from shop.cart import cart


def total(lines):
    """What the lines cost in sum, in cents."""
    return sum(entry["price_cents"] * entry["qty"] for entry in lines)


def checkout(products):
    return {"total": total(cart(products))}
--- tests/test_cart.py
from shop.cart import cart


def test_cart():
    assert cart([{"sku": "a", "price_cents": 5}]) == [{"sku": "a", "quantity": 1, "price_cents": 5}]
--- trigger
from shop.checkout import checkout
checkout([{"sku": "a", "price_cents": 500}])
--- check
from shop.checkout import checkout, total
assert checkout([{"sku": "a", "price_cents": 500}, {"sku": "b", "price_cents": 1}]) == {"total": 501}
assert total([{"sku": "a", "quantity": 3, "price_cents": 2}]) == 6

=== key-lookup-fallback fix sentry
--- labels.py
"""Labels on the status page."""

STATUS = {"ok": "Operational", "degraded": "Degraded", "down": "Outage"}
COLORS = {"ok": "green", "degraded": "yellow", "down": "red"}


def color(state):
    return COLORS.get(state, "grey")


def label(state):
    """Text for a state; unknown states are shown as they are."""
    return STATUS[state]


def badge(state):
    return "%s (%s)" % (label(state), color(state))
--- tests/test_labels.py
from labels import badge


def test_badge():
    assert badge("ok") == "Operational (green)"
--- trigger
from labels import badge
badge("maintenance")
--- check
from labels import badge
assert badge("maintenance") == "maintenance (grey)"
assert badge("down") == "Outage (red)"

=== key-sibling-normalised fix sentry
--- fx.py
"""Exchange rates."""

RATES = {"EUR": 1.0, "USD": 1.1, "GBP": 0.85}


def supported(code):
    return code.strip().upper() in RATES


def convert(amount, code):
    """Amount of euros in another currency."""
    return round(amount * RATES[code], 2)
--- tests/test_fx.py
from fx import convert, supported


def test_fx():
    assert supported(" usd")
    assert convert(10, "USD") == 11.0
--- trigger
from fx import convert
convert(20, "usd ")
--- check
from fx import convert
assert convert(20, "usd ") == 22.0
assert convert(20, "gbp") == 17.0
try:
    convert(1, "xyz")
except KeyError:
    pass
else:
    raise SystemExit("xyz is no currency")

=== key-counting fix sentry
--- hits.py
"""Counts requests by path for the weekly table."""


def count(lines):
    """Path: number of requests."""
    counts = {}
    for line in lines:
        path = line.split()[1]
        counts[path] += 1
    return counts
--- tests/test_hits.py
from hits import count


def test_nothing():
    assert count([]) == {}
--- trigger
from hits import count
count(["GET /a", "GET /b", "GET /a"])
--- check
from hits import count
assert count(["GET /a", "GET /b", "GET /a"]) == {"/a": 2, "/b": 1}
assert count(["GET /c"])["/c"] == 1

=== key-grouping fix cloudwatch
--- groups.py
"""Groups tickets by their team."""


def by_team(tickets):
    """Team: its tickets' ids, in order."""
    teams = {}
    for ticket in tickets:
        teams[ticket["team"]].append(ticket["id"])
    return teams


def overview(tickets):
    return {team: len(ids) for team, ids in by_team(tickets).items()}
--- tests/test_groups.py
from groups import overview


def test_empty():
    assert overview([]) == {}
--- trigger
from groups import overview
overview([{"id": 1, "team": "core"}, {"id": 2, "team": "web"}])
--- check
from groups import by_team
assert by_team([{"id": 1, "team": "core"}, {"id": 2, "team": "web"}, {"id": 3, "team": "core"}]) == {"core": [1, 3], "web": [2]}

=== key-one-branch fix sentry
--- report.py
"""Reports of a run."""


def summarise(run):
    """Figures of a run. "errors" counts the failed steps, 0 when every step succeeded."""
    figures = {"steps": len(run["steps"])}
    failed = [s for s in run["steps"] if not s["ok"]]
    if failed:
        figures["errors"] = len(failed)
    return figures


def headline(run):
    figures = summarise(run)
    return "%d steps, %d errors" % (figures["steps"], figures["errors"])
--- tests/test_report.py
from report import headline


def test_headline():
    assert headline({"steps": [{"ok": False}]}) == "1 steps, 1 errors"
--- trigger
from report import headline
headline({"steps": [{"ok": True}, {"ok": True}]})
--- check
from report import headline
assert headline({"steps": [{"ok": True}, {"ok": True}]}) == "2 steps, 0 errors"
assert headline({"steps": []}) == "0 steps, 0 errors"

=== key-camel-snake fix sentry
--- client.py
"""Reads users from the directory's API, which writes its fields in camelCase."""


def user(document):
    """Name and mail address."""
    return {"name": document["displayName"], "mail": document["email_address"].lower()}


def users(documents):
    return [user(d) for d in documents]
--- tests/test_client.py
from client import users


def test_none():
    assert users([]) == []
--- trigger
from client import users
users([{"displayName": "Ann", "emailAddress": "Ann@x.org"}])
--- check
from client import users
assert users([{"displayName": "Bo", "emailAddress": "BO@x.org"}]) == [{"name": "Bo", "mail": "bo@x.org"}]

=== key-tuple-str fix sentry
--- grid.py
"""Distances between two stations; stored once for each pair, in alphabetical order."""

DISTANCES = {("A", "B"): 4, ("A", "C"): 9, ("B", "C"): 6}


def distance(one, other):
    """Kilometres between two stations, in whichever order they are given."""
    return DISTANCES[(one, other)]


def route(stops):
    return sum(distance(a, b) for a, b in zip(stops, stops[1:]))
--- tests/test_grid.py
from grid import route


def test_route():
    assert route(["A", "B", "C"]) == 10
--- trigger
from grid import route
route(["C", "A"])
--- check
from grid import distance, route
assert distance("B", "A") == 4
assert route(["C", "B", "A"]) == 10

=== key-env-optional fix sentry
--- conf.py
"""Settings of the worker from the section [worker] of its file; every key is optional."""

DEFAULTS = {"threads": 4, "queue": "default", "prefetch": 10}


def threads(section):
    return int(section.get("threads", DEFAULTS["threads"]))


def worker(section):
    """What the worker starts with."""
    return {"threads": threads(section), "queue": section["queue"], "prefetch": int(section.get("prefetch", DEFAULTS["prefetch"]))}
--- tests/test_conf.py
from conf import worker


def test_worker():
    assert worker({"queue": "mail", "threads": "2"})["queue"] == "mail"
--- trigger
from conf import worker
worker({"threads": "8"})
--- check
from conf import worker
assert worker({}) == {"threads": 4, "queue": "default", "prefetch": 10}

=== key-removed-during fix sentry
--- sessions.py
"""Sessions by token."""


class Sessions:
    def __init__(self):
        self.open = {}

    def start(self, token, user):
        self.open[token] = user

    def end(self, token):
        """Ends a session. Ending one that is not open does nothing."""
        del self.open[token]
--- tests/test_sessions.py
from sessions import Sessions


def test_end():
    found = Sessions()
    found.start("a", 1)
    found.end("a")
    assert found.open == {}
--- trigger
from sessions import Sessions
found = Sessions()
found.start("a", 1)
found.end("a")
found.end("a")
--- check
from sessions import Sessions
found = Sessions()
found.start("a", 1)
found.end("b")
assert found.open == {"a": 1}
found.end("a")
found.end("a")
assert found.open == {}

=== key-made-up-default escalate sentry
--- pay.py
"""Pays what suppliers are owed."""


def amount(invoice):
    """Cents to be paid."""
    return invoice["net"] + invoice["tax"]


def batch(invoices):
    return {"count": len(invoices), "sum": sum(amount(i) for i in invoices)}
--- tests/test_pay.py
from pay import batch


def test_batch():
    assert batch([{"net": 100, "tax": 19}]) == {"count": 1, "sum": 119}
--- trigger
from pay import batch
batch([{"net": 100, "tax": 19}, {"net": 50}])

=== data-stored-state escalate sentry
--- state.py
"""Keeps the importer's position between two runs."""
import json


def load(text):
    """The stored state: its cursor and the number of rows so far."""
    state = json.loads(text)
    return {"cursor": state["cursor"], "rows": state["rows"]}


def advance(text, rows):
    state = load(text)
    return json.dumps({"cursor": state["cursor"] + len(rows), "rows": state["rows"] + len(rows)})
--- tests/test_state.py
from state import advance


def test_advance():
    assert advance('{"cursor": 1, "rows": 2}', ["x"]) == '{"cursor": 2, "rows": 3}'
--- trigger
from state import advance
advance('{"cursor": 17}', ["a", "b"])

=== data-broken-row escalate sentry
--- ledger.py
"""Books the lines of the bank's statement."""


def book(row):
    """Account and cents of a line."""
    account, cents = row.split(";")
    return account, int(cents)


def statement(rows):
    return [book(r) for r in rows]
--- tests/test_ledger.py
from ledger import statement


def test_statement():
    assert statement(["DE1;500"]) == [("DE1", 500)]
--- trigger
from ledger import statement
statement(["DE1;500", "DE2;5\x00x"])

=== data-none-balance escalate sentry
--- accounts.py
"""Interest on accounts."""


def interest(account, percent):
    """Cents of interest for a year."""
    return account["balance"] * percent // 100


def run(accounts, percent):
    return {a["id"]: interest(a, percent) for a in accounts}
--- tests/test_accounts.py
from accounts import run


def test_run():
    assert run([{"id": 1, "balance": 1000}], 2) == {1: 20}
--- trigger
from accounts import run
run([{"id": 1, "balance": 1000}, {"id": 2, "balance": None}], 2)

=== data-dangling-reference escalate datadog
--- tree.py
"""The chart of accounts: each account names its parent, "" for a root."""


def parent(accounts, name):
    return accounts[accounts[name]["parent"]]


def path(accounts, name):
    """Names from the root down to the account."""
    found = [name]
    while accounts[name]["parent"]:
        above = parent(accounts, name)
        name = above["name"]
        found.append(name)
    return found[::-1]
--- tests/test_tree.py
from tree import path


def test_path():
    accounts = {"a": {"name": "a", "parent": ""}, "b": {"name": "b", "parent": "a"}}
    assert path(accounts, "b") == ["a", "b"]
--- trigger
from tree import path
path({"a": {"name": "a", "parent": ""}, "b": {"name": "b", "parent": "gone"}}, "b")

=== division-weights-made-up escalate sentry
--- index.py
"""The price index."""


def weighted(prices, weights):
    """Weighted mean of the prices."""
    total = sum(p * w for p, w in zip(prices, weights))
    return total / sum(weights)


def publish(day, prices, weights):
    return {"day": day, "index": round(weighted(prices, weights), 2)}
--- tests/test_index.py
from index import publish


def test_publish():
    assert publish("d", [1, 3], [1, 1])["index"] == 2
--- trigger
from index import publish
publish("2026-01-02", [1.5, 2.5], [0, 0])

=== none-caller-guard fix sentry
--- people.py
"""Looks people up in the directory."""

PEOPLE = {1: {"name": "Ann", "boss": None}, 2: {"name": "Bo", "boss": 1}}


def boss(number):
    """The person's boss, None for those who have none."""
    above = PEOPLE[number]["boss"]
    return PEOPLE[above] if above else None


def card(number):
    found = boss(number)
    return {"name": PEOPLE[number]["name"], "boss": found["name"] if found else "-"}


def line(number):
    """Name and boss; "-" for those without a boss."""
    return "%s < %s" % (PEOPLE[number]["name"], boss(number)["name"])
--- tests/test_people.py
from people import card, line


def test_people():
    assert card(1) == {"name": "Ann", "boss": "-"}
    assert line(2) == "Bo < Ann"
--- trigger
from people import line
line(1)
--- check
from people import line
assert line(1) == "Ann < -"
assert line(2) == "Bo < Ann"

=== none-in-mean fix sentry
--- sensors.py
"""Readings of the sensors. A reading is None when the sensor did not answer; those are left out."""


def mean(readings):
    """Mean of the readings that came in."""
    return sum(readings) / len(readings)


def day(rows):
    return {name: round(mean(values), 1) for name, values in rows.items()}
--- tests/test_sensors.py
from sensors import day


def test_day():
    assert day({"a": [1, 2]}) == {"a": 1.5}
--- trigger
from sensors import day
day({"a": [1.0, None, 3.0]})
--- check
from sensors import mean
assert mean([1.0, None, 3.0]) == 2.0
assert mean([4, 4]) == 4
'''
