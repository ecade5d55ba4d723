"""Crashes whose origin lies elsewhere, and crashes that are for a person. See casework.py for the format."""

CASES = r'''
=== deliberate-helper escalate sentry
--- limits.py
"""Upload limits."""


class LimitError(Exception):
    pass


def fail(message, *args):
    raise LimitError(message % args)


def check(size, limit):
    if size > limit:
        fail("%d bytes are more than %d", size, limit)


def upload(files, limit=100):
    for size in files:
        check(size, limit)
    return len(files)
--- tests/test_limits.py
from limits import upload


def test_upload():
    assert upload([1, 2]) == 2
--- trigger
from limits import upload
upload([50, 5000])
--- check

=== deliberate-from escalate sentry
--- config.py
"""Reads the deployment's configuration."""
import json


class ConfigError(Exception):
    """The configuration cannot be used; a person has to mend it."""


def load(text):
    try:
        data = json.loads(text)
        return {"host": data["host"], "port": int(data["port"])}
    except (KeyError, ValueError) as error:
        raise ConfigError("bad configuration: %s" % error) from error
--- tests/test_config.py
from config import load


def test_load():
    assert load('{"host": "a", "port": "1"}') == {"host": "a", "port": 1}
--- trigger
from config import load
load('{"host": "a"}')
--- check

=== assert-invariant escalate datadog
--- transfer.py
def transfer(accounts, source, target, cents):
    before = sum(accounts.values())
    accounts[source] -= cents
    accounts[target] = accounts.get(target, 0) + cents
    assert accounts[source] >= 0, "overdrawn"
    return before
--- tests/test_transfer.py
from transfer import transfer


def test_transfer():
    assert transfer({"a": 5, "b": 1}, "a", "b", 2) == 6
--- trigger
from transfer import transfer
transfer({"a": 5, "b": 1}, "a", "b", 9)
--- check

=== tls-expired escalate sentry
--- client.py
import ssl


def connect(open_=None):
    try:
        return open_()
    except ssl.SSLError:
        raise
--- tests/test_client.py
from client import connect


def test_connect():
    assert connect(lambda: 3) == 3
--- trigger
import ssl
from client import connect
def boom():
    raise ssl.SSLCertVerificationError(1, "[SSL: CERTIFICATE_VERIFY_FAILED] certificate has expired")
connect(boom)
--- check

=== timeout-upstream escalate cloudwatch
--- quotes.py
def quote(fetch, symbol):
    row = fetch(symbol)
    return row["bid"], row["ask"]


def spread(fetch, symbol):
    bid, ask = quote(fetch, symbol)
    return ask - bid
--- tests/test_quotes.py
from quotes import spread


def test_spread():
    assert spread(lambda s: {"bid": 1, "ask": 3}, "x") == 2
--- trigger
from quotes import spread
def fetch(symbol):
    raise TimeoutError("timed out")
spread(fetch, "ABC")
--- check

=== schema-missing-column escalate sentry
--- repo.py
import sqlite3


def names(db):
    return [r[0] for r in db.execute("SELECT nickname FROM users ORDER BY id")]
--- tests/test_repo.py
import sqlite3

from repo import names


def test_names():
    db = sqlite3.connect(":memory:")
    db.execute("CREATE TABLE users (id INTEGER, nickname TEXT)")
    assert names(db) == []
--- trigger
import sqlite3
from repo import names
db = sqlite3.connect(":memory:")
db.execute("CREATE TABLE users (id INTEGER, name TEXT)")
names(db)
--- check

=== disk-full escalate sentry
--- spool.py
import errno


def write(file, text):
    file.write(text)
    return len(text)
--- tests/test_spool.py
import io

from spool import write


def test_write():
    assert write(io.StringIO(), "abc") == 3
--- trigger
from spool import write
class Full:
    def write(self, text):
        raise OSError(28, "No space left on device")
write(Full(), "abc")
--- check

=== upstream-null escalate sentry
--- weather.py
"""Forecasts from the weather service."""


def forecast(answer):
    return [(day["date"], day["max"]) for day in answer["days"]]


def hottest(answer):
    return max(forecast(answer), key=lambda row: row[1])
--- tests/test_weather.py
from weather import hottest


def test_hottest():
    assert hottest({"days": [{"date": "a", "max": 3}, {"date": "b", "max": 9}]}) == ("b", 9)
--- trigger
from weather import hottest
hottest({"days": None, "error": "internal"})
--- check

=== ambiguous-key escalate sentry
--- routing.py
"""Chooses the depot for a parcel."""

DEPOTS = {"10": "north", "20": "south"}


def depot(postcode):
    return DEPOTS[postcode[:2]]
--- tests/test_routing.py
from routing import depot


def test_depot():
    assert depot("10115") == "north"
--- trigger
from routing import depot
depot("99999")
--- check

=== bad-json-data escalate sentry
--- events.py
import json


def read(text):
    return [json.loads(line) for line in text.splitlines()]
--- tests/test_events.py
from events import read


def test_read():
    assert read('{"a": 1}\n{"a": 2}') == [{"a": 1}, {"a": 2}]
--- trigger
from events import read
read('{"a": 1}\n{"a": \n')
--- check

=== documented-raise escalate sentry
--- dates.py
"""Dates of bookings."""
from datetime import date


def day(text):
    """The date of a text like 2024-05-31. Raises ValueError if it is no such date."""
    year, month, number = text.split("-")
    return date(int(year), int(month), int(number))


def nights(first, last):
    return (day(last) - day(first)).days
--- tests/test_dates.py
from dates import nights


def test_nights():
    assert nights("2024-05-30", "2024-06-02") == 3
--- trigger
from dates import nights
nights("2024-05-30", "2024-05-33")
--- check

=== memory escalate sentry
--- grid.py
def grid(width, height):
    return [[0] * width for _ in range(height)]


def build(make, width, height):
    return make(width, height)
--- tests/test_grid.py
from grid import grid


def test_grid():
    assert grid(2, 1) == [[0, 0]]
--- trigger
from grid import build
def make(w, h):
    raise MemoryError()
build(make, 10**9, 10**9)
--- check

=== sign-in escalate sentry
--- push.py
class PushError(Exception):
    pass


def send(post, device, text):
    answer = post(device, text)
    if answer["status"] == 401:
        raise PushError("401 Unauthorized: invalid api key")
    return answer["id"]
--- tests/test_push.py
from push import send


def test_send():
    assert send(lambda d, t: {"status": 200, "id": 5}, "d", "t") == 5
--- trigger
from push import send
send(lambda d, t: {"status": 401}, "d", "t")
--- check

=== two-files-away fix sentry
--- shop/__init__.py
--- shop/parsing.py
"""Reads order lines from the form."""


def parse(form):
    """The line of a form: sku, price in cents and quantity as numbers."""
    return {"sku": form["sku"], "price": int(form["price"]), "quantity": form["quantity"]}
--- shop/totals.py
def line_total(line):
    cents = line["price"] * 1
    if line["quantity"] > 10:
        cents = cents * 9 // 10
    return cents * line["quantity"]


def order_total(lines):
    return sum(line_total(l) for l in lines)
--- shop/checkout.py
from shop.parsing import parse
from shop.totals import order_total


def checkout(forms):
    lines = [parse(f) for f in forms]
    return {"lines": lines, "total": order_total(lines)}
--- tests/test_shop.py
from shop.totals import order_total


def test_total():
    assert order_total([{"price": 100, "quantity": 2}]) == 200
    assert order_total([{"price": 100, "quantity": 20}]) == 1800
--- trigger
from shop.checkout import checkout
checkout([{"sku": "a", "price": "100", "quantity": "2"}])
--- check
from shop.checkout import checkout
got = checkout([{"sku": "a", "price": "100", "quantity": "2"}])
assert got == {"lines": [{"sku": "a", "price": 100, "quantity": 2}], "total": 200}
assert checkout([{"sku": "a", "price": "100", "quantity": "20"}])["total"] == 1800

=== returns-none-elsewhere fix sentry
--- repo/__init__.py
--- repo/tags.py
"""Tags of articles."""

TAGS = {"a1": ["news", "city"]}


def tags_of(article):
    """Tags of an article; an article without tags has an empty list."""
    if article in TAGS:
        return TAGS[article]
--- repo/page.py
from repo.tags import tags_of


def title(article, name):
    tags = ", ".join(sorted(tags_of(article)))
    return "%s [%s]" % (name, tags)
--- tests/test_page.py
from repo.page import title


def test_title():
    assert title("a1", "Hall") == "Hall [city, news]"
--- trigger
from repo.page import title
title("b2", "Park")
--- check
from repo.page import title
from repo.tags import tags_of
assert title("b2", "Park") == "Park []"
assert tags_of("b2") == []
assert tags_of("a1") == ["news", "city"]

=== method-object-state fix datadog
--- cart.py
"""Shopping carts."""


class Cart:
    def __init__(self, coupon=None):
        self.coupon = coupon
        self.lines = []

    def add(self, sku, cents, count=1):
        self.lines.append((sku, cents, count))
        return self

    def subtotal(self):
        return sum(cents * count for _, cents, count in self.lines)

    def discount(self):
        """Discount in cents; carts without a coupon get 0."""
        return self.subtotal() * self.coupon["percent"] // 100

    def total(self):
        return self.subtotal() - self.discount()
--- tests/test_cart.py
from cart import Cart


def test_total():
    cart = Cart({"percent": 10})
    cart.add("a", 1000, 2)
    assert cart.subtotal() == 2000
    assert cart.total() == 1800
--- trigger
from cart import Cart
Cart().add("a", 500).total()
--- check
from cart import Cart
assert Cart().add("a", 500).total() == 500
assert Cart({"percent": 10}).add("a", 500).total() == 450
assert Cart().discount() == 0

=== ratio-weights fix sentry
--- score.py
"""Scores of reviewers."""


def weighted(scores, weights):
    """Weighted mean of scores. Without any weight, all scores count the same."""
    total = sum(weights)
    return sum(s * w for s, w in zip(scores, weights)) / total


def rate(hits, visits):
    """Hits for each visit; 0.0 when there were no visits."""
    return hits / visits


def report(day):
    return {"rate": round(rate(day["hits"], day["visits"]), 3)}
--- tests/test_score.py
from score import report, weighted


def test_scores():
    assert weighted([1, 3], [1, 1]) == 2
    assert report({"hits": 1, "visits": 4}) == {"rate": 0.25}
--- trigger
from score import report
report({"hits": 0, "visits": 0})
--- check
from score import rate, report
assert report({"hits": 0, "visits": 0}) == {"rate": 0.0}
assert isinstance(rate(0, 0), float)
assert rate(1, 2) == 0.5

=== sibling-guard fix sentry
--- gauges.py
"""Gauges of the plant."""


def mean(values):
    if not values:
        return None
    return sum(values) / len(values)


def spread(values):
    return max(values) - min(values)


def line(name, values):
    middle, wide = mean(values), spread(values)
    if middle is None:
        return "%s: no data" % name
    return "%s: %.1f (%s)" % (name, middle, wide)
--- tests/test_gauges.py
from gauges import line, mean


def test_line():
    assert line("t", [1, 3]) == "t: 2.0 (2)"
    assert mean([]) is None
--- trigger
from gauges import line
line("t", [])
--- check
from gauges import line, spread
assert line("t", []) == "t: no data"
assert spread([]) is None

=== listed-wrong-case fix cloudwatch
--- country.py
"""Country names by ISO code. Codes are accepted in any case."""

NAMES = {"DE": "Germany", "IT": "Italy", "FR": "France"}


def name(code):
    """Name of a country. Raises KeyError for codes that are not listed."""
    return NAMES[code.strip()]


def line(address):
    return "%s, %s" % (address["city"], name(address["country"]))
--- tests/test_country.py
import pytest

from country import line, name


def test_name():
    assert name("DE") == "Germany"
    assert line({"city": "Rome", "country": "IT"}) == "Rome, Italy"
    with pytest.raises(KeyError):
        name("XX")
--- trigger
from country import line
line({"city": "Berlin", "country": "de"})
--- check
from country import line, name
assert line({"city": "Berlin", "country": "de"}) == "Berlin, Germany"
assert name(" It ") == "Italy"
try:
    name("xx")
except KeyError:
    pass
else:
    raise AssertionError

=== row-too-short fix sentry
--- bank.py
"""Reads bank statements: date;amount;text, a posting a line.

Lines with fewer columns are remarks of the bank and are ignored.
"""


def postings(text):
    found = []
    for line in text.splitlines():
        columns = line.split(";")
        found.append((columns[0], int(columns[1]), columns[2]))
    return found
--- tests/test_bank.py
from bank import postings


def test_postings():
    assert postings("2024-01-01;5;tea") == [("2024-01-01", 5, "tea")]
--- trigger
from bank import postings
postings("2024-01-01;5;tea\nend of statement\n")
--- check
from bank import postings
found = postings("2024-01-01;5;tea\nend of statement\n2024-01-02;7;cup")
assert found == [("2024-01-01", 5, "tea"), ("2024-01-02", 7, "cup")]

=== strip-newline-int fix sentry
--- counters.py
"""Reads counter files: one number, with thousands separators as in 1,250."""


def read(text):
    return int(text)


def total(texts):
    return sum(read(t) for t in texts)
--- tests/test_counters.py
from counters import total


def test_total():
    assert total(["5", "10"]) == 15
--- trigger
from counters import total
total(["12", "1,250"])
--- check
from counters import read, total
assert total(["12", "1,250"]) == 1262
assert read("1,000,000") == 1000000
try:
    read("x")
except ValueError:
    pass
else:
    raise AssertionError

=== wrong-key-spelling fix sentry
--- inventory.py
"""Stock levels."""


def load(rows):
    return {r["sku"]: {"on_hand": r["count"], "reserved": r.get("reserved", 0)} for r in rows}


def free(stock, sku):
    """Pieces that can be sold."""
    level = stock[sku]
    return level["onhand"] - level["reserved"]
--- tests/test_inventory.py
from inventory import load


def test_load():
    assert load([{"sku": "a", "count": 5}]) == {"a": {"on_hand": 5, "reserved": 0}}
--- trigger
from inventory import free, load
free(load([{"sku": "a", "count": 5, "reserved": 2}]), "a")
--- check
from inventory import free, load
assert free(load([{"sku": "a", "count": 5, "reserved": 2}]), "a") == 3

=== global-counter fix sentry
--- ids.py
"""Running numbers for tickets."""

last = 0


def next_id(prefix="T"):
    """The next number; numbers start with 1."""
    last += 1
    return "%s-%d" % (prefix, last)


def peek():
    return last
--- tests/test_ids.py
from ids import peek


def test_peek():
    assert peek() == 0
--- trigger
from ids import next_id
next_id()
--- check
from ids import next_id, peek
assert next_id() == "T-1"
assert next_id("X") == "X-2"
assert peek() == 2

=== unicode-data escalate sentry
--- names.py
def decode(raw):
    return raw.decode("utf-8").strip()
--- tests/test_names.py
from names import decode


def test_decode():
    assert decode(b" a ") == "a"
--- trigger
from names import decode
decode(b"Z\xfcrich")
--- check

=== recursion-data escalate sentry
--- tree.py
def depth(node):
    return 1 + max([depth(c) for c in node["children"]], default=0)
--- tests/test_tree.py
from tree import depth


def test_depth():
    assert depth({"children": [{"children": []}]}) == 2
--- trigger
from tree import depth
a = {"children": []}
a["children"].append(a)
depth(a)
--- check
'''
