"""Crashes on missing values: None, keys, empty sequences, divisions. See casework.py for the format."""

CASES = r'''
=== profile-none fix sentry
--- app/profiles.py
"""Customer profiles as the mail service sees them."""


def display_name(profile):
    """Name to greet a customer by; customers without a name are greeted as "Customer"."""
    return profile.get("name").strip().title()


def greeting(profile):
    return "Dear %s," % display_name(profile)
--- app/__init__.py
--- tests/test_profiles.py
from app.profiles import display_name, greeting


def test_names():
    assert display_name({"name": " ann lee "}) == "Ann Lee"
    assert greeting({"name": "bo"}) == "Dear Bo,"
--- trigger
from app.profiles import greeting
greeting({"id": 5, "name": None, "mail": "x@example.org"})
--- check
from app.profiles import display_name, greeting
assert display_name({"name": None}) == "Customer"
assert display_name({}) == "Customer"
assert greeting({"name": "ann"}) == "Dear Ann,"

=== optional-json fix datadog
--- billing.py
"""Invoice totals from the billing API's documents."""


def discount(invoice):
    """Discount in cents.

    The field "discount" is optional; without it there is no discount, i.e. 0.
    """
    return invoice["discount"]["cents"]


def total(invoice):
    """Sum of the lines less the discount, in cents."""
    lines = sum(line["cents"] * line.get("quantity", 1) for line in invoice["lines"])
    return lines - discount(invoice)
--- tests/test_billing.py
from billing import total


def test_total():
    invoice = {"lines": [{"cents": 500}, {"cents": 250, "quantity": 2}], "discount": {"cents": 100}}
    assert total(invoice) == 900
--- trigger
from billing import total
total({"lines": [{"cents": 1200}]})
--- check
from billing import discount, total
assert total({"lines": [{"cents": 1200}]}) == 1200
assert total({"lines": [{"cents": 1200}], "discount": {"cents": 200}}) == 1000
assert discount({"lines": []}) == 0

=== sibling-default fix sentry
--- notify.py
"""Chooses channels for notifications."""


def email_of(user):
    return user.get("contact", {}).get("email", "")


def language(user):
    settings = user.get("settings") or {}
    return settings.get("language", "en")


def subject(user, subjects):
    """Subject line in the user's language."""
    code = user["settings"]["language"]
    return subjects.get(code, subjects["en"])
--- tests/test_notify.py
from notify import language, subject

SUBJECTS = {"en": "Hello", "de": "Hallo"}


def test_language():
    assert language({}) == "en"
    assert subject({"settings": {"language": "de"}}, SUBJECTS) == "Hallo"
--- trigger
from notify import subject
subject({"settings": {"theme": "dark"}}, {"en": "Hello", "de": "Hallo"})
--- check
from notify import subject
S = {"en": "Hello", "de": "Hallo"}
assert subject({"settings": {"theme": "dark"}}, S) == "Hello"
assert subject({"settings": {"language": "de"}}, S) == "Hallo"

=== average-empty fix sentry
--- stats.py
"""Figures of the delivery report."""


def summary(durations):
    """Mean, and share of deliveries under an hour.

    durations: minutes of each delivery. Without deliveries both figures are 0.0.
    """
    mean = sum(durations) / len(durations)
    fast = sum(1 for d in durations if d < 60) / len(durations)
    return {"mean": round(mean, 1), "fast": round(fast, 2)}


def by_city(rows):
    cities = {}
    for city, minutes in rows:
        cities.setdefault(city, [])
        if minutes is not None:
            cities[city].append(minutes)
    return {city: summary(values) for city, values in cities.items()}
--- tests/test_stats.py
from stats import by_city, summary


def test_summary():
    assert summary([30, 90]) == {"mean": 60.0, "fast": 0.5}
    assert by_city([("Rome", 10)]) == {"Rome": {"mean": 10.0, "fast": 1.0}}
--- trigger
from stats import by_city
by_city([("Rome", 20), ("Oslo", None)])
--- check
from stats import by_city, summary
assert summary([]) == {"mean": 0.0, "fast": 0.0}
assert by_city([("Oslo", None)]) == {"Oslo": {"mean": 0.0, "fast": 0.0}}
assert summary([30, 90]) == {"mean": 60.0, "fast": 0.5}

=== header-casing fix sentry
--- gateway.py
"""Reads what the gateway needs from request headers."""

REQUIRED = ("content-type", "x-request-id")


def normalized(headers):
    """Header names in lower case."""
    return {name.lower(): value for name, value in headers.items()}


def request_id(headers):
    """The id of the request. Header names are not case-sensitive."""
    return normalized(headers)["X-Request-Id"]


def log_line(method, path, headers):
    return "%s %s %s" % (request_id(headers), method, path)
--- tests/test_gateway.py
from gateway import normalized


def test_normalized():
    assert normalized({"Content-Type": "a"}) == {"content-type": "a"}
--- trigger
from gateway import log_line
log_line("GET", "/", {"X-Request-Id": "r-1", "Accept": "*/*"})
--- check
from gateway import log_line, request_id
assert request_id({"X-REQUEST-ID": "r-1"}) == "r-1"
assert log_line("GET", "/", {"x-request-id": "q"}) == "q GET /"
try:
    request_id({})
except KeyError:
    pass
else:
    raise AssertionError("a request without an id must be refused")

=== last-page-empty fix cloudwatch
--- paging.py
"""Cursor pagination over a listing."""


def next_cursor(page):
    """Cursor of the page after this one: the id of its last row, or None after an empty page."""
    rows = page["rows"]
    return rows[-1]["id"]


def collect(fetch, limit=10):
    """All rows, page by page."""
    found, cursor = [], None
    for _ in range(limit):
        page = fetch(cursor)
        found += page["rows"]
        cursor = next_cursor(page)
        if cursor is None:
            break
    return found
--- tests/test_paging.py
from paging import next_cursor


def test_cursor():
    assert next_cursor({"rows": [{"id": 3}, {"id": 9}]}) == 9
--- trigger
from paging import collect
pages = {None: {"rows": [{"id": 1}]}, 1: {"rows": []}}
collect(pages.get)
--- check
from paging import collect, next_cursor
assert next_cursor({"rows": []}) is None
pages = {None: {"rows": [{"id": 1}]}, 1: {"rows": []}}
assert collect(pages.get) == [{"id": 1}]

=== unset-branch fix sentry
--- shipping.py
"""Shipping labels."""


def label(order):
    """Text of the label. Parcels that are not express carry an empty badge."""
    weight = order["grams"] / 1000
    if order.get("express"):
        badge = "EXPRESS "
    return "%s%s %.1f kg" % (badge, order["city"], weight)
--- tests/test_shipping.py
from shipping import label


def test_express():
    assert label({"grams": 1500, "city": "Bonn", "express": True}) == "EXPRESS Bonn 1.5 kg"
--- trigger
from shipping import label
label({"grams": 400, "city": "Graz", "express": False})
--- check
from shipping import label
assert label({"grams": 400, "city": "Graz", "express": False}) == "Graz 0.4 kg"
assert label({"grams": 1500, "city": "Bonn", "express": True}) == "EXPRESS Bonn 1.5 kg"

=== skip-documented fix sentry
--- imports.py
"""Imports product rows from the supplier's feed.

Rows without a price are skipped: the supplier sends them before a product is on sale.
"""


def cents(text):
    return int(round(float(text.replace(",", ".")) * 100))


def products(rows):
    """Products by SKU, with their price in cents."""
    found = {}
    for row in rows:
        price = cents(row.get("price"))
        found[row["sku"]] = price
    return found
--- tests/test_imports.py
from imports import products


def test_products():
    assert products([{"sku": "a", "price": "1,50"}]) == {"a": 150}
--- trigger
from imports import products
products([{"sku": "a", "price": "2.00"}, {"sku": "b", "price": None}])
--- check
from imports import products
assert products([{"sku": "a", "price": "2.00"}, {"sku": "b", "price": None}]) == {"a": 200}
assert products([{"sku": "b"}, {"sku": "c", "price": "3"}]) == {"c": 300}

=== documented-error fix sentry
--- accounts.py
"""Accounts of the ledger."""


class UnknownAccount(LookupError):
    """There is no such account; the API answers 404."""


ACCOUNTS = {"a-1": {"owner": "Ann", "cents": 500}}


def owner(number):
    """Owner of an account. Raises UnknownAccount if there is none with this number."""
    account = ACCOUNTS.get(number)
    if account is None:
        raise UnknownAccount(number)
    return account["owner"]


def balance(number):
    """Balance in cents. Raises UnknownAccount if there is none with this number."""
    return ACCOUNTS[number]["cents"]
--- tests/test_accounts.py
import pytest

from accounts import UnknownAccount, balance, owner


def test_known():
    assert balance("a-1") == 500
    assert owner("a-1") == "Ann"


def test_unknown_owner():
    with pytest.raises(UnknownAccount):
        owner("zz")
--- trigger
from accounts import balance
balance("a-9")
--- check
from accounts import UnknownAccount, balance
try:
    balance("nope")
except UnknownAccount:
    pass
else:
    raise AssertionError
assert balance("a-1") == 500

=== max-of-empty fix datadog
--- leaderboard.py
"""Scores of the weekly game."""


def best(scores):
    """Highest score of a player; 0 for a player who has not played."""
    return max(scores)


def table(players):
    """(name, best score), best first."""
    rows = [(name, best(scores)) for name, scores in players.items()]
    return sorted(rows, key=lambda r: (-r[1], r[0]))
--- tests/test_leaderboard.py
from leaderboard import table


def test_table():
    assert table({"a": [3, 9], "b": [10]}) == [("b", 10), ("a", 9)]
--- trigger
from leaderboard import table
table({"a": [4], "new": []})
--- check
from leaderboard import best, table
assert best([]) == 0
assert best([-5]) == -5
assert table({"a": [4], "new": []}) == [("a", 4), ("new", 0)]

=== match-none fix sentry
--- versions.py
"""Parses the version tags of releases."""
import re

TAG = re.compile(r"v?(\d+)\.(\d+)(?:\.(\d+))?$")


def parse(tag):
    """(major, minor, patch) of a tag, or None when the tag is not a version."""
    match = TAG.match(tag)
    return tuple(int(part or 0) for part in match.groups())


def newest(tags):
    """The highest version; tags that are not versions do not count."""
    versions = [v for v in (parse(tag) for tag in tags) if v is not None]
    return max(versions, default=None)
--- tests/test_versions.py
from versions import newest, parse


def test_parse():
    assert parse("v1.2") == (1, 2, 0)
    assert newest(["v1.2", "1.10.1"]) == (1, 10, 1)
--- trigger
from versions import newest
newest(["v1.2", "nightly"])
--- check
from versions import newest, parse
assert parse("nightly") is None
assert newest(["v1.2", "nightly"]) == (1, 2, 0)
assert newest(["nightly"]) is None

=== none-arg-origin fix sentry
--- store/__init__.py
--- store/catalog.py
"""The catalog: products with their tags."""


class Product:
    """A product. tags: list of words; a product may have none."""

    def __init__(self, sku, tags=None):
        self.sku = sku
        self.tags = tags

    def tagged(self, word):
        return word in self.tags
--- store/search.py
from store.catalog import Product


def load(documents):
    return [Product(d["sku"], d.get("tags")) for d in documents]


def find(products, word):
    """SKUs of the products with a tag."""
    return [p.sku for p in products if p.tagged(word)]
--- store/api.py
from store.search import find, load


def search(documents, word):
    return {"hits": find(load(documents), word)}
--- tests/test_store.py
from store.api import search


def test_search():
    assert search([{"sku": "a", "tags": ["red"]}], "red") == {"hits": ["a"]}
--- trigger
from store.api import search
search([{"sku": "a", "tags": ["red"]}, {"sku": "b"}], "red")
--- check
from store.api import search
from store.catalog import Product
assert search([{"sku": "a", "tags": ["red"]}, {"sku": "b"}], "red") == {"hits": ["a"]}
assert Product("x").tagged("red") is False

=== no-value-known escalate sentry
--- pricing.py
"""Prices of tickets."""

RATES = {"adult": 1200, "child": 600}


def fare(kind, zones):
    return RATES[kind] * zones
--- tests/test_pricing.py
from pricing import fare


def test_fare():
    assert fare("adult", 2) == 2400
--- trigger
from pricing import fare
fare("senior", 3)
--- check

=== data-corrupt escalate sentry
--- ledger.py
"""Postings of the ledger."""


def amount(posting):
    return posting["amount"] * 100


def balance(postings):
    """Balance of an account in cents."""
    return int(sum(amount(p) for p in postings))
--- tests/test_ledger.py
from ledger import balance


def test_balance():
    assert balance([{"amount": 1.5}, {"amount": -0.5}]) == 100
--- trigger
from ledger import balance
balance([{"id": 1, "amount": 2.0}, {"id": 2, "amount": None}])
--- check

=== zero-unknown escalate sentry
--- rates.py
"""Exchange of currencies."""


def convert(cents, rate_from, rate_to):
    return round(cents * rate_to / rate_from)
--- tests/test_rates.py
from rates import convert


def test_convert():
    assert convert(100, 1.0, 2.0) == 200
--- trigger
from rates import convert
convert(500, 0.0, 1.1)
--- check

=== env-optional fix sentry
--- worker.py
"""The worker's settings come from the environment.

WORKER_BATCH: rows of a batch, optional, default 50.
QUEUE_URL: where the jobs are; required.
"""
import os


def batch_size():
    return int(os.environ["WORKER_BATCH"])


def batches(rows):
    size = batch_size()
    return [rows[i : i + size] for i in range(0, len(rows), size)]
--- tests/test_worker.py
from worker import batches


def test_batches(monkeypatch):
    monkeypatch.setenv("WORKER_BATCH", "2")
    assert batches([1, 2, 3]) == [[1, 2], [3]]
--- trigger
import os
os.environ.pop("WORKER_BATCH", None)
from worker import batches
batches([1, 2, 3])
--- check
import os
from worker import batch_size, batches
os.environ.pop("WORKER_BATCH", None)
assert batch_size() == 50
assert batches([1, 2, 3]) == [[1, 2, 3]]
os.environ["WORKER_BATCH"] = "2"
assert batches([1, 2, 3]) == [[1, 2], [3]]

=== env-required escalate sentry
--- worker.py
"""The worker's settings come from the environment.

QUEUE_URL: where the jobs are; required.
"""
import os


def queue_url():
    return os.environ["QUEUE_URL"].rstrip("/")
--- tests/test_worker.py
from worker import queue_url


def test_url(monkeypatch):
    monkeypatch.setenv("QUEUE_URL", "http://q/")
    assert queue_url() == "http://q"
--- trigger
import os
os.environ.pop("QUEUE_URL", None)
from worker import queue_url
queue_url()
--- check

=== caller-handles-none fix sentry
--- users.py
"""Users by mail address."""


def find(users, mail):
    """The user with this address."""
    return next(u for u in users if u["mail"].lower() == mail.lower())


def sign_in(users, mail):
    user = find(users, mail)
    if user is None:
        return 401, "unknown user"
    return 200, user["name"]
--- tests/test_users.py
from users import sign_in

USERS = [{"mail": "a@x.org", "name": "Ann"}]


def test_sign_in():
    assert sign_in(USERS, "A@x.org") == (200, "Ann")
--- trigger
from users import sign_in
sign_in([{"mail": "a@x.org", "name": "Ann"}], "b@x.org")
--- check
from users import find, sign_in
U = [{"mail": "a@x.org", "name": "Ann"}]
assert sign_in(U, "b@x.org") == (401, "unknown user")
assert find(U, "b@x.org") is None
assert sign_in(U, "a@x.org") == (200, "Ann")

=== queue-pop-empty fix sentry
--- jobs.py
"""A small queue of jobs in memory."""
from collections import deque


class Jobs:
    def __init__(self):
        self._waiting = deque()
        self.done = 0

    def put(self, job):
        self._waiting.append(job)

    def take(self):
        """The oldest job, or None when no job is waiting."""
        job = self._waiting.popleft()
        self.done += 1
        return job


def drain(jobs):
    found = []
    while (job := jobs.take()) is not None:
        found.append(job)
    return found
--- tests/test_jobs.py
from jobs import Jobs


def test_take():
    jobs = Jobs()
    jobs.put("a")
    assert jobs.take() == "a"
    assert jobs.done == 1
--- trigger
from jobs import Jobs, drain
jobs = Jobs()
jobs.put("a")
drain(jobs)
--- check
from jobs import Jobs, drain
jobs = Jobs()
assert jobs.take() is None and jobs.done == 0
jobs.put("a")
assert drain(jobs) == ["a"] and jobs.done == 1
'''
