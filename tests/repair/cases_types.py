"""Crashes on names, types, texts and times. See casework.py for the format."""

CASES = r'''
=== near-attribute fix sentry
--- members.py
"""Members of the club."""
from dataclasses import dataclass


@dataclass
class Member:
    name: str
    joined_year: int
    active: bool = True


def badge(member, year):
    years = year - member.join_year
    return "%s (%d)" % (member.name, years)


def badges(members, year):
    return [badge(m, year) for m in members if m.active]
--- tests/test_members.py
from members import Member, badges


def test_inactive():
    assert badges([Member("Ann", 2001, False)], 2020) == []
--- trigger
from members import Member, badges
badges([Member("Bo", 2015)], 2024)
--- check
from members import Member, badges
assert badges([Member("Bo", 2015)], 2024) == ["Bo (9)"]

=== intermediate-attribute fix sentry
--- orders/__init__.py
--- orders/model.py
from dataclasses import dataclass, field


@dataclass
class Customer:
    name: str
    email: str


@dataclass
class Order:
    number: str
    customer: Customer
    lines: list = field(default_factory=list)
--- orders/mails.py
"""Mails on orders."""
from orders.model import Order


def receipt(order: Order) -> dict:
    """The receipt mail of an order."""
    return {"to": order.email, "subject": "Order %s" % order.number}


def shipped(order: Order) -> dict:
    return {"to": order.customer.email, "subject": "Order %s is on its way" % order.number}
--- tests/test_mails.py
from orders.mails import shipped
from orders.model import Customer, Order


def test_shipped():
    assert shipped(Order("7", Customer("Ann", "a@x.org")))["to"] == "a@x.org"
--- trigger
from orders.mails import receipt
from orders.model import Customer, Order
receipt(Order("8", Customer("Bo", "b@x.org")))
--- check
from orders.mails import receipt
from orders.model import Customer, Order
assert receipt(Order("8", Customer("Bo", "b@x.org"))) == {"to": "b@x.org", "subject": "Order 8"}

=== property-called fix sentry
--- basket.py
class Basket:
    def __init__(self, lines=()):
        self.lines = list(lines)

    @property
    def total(self):
        """Sum in cents."""
        return sum(cents for _, cents in self.lines)

    def is_empty(self):
        return not self.lines


def summary(basket):
    if basket.is_empty():
        return "empty"
    return "%d lines, %.2f" % (len(basket.lines), basket.total() / 100)
--- tests/test_basket.py
from basket import Basket, summary


def test_empty():
    assert summary(Basket()) == "empty"
    assert Basket([("a", 5)]).total == 5
--- trigger
from basket import Basket, summary
summary(Basket([("tea", 350), ("cup", 700)]))
--- check
from basket import Basket, summary
assert summary(Basket([("tea", 350), ("cup", 700)])) == "2 lines, 10.50"

=== missing-import fix datadog
--- prices.py
"""Rounds prices."""
from decimal import Decimal


def rounded(price, step="0.05"):
    """The price rounded to the nearest step, halves up."""
    step = Decimal(step)
    return (Decimal(str(price)) / step).quantize(Decimal(1), rounding=ROUND_HALF_UP) * step


def show(price):
    return "%.2f" % rounded(price) if price >= 0 else "-"
--- tests/test_prices.py
from prices import show


def test_negative():
    assert show(-1) == "-"
--- trigger
from prices import show
show(1.13)
--- check
from prices import rounded, show
assert show(1.13) == "1.15"
assert show(1.12) == "1.10"

=== removed-alias fix sentry
--- merge.py
"""Merges nested settings."""
import collections


def merge(base, extra):
    """base with the entries of extra; mappings are merged, other values replaced."""
    result = dict(base)
    for key, value in extra.items():
        if key in result and isinstance(value, collections.Mapping):
            result[key] = merge(result[key], value)
        else:
            result[key] = value
    return result
--- tests/test_merge.py
from merge import merge


def test_flat():
    assert merge({"a": 1}, {"b": 2}) == {"a": 1, "b": 2}
--- trigger
from merge import merge
merge({"db": {"host": "a", "port": 1}}, {"db": {"port": 2}})
--- check
from merge import merge
assert merge({"db": {"host": "a", "port": 1}}, {"db": {"port": 2}}) == {"db": {"host": "a", "port": 2}}
assert merge({"a": 1}, {"a": 2}) == {"a": 2}

=== csv-number-origin fix sentry
--- stock/__init__.py
--- stock/reader.py
"""Reads the warehouse's CSV."""
import csv
import io
from dataclasses import dataclass


@dataclass
class Row:
    sku: str
    quantity: int
    price: float


def read(text):
    """Rows of the file, which has the columns sku, quantity and price."""
    rows = csv.DictReader(io.StringIO(text))
    return [Row(sku=r["sku"], quantity=r["quantity"], price=float(r["price"])) for r in rows]
--- stock/value.py
def line(row):
    return row.quantity * row.price


def total(rows):
    return round(sum(line(r) for r in rows), 2)
--- stock/report.py
from stock.reader import read
from stock.value import total


def report(text):
    rows = read(text)
    return {"articles": len(rows), "pieces": [r.quantity for r in rows], "value": total(rows)}
--- tests/test_stock.py
from stock.reader import Row, read
from stock.value import total


def test_total():
    assert total([Row("a", 2, 1.5)]) == 3.0


def test_read():
    assert read("sku,quantity,price\na,2,1.5\n")[0].price == 1.5
--- trigger
from stock.report import report
report("sku,quantity,price\na,2,1.50\nb,1,3\n")
--- check
from stock.report import report
assert report("sku,quantity,price\na,2,1.50\nb,1,3\n") == {"articles": 2, "pieces": [2, 1], "value": 6.0}

=== number-in-text fix cloudwatch
--- labels.py
"""Labels for parcels."""


def label(order):
    """ "A-" followed by the order's number, then the city in capitals."""
    return "A-" + order["number"] + " " + order["city"].upper()
--- tests/test_labels.py
from labels import label


def test_label():
    assert label({"number": "12", "city": "Rome"}) == "A-12 ROME"
--- trigger
from labels import label
label({"number": 4711, "city": "Oslo"})
--- check
from labels import label
assert label({"number": 4711, "city": "Oslo"}) == "A-4711 OSLO"
assert label({"number": "12", "city": "Rome"}) == "A-12 ROME"

=== bytes-signature fix sentry
--- webhook.py
"""Checks the signatures of webhooks."""
import hashlib
import hmac


def signature(secret, body):
    """Hex signature of a body. secret is text; body is what came over the wire, in bytes."""
    return hmac.new(secret, body, hashlib.sha256).hexdigest()


def valid(secret, body, given):
    return hmac.compare_digest(signature(secret, body), given)
--- tests/test_webhook.py
import hashlib

import webhook


def test_digest():
    assert webhook.hashlib is hashlib
--- trigger
from webhook import valid
valid("topsecret", b"{}", "00")
--- check
from webhook import signature, valid
import hashlib, hmac
want = hmac.new(b"topsecret", b"{}", hashlib.sha256).hexdigest()
assert signature("topsecret", b"{}") == want
assert valid("topsecret", b"{}", want)
assert not valid("topsecret", b"{}", "00")

=== decimal-float fix sentry
--- tax.py
"""Taxes on amounts of money, which are Decimal throughout."""
from decimal import Decimal

RATES = {"book": 0.07, "default": 0.19}


def tax(amount, kind):
    """Tax on an amount, rounded to cents."""
    rate = RATES.get(kind, RATES["default"])
    return (amount * rate).quantize(Decimal("0.01"))
--- tests/test_tax.py
from tax import RATES


def test_rates():
    assert float(RATES["book"]) == 0.07
--- trigger
from decimal import Decimal
from tax import tax
tax(Decimal("19.99"), "book")
--- check
from decimal import Decimal
from tax import tax
assert tax(Decimal("19.99"), "book") == Decimal("1.40")
assert tax(Decimal("100"), "tool") == Decimal("19.00")

=== dict-mutated fix sentry
--- sessions.py
"""Sessions of the chat server."""


class Sessions:
    def __init__(self):
        self.open = {}

    def touch(self, name, now):
        self.open[name] = now

    def expire(self, now, age=60):
        """Closes sessions older than age seconds; returns their names."""
        closed = []
        for name, seen in self.open.items():
            if now - seen > age:
                del self.open[name]
                closed.append(name)
        return closed
--- tests/test_sessions.py
from sessions import Sessions


def test_nothing_to_expire():
    s = Sessions()
    s.touch("a", 10)
    assert s.expire(20) == []
--- trigger
from sessions import Sessions
s = Sessions()
s.touch("a", 0)
s.touch("b", 100)
s.expire(110)
--- check
from sessions import Sessions
s = Sessions()
for n, t in (("a", 0), ("b", 100), ("c", 1)):
    s.touch(n, t)
assert s.expire(110) == ["a", "c"]
assert s.open == {"b": 100}

=== missing-await fix sentry
--- rates.py
"""Exchange rates."""
import asyncio


async def fetch(code):
    await asyncio.sleep(0)
    return {"EUR": {"rate": 1.0}, "USD": {"rate": 1.1}}[code]


async def convert(cents, code):
    """Cents in another currency."""
    row = fetch(code)
    return round(cents * row["rate"])


async def known(code):
    try:
        await fetch(code)
    except KeyError:
        return False
    return True
--- tests/test_rates.py
import asyncio

from rates import known


def test_known():
    assert asyncio.run(known("EUR"))
    assert not asyncio.run(known("XXX"))
--- trigger
import asyncio
from rates import convert
asyncio.run(convert(100, "USD"))
--- check
import asyncio
from rates import convert
assert asyncio.run(convert(100, "USD")) == 110

=== split-maxsplit fix sentry
--- envfile.py
"""Reads environment files: NAME=value, one a line."""


def parse(text):
    """Values by name. Empty lines and comments are left out."""
    found = {}
    for line in text.splitlines():
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        name, value = line.split("=")
        found[name.strip()] = value.strip()
    return found
--- tests/test_envfile.py
from envfile import parse


def test_parse():
    assert parse("A=1\n# x\n\nB = two\n") == {"A": "1", "B": "two"}
--- trigger
from envfile import parse
parse("A=1\nURL=http://x/?q=1\n")
--- check
from envfile import parse
assert parse("URL=http://x/?q=1&r=2\nK=a==") == {"URL": "http://x/?q=1&r=2", "K": "a=="}
try:
    parse("nonsense")
except ValueError:
    pass
else:
    raise AssertionError("a line without = is still an error")

=== items-forgotten fix sentry
--- report.py
def rows(totals):
    """(name, total) of a mapping of totals, by name."""
    return sorted((name, total) for name, total in totals)


def text(totals):
    return "\n".join("%s: %d" % row for row in rows(totals))
--- tests/test_report.py
from report import text


def test_nothing():
    assert text({}) == ""
--- trigger
from report import text
text({"north": 5, "south": 7})
--- check
from report import rows, text
assert text({"south": 7, "north": 5}) == "north: 5\nsouth: 7"

=== base64-padding fix sentry
--- tokens.py
"""Reads the claims of the gateway's tokens (three base64url parts, without padding)."""
import base64
import json


def claims(token):
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part))


def subject(token):
    return claims(token).get("sub")
--- tests/test_tokens.py
import base64

from tokens import subject


def test_subject():
    body = base64.urlsafe_b64encode(b'{"sub": "ab"}').decode()
    assert len(body) % 4 == 0 or body.endswith("=")
    assert subject("h.%s.s" % body) == "ab"
--- trigger
from tokens import subject
subject("h.eyJzdWIiOiAiYWJjZCJ9Cg.s")
--- check
from tokens import subject
assert subject("h.eyJzdWIiOiAiYWJjZCJ9Cg.s") == "abcd"
import base64
for name in ("a", "ab", "abc", "abcd"):
    part = base64.urlsafe_b64encode(b'{"sub": "%s"}' % name.encode()).decode().rstrip("=")
    assert subject("h.%s.s" % part) == name

=== aware-times fix sentry
--- tokenage.py
"""Ages of API tokens. All times are UTC."""
from datetime import datetime, timedelta

LIMIT = timedelta(days=90)


def expired(created, now):
    """Whether a token is older than the limit. created is ISO text, with or without an offset."""
    made = datetime.fromisoformat(created)
    return now - made > LIMIT
--- tests/test_tokenage.py
from datetime import datetime, timezone

from tokenage import expired

NOW = datetime(2024, 6, 1, tzinfo=timezone.utc)


def test_expired():
    assert expired("2024-01-01T00:00:00+00:00", NOW)
    assert not expired("2024-05-01T00:00:00+00:00", NOW)
--- trigger
from datetime import datetime, timezone
from tokenage import expired
expired("2024-01-01T00:00:00", datetime(2024, 6, 1, tzinfo=timezone.utc))
--- check
from datetime import datetime, timezone
from tokenage import expired
N = datetime(2024, 6, 1, tzinfo=timezone.utc)
assert expired("2024-01-01T00:00:00", N)
assert not expired("2024-05-20T00:00:00", N)
assert expired("2024-01-01T00:00:00+02:00", N)
assert expired("2024-03-03T01:00:00+02:00", N)

=== leap-day fix sentry
--- renewals.py
"""Renewals of yearly contracts."""
from datetime import date


def next_renewal(start: date, year: int) -> date:
    """The contract's day in the given year.

    Contracts of 29 February renew on the last day of the month in other years.
    """
    return start.replace(year=year)
--- tests/test_renewals.py
from datetime import date

from renewals import next_renewal


def test_plain():
    assert next_renewal(date(2020, 5, 6), 2023) == date(2023, 5, 6)
--- trigger
from datetime import date
from renewals import next_renewal
next_renewal(date(2024, 2, 29), 2025)
--- check
from datetime import date
from renewals import next_renewal
assert next_renewal(date(2024, 2, 29), 2025) == date(2025, 2, 28)
assert next_renewal(date(2024, 2, 29), 2028) == date(2028, 2, 29)

=== none-last-sort fix sentry
--- tasks.py
"""Task lists."""


def by_due(tasks):
    """Tasks by due date, earliest first; tasks without a date come last."""
    return sorted(tasks, key=lambda t: t["due"])


def titles(tasks):
    return [t["title"] for t in by_due(tasks)]
--- tests/test_tasks.py
from tasks import titles


def test_titles():
    assert titles([{"title": "b", "due": "2024-02-01"}, {"title": "a", "due": "2024-01-01"}]) == ["a", "b"]
--- trigger
from tasks import titles
titles([{"title": "a", "due": None}, {"title": "b", "due": "2024-01-01"}])
--- check
from tasks import titles
T = [{"title": "a", "due": None}, {"title": "b", "due": "2024-01-01"}, {"title": "c", "due": None}]
assert titles(T) == ["b", "a", "c"]

=== json-dates fix sentry
--- export.py
"""Exports events as JSON lines; moments are written in ISO 8601."""
import json
from datetime import datetime


def line(event):
    return json.dumps(event, sort_keys=True)


def lines(events):
    return "\n".join(line(e) for e in events)


def stamp(moment: datetime) -> str:
    return moment.isoformat()
--- tests/test_export.py
from export import lines


def test_lines():
    assert lines([{"b": 1, "a": 2}]) == '{"a": 2, "b": 1}'
--- trigger
from datetime import datetime
from export import lines
lines([{"at": datetime(2024, 5, 6, 7, 8), "what": "start"}])
--- check
from datetime import datetime
from export import lines
assert lines([{"at": datetime(2024, 5, 6, 7, 8)}]) == '{"at": "2024-05-06T07:08:00"}'
try:
    lines([{"x": object()}])
except TypeError:
    pass
else:
    raise AssertionError

=== single-or-list fix sentry
--- feed.py
"""Reads the XML gateway's documents as dicts.

A document with a single item holds it as an object instead of a list of one.
"""


def skus(document):
    return [item["sku"] for item in document["items"]]


def count(document):
    return len(skus(document))
--- tests/test_feed.py
from feed import count


def test_count():
    assert count({"items": [{"sku": "a"}, {"sku": "b"}]}) == 2
--- trigger
from feed import count
count({"items": {"sku": "a"}})
--- check
from feed import count, skus
assert skus({"items": {"sku": "a"}}) == ["a"]
assert count({"items": [{"sku": "a"}, {"sku": "b"}]}) == 2

=== empty-number fix sentry
--- form.py
"""Reads the order form."""


def quantity(form):
    """Number of pieces. The field may be left empty, which means 1."""
    return int(form.get("quantity", "1"))


def order(form):
    return {"sku": form["sku"], "quantity": quantity(form)}
--- tests/test_form.py
from form import order


def test_order():
    assert order({"sku": "a", "quantity": "3"}) == {"sku": "a", "quantity": 3}
    assert order({"sku": "a"})["quantity"] == 1
--- trigger
from form import order
order({"sku": "a", "quantity": ""})
--- check
from form import quantity
assert quantity({"quantity": ""}) == 1
assert quantity({"quantity": "4"}) == 4
try:
    quantity({"quantity": "many"})
except ValueError:
    pass
else:
    raise AssertionError

=== utf8-name fix sentry
--- exporter.py
"""Writes the address list. The file is UTF-8."""


def encode(rows):
    return "\n".join(";".join(row) for row in rows).encode("ascii")
--- tests/test_exporter.py
from exporter import encode


def test_encode():
    assert encode([("a", "b")]) == b"a;b"
--- trigger
from exporter import encode
encode([("Zoë", "Köln")])
--- check
from exporter import encode
assert encode([("Zoë", "Köln")]) == "Zoë;Köln".encode("utf-8")

=== float-index fix sentry
--- median.py
def middle(values):
    """The middle value; of an even number, the upper one of the two in the middle."""
    ordered = sorted(values)
    return ordered[len(ordered) / 2]
--- tests/test_median.py
import pytest

from median import middle


def test_needs_values():
    with pytest.raises(TypeError):
        middle(None)
--- trigger
from median import middle
middle([3, 1, 2])
--- check
from median import middle
assert middle([3, 1, 2]) == 2
assert middle([4, 1, 2, 3]) == 3

=== typo-name fix datadog
--- discount.py
def percent(cents, share):
    return cents * share // 100


def discounted(cents, percentage, minimum=0):
    """Price after a discount, never below the minimum."""
    reduced = cents - percent(cents, percentage)
    if reduced < minimum:
        return minimum
    return reducd
--- tests/test_discount.py
from discount import discounted


def test_minimum():
    assert discounted(100, 90, 50) == 50
--- trigger
from discount import discounted
discounted(1000, 10)
--- check
from discount import discounted
assert discounted(1000, 10) == 900

=== missing-argument fix sentry
--- mailer.py
"""Sends mails through a transport."""


def compose(to, subject, locale):
    greeting = {"en": "Hello", "de": "Hallo"}[locale]
    return {"to": to, "subject": subject, "body": greeting}


def welcome(user, locale="en"):
    return compose(user["mail"], "Welcome", locale)


def reminder(user, locale="en"):
    return compose(user["mail"], "Reminder")
--- tests/test_mailer.py
from mailer import welcome


def test_welcome():
    assert welcome({"mail": "a@x.org"}, "de")["body"] == "Hallo"
--- trigger
from mailer import reminder
reminder({"mail": "a@x.org"}, locale="de")
--- check
from mailer import reminder
assert reminder({"mail": "a@x.org"}, locale="de")["body"] == "Hallo"
assert reminder({"mail": "a@x.org"})["body"] == "Hello"
'''
