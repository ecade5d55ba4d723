"""A third set of broken programs, written after the repairer; see tests/repair/casework.py for the format."""

CASES = r'''
=== tempting-doc-fare escalate sentry
--- fares.py
"""Fares of the tram.

Children under 6 ride for free. A day ticket costs 780, a single ticket 300.
"""

PRICES = {"single": 300, "day": 780}


def fare(ticket, zones=1):
    """Fare in cents. The first zone is included; each further zone costs 100."""
    return PRICES[ticket] + 100 * (zones - 1)
--- tests/test_fares.py
from fares import fare


def test_fare():
    assert fare("day", 2) == 880
--- trigger
from fares import fare
fare("weekly", 2)
--- check

=== tempting-none-branch escalate datadog
--- ledger.py
def owner_of(accounts, number):
    if not number:
        return None
    account = accounts[number]
    return account["owner"]["name"]


def statement(accounts, number):
    return "Account of %s" % owner_of(accounts, number)
--- tests/test_ledger.py
from ledger import owner_of, statement


def test_owner():
    accounts = {"1": {"owner": {"name": "Ann"}}}
    assert statement(accounts, "1") == "Account of Ann"
    assert owner_of(accounts, "") is None
--- trigger
from ledger import statement
statement({"1": {"owner": None}}, "1")
--- check

=== upstream-partial escalate sentry
--- sync.py
"""Copies prices from the supplier's API, which sends every product with its price."""


def prices(answer):
    """Price in cents by SKU."""
    return {p["sku"]: int(p["price"] * 100) for p in answer["products"]}
--- tests/test_sync.py
from sync import prices


def test_prices():
    assert prices({"products": [{"sku": "a", "price": 1.5}]}) == {"a": 150}
--- trigger
from sync import prices
prices({"products": [{"sku": "a", "price": 1.5}, {"sku": "b"}]})
--- check

=== dns escalate datadog
--- geo.py
import socket


def resolve(host, lookup=socket.gethostbyname):
    return lookup(host)
--- tests/test_geo.py
from geo import resolve


def test_resolve():
    assert resolve("a", lambda h: "1.2.3.4") == "1.2.3.4"
--- trigger
import socket
from geo import resolve
def lookup(host):
    raise socket.gaierror(-2, "Name or service not known")
resolve("db.internal", lookup)
--- check

=== reraise-context escalate sentry
--- jobs.py
class JobFailed(Exception):
    pass


def run(job):
    try:
        return job["work"](job["value"])
    except Exception as error:
        raise JobFailed("job %s failed" % job["id"]) from error
--- tests/test_jobs.py
from jobs import run


def test_run():
    assert run({"id": 1, "work": len, "value": "ab"}) == 2
--- trigger
from jobs import run
run({"id": 9, "work": len, "value": None})
--- check

=== key-guard escalate sentry
--- plans.py
class UnknownPlan(KeyError):
    pass


class Plans:
    def __init__(self, plans):
        self._plans = dict(plans)

    def __getitem__(self, name):
        if name not in self._plans:
            raise UnknownPlan(name)
        return self._plans[name]


def seats(plans, name):
    return plans[name]["seats"]
--- tests/test_plans.py
from plans import Plans, seats


def test_seats():
    assert seats(Plans({"pro": {"seats": 5}}), "pro") == 5
--- trigger
from plans import Plans, seats
seats(Plans({"pro": {"seats": 5}}), "team")
--- check

=== config-int fix sentry
--- pool.py
"""Connection pool.

Settings come from the INI file, so every value is text; size and timeout are numbers.
"""


class Pool:
    def __init__(self, size: int, timeout: float):
        self.size = size
        self.timeout = timeout
        self.used = 0

    def free(self) -> int:
        return self.size - self.used


def from_settings(section: dict) -> Pool:
    return Pool(section["size"], float(section["timeout"]))
--- status.py
from pool import from_settings


def status(section):
    pool = from_settings(section)
    return "%d of %s free" % (pool.free(), pool.size)
--- tests/test_pool.py
from pool import Pool


def test_free():
    assert Pool(5, 1.0).free() == 5
--- trigger
from status import status
status({"size": "8", "timeout": "2.5"})
--- check
from pool import from_settings
from status import status
assert status({"size": "8", "timeout": "2.5"}) == "8 of 8 free"
assert from_settings({"size": "8", "timeout": "2.5"}).size == 8

=== optional-callback fix sentry
--- upload.py
"""Uploads files in parts. progress is called after each part; it may be None."""


def upload(parts, send, progress=None):
    """Sends the parts; returns the number of bytes."""
    done = 0
    for part in parts:
        send(part)
        done += len(part)
        progress(done)
    return done
--- tests/test_upload.py
from upload import upload


def test_upload():
    seen = []
    assert upload(["ab", "c"], lambda p: None, seen.append) == 3
    assert seen == [2, 3]
--- trigger
from upload import upload
upload(["ab"], len)
--- check
from upload import upload
assert upload(["ab", "c"], len) == 3
seen = []
assert upload(["ab", "c"], len, seen.append) == 3
assert seen == [2, 3]

=== empty-choice fix sentry
--- banner.py
"""Chooses banners for pages."""
import random


def choose(banners, kind):
    """A banner of the kind, by chance; None if there is none of this kind."""
    fitting = [b for b in banners if b["kind"] == kind]
    return random.choice(fitting)


def html(banners, kind):
    banner = choose(banners, kind)
    return "" if banner is None else "<img src='%s'>" % banner["src"]
--- tests/test_banner.py
from banner import html


def test_html():
    assert html([{"kind": "top", "src": "a.png"}], "top") == "<img src='a.png'>"
--- trigger
from banner import html
html([{"kind": "top", "src": "a.png"}], "side")
--- check
from banner import choose, html
assert html([{"kind": "top", "src": "a.png"}], "side") == ""
assert choose([], "top") is None

=== strptime-zulu fix datadog
--- audit.py
"""Audit log lines start with an ISO 8601 moment in UTC, with or without fractions of a second."""
from datetime import datetime


def moment(line):
    return datetime.strptime(line.split(" ", 1)[0], "%Y-%m-%dT%H:%M:%S")


def span(lines):
    """Seconds from the first to the last line."""
    times = [moment(l) for l in lines]
    return (max(times) - min(times)).total_seconds()
--- tests/test_audit.py
from audit import span


def test_span():
    assert span(["2024-01-01T00:00:00 a", "2024-01-01T00:01:00 b"]) == 60.0
--- trigger
from audit import span
span(["2024-01-01T00:00:00 a", "2024-01-01T00:00:01.500 b"])
--- check
from audit import span
assert span(["2024-01-01T00:00:00 a", "2024-01-01T00:00:01.500 b"]) == 1.5
assert span(["2024-01-01T00:00:00 a", "2024-01-01T00:01:00 b"]) == 60.0

=== set-pop fix sentry
--- peers.py
"""Peers that the scheduler may ask."""


class Peers:
    def __init__(self, names=()):
        self.names = set(names)

    def leave(self, name):
        """Takes a peer off; peers that are not known are ignored."""
        self.names.remove(name)
        return len(self.names)
--- tests/test_peers.py
from peers import Peers


def test_leave():
    assert Peers(["a", "b"]).leave("a") == 1
--- trigger
from peers import Peers
Peers(["a"]).leave("zz")
--- check
from peers import Peers
p = Peers(["a"])
assert p.leave("zz") == 1
assert p.leave("a") == 0

=== accumulate-none fix cloudwatch
--- hours.py
"""Time sheets. An entry that is still running has no end; it counts 0 minutes."""


def minutes(entry):
    """Minutes of an entry."""
    return entry["end"] - entry["start"]


def total(entries):
    return sum(minutes(e) for e in entries)
--- tests/test_hours.py
from hours import total


def test_total():
    assert total([{"start": 0, "end": 30}, {"start": 60, "end": 75}]) == 45
--- trigger
from hours import total
total([{"start": 0, "end": 30}, {"start": 100, "end": None}])
--- check
from hours import minutes, total
assert total([{"start": 0, "end": 30}, {"start": 100, "end": None}]) == 30
assert minutes({"start": 5, "end": None}) == 0

=== window-average fix sentry
--- load.py
"""Load of a machine over a sliding window."""


class Window:
    """Keeps the last samples. Before the first sample the average is 0.0."""

    def __init__(self, size=3):
        self.size = size
        self.samples = []

    def add(self, value):
        self.samples.append(value)
        if len(self.samples) > self.size:
            self.samples.pop(0)

    def average(self):
        return sum(self.samples) / len(self.samples)

    def text(self):
        return "%.2f" % self.average()
--- tests/test_load.py
from load import Window


def test_average():
    w = Window(2)
    w.add(1)
    w.add(2)
    w.add(4)
    assert w.average() == 3.0
--- trigger
from load import Window
Window().text()
--- check
from load import Window
w = Window()
assert w.average() == 0.0
assert w.text() == "0.00"
w.add(3)
assert w.average() == 3.0

=== html-attr-list fix sentry
--- links.py
"""Link headers: <url>; rel="next", separated by commas. Parts without a rel are not listed."""
import re


def links(header):
    """URLs by relation."""
    found = {}
    for part in header.split(","):
        url = part.split(";")[0].strip(" <>")
        rel = re.search(r'rel="(\w+)"', part).group(1)
        found[rel] = url
    return found
--- tests/test_links.py
from links import links


def test_links():
    assert links('<a>; rel="next", <b>; rel="prev"') == {"next": "a", "prev": "b"}
--- trigger
from links import links
links('<a>; rel="next", <b>; title="x"')
--- check
from links import links
assert links('<a>; rel="next", <b>; title="x"') == {"next": "a"}
assert links("") == {}

=== str-not-decoded fix sentry
--- inbox.py
"""Reads mails. Subjects are text; the raw message is bytes in UTF-8."""


def subject(raw):
    """Subject of a raw message, or "" without one."""
    for line in raw.split("\n"):
        if line.lower().startswith("subject:"):
            return line[8:].strip()
    return ""


def preview(raw, width=20):
    return subject(raw)[:width]
--- tests/test_inbox.py
import inbox


def test_module():
    assert inbox.preview.__defaults__ == (20,)
--- trigger
from inbox import preview
preview(b"From: a\nSubject: Hello there\n\nx")
--- check
from inbox import preview, subject
assert preview(b"From: a\nSubject: Hello there\n\nx") == "Hello there"
assert subject("Größe\nSubject: ä".encode()) == "ä"
assert subject(b"From: a") == ""
'''
