"""Lines of logs as whole events: a table of streams, each with the events that it holds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from core.signals.grouping import stack
from core.vendors.joining import StreamLine, joined

PYTHON = """Traceback (most recent call last):
  File "/app/shop/web.py", line 88, in post_cart
    return total(cart, prices)
           ^^^^^^^^^^^^^^^^^^^
  File "/app/shop/cart.py", line 44, in total
    price = prices[line.article]
KeyError: 'GONE\'"""
CHAINED = f"""{PYTHON}

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/app/shop/web.py", line 90, in post_cart
    return fallback(cart)
ValueError: no cart"""
CAUSE = f"""{PYTHON}

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "/app/shop/web.py", line 90, in post_cart
    raise CartError("no price") from error
shop.errors.CartError: no price"""
SQL = """Traceback (most recent call last):
  File "/app/shop/db.py", line 3, in run
    cursor.execute(sql)
sqlalchemy.exc.OperationalError: (psycopg.OperationalError) connection refused
\tIs the server running on that host?
[SQL: SELECT 1]
(Background on this error at: https://sqlalche.me/e/20/e3q8)"""
GROUP = """  + Exception Group Traceback (most recent call last):
  |   File "/app/shop/jobs.py", line 9, in run
  |     async with asyncio.TaskGroup() as group:
  | ExceptionGroup: unhandled errors in a TaskGroup (1 sub-exception)
  +-+---------------- 1 ----------------
    | Traceback (most recent call last):
    |   File "/app/shop/jobs.py", line 5, in work
    |     1 / 0
    | ZeroDivisionError: division by zero
    +------------------------------------"""
JAVA = """Exception in thread "main" java.lang.IllegalStateException: no price
\tat com.acme.Cart.total(Cart.java:44)
\tat com.acme.Web.post(Web.java:88)
Caused by: java.lang.NullPointerException: gone
\tat com.acme.Prices.get(Prices.java:7)
\t... 1 more"""
NODE = """/app/cart.js:44
  const price = prices[line.article].amount;
                                     ^

TypeError: Cannot read properties of undefined (reading 'amount')
    at total (/app/cart.js:44:38)
    at post (/app/web.js:88:10)

Node.js v22.1.0"""
GO = """panic: runtime error: index out of range [3] with length 3

goroutine 1 [running]:
main.total(...)
\t/app/cart.go:44
main.main()
\t/app/main.go:8 +0x1d
exit status 2"""
INFO = "2026-01-05 08:00:02,000 INFO shop.web Served"
ERROR = "2026-01-05 08:00:00,123 ERROR shop.cart No price"


def events(text: str | list[str], stream: str = "s") -> list[str]:
    lines = text.splitlines() if isinstance(text, str) else text
    return [event.text for event in joined(StreamLine(line, stream) for line in lines)]


@pytest.mark.parametrize("whole", [PYTHON, CHAINED, CAUSE, SQL, GROUP, JAVA, GO, f"{ERROR}\n{PYTHON}"])
@pytest.mark.parametrize("before", [[], [INFO], [INFO, "a line without a header"]])
@pytest.mark.parametrize("after", [[], [INFO], ["", INFO], [ERROR, INFO]])
def test_a_stack_is_one_event(before, whole, after):
    assert events([*before, *whole.splitlines(), *after]) == [*before, whole, *filter(None, after)]


def test_a_stack_of_nodejs_is_one_event_with_its_source_line():
    assert events(NODE) == [NODE.rpartition("\n\n")[0], "Node.js v22.1.0"]


@pytest.mark.parametrize("whole", [PYTHON, CHAINED, JAVA])
def test_two_stacks_are_two_events(whole):
    assert events(f"{whole}\n{whole}\n\n{whole}") == [whole] * 3


PREFIXES = {
    "container runtime": "2026-01-05T08:00:00.000000000Z stderr F {}",
    "compose": "web-1  | {}",
    "syslog": "Jan  5 08:00:00 web7 gunicorn[812]: {}",
    "platform": "2026-01-05T08:00:00.000000+00:00 app[web.1]: {}",
    "logger": "2026-01-05 08:00:00,123 ERROR {}",
}


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("whole", [PYTHON, CHAINED])
def test_the_prefix_of_each_line_is_removed(prefix, whole):
    told = [PREFIXES[prefix].format(line) for line in whole.splitlines()]
    (event,) = events([*told, *told[:0]])
    assert [line.rstrip() for line in event.splitlines()] == whole.splitlines()


def test_processes_that_write_into_one_stream_are_not_mixed():
    pairs = zip(PYTHON.splitlines(), CHAINED.splitlines(), strict=False)
    rest = CHAINED.splitlines()[len(PYTHON.splitlines()) :]
    lines = [line for a, b in pairs for line in (f"Jan  5 08:00:00 h web[1]: {a}", f"Jan  5 08:00:00 h web[2]: {b}")]
    assert events([*lines, *(f"Jan  5 08:00:00 h web[2]: {line}" for line in rest)]) == [PYTHON, CHAINED]


def test_streams_are_not_mixed():
    lines = [StreamLine(line, name) for line in PYTHON.splitlines() for name in ("a", "b")]
    assert [event.text for event in joined(lines)] == [PYTHON, PYTHON]


def test_a_line_of_another_thread_does_not_cut_a_traceback():
    told = PYTHON.splitlines()
    assert events([*told[:3], INFO, *told[3:]]) == [PYTHON, INFO]


def test_what_comes_much_later_is_another_event():
    at = datetime(2026, 1, 5, tzinfo=UTC)
    told = PYTHON.splitlines()
    lines = [StreamLine(line, "s", at) for line in told[:3]]
    lines += [StreamLine(line, "s", at + timedelta(seconds=9)) for line in told[3:]]
    assert len(joined(lines)) == 2


def test_whole_events_and_json_stay_as_they_are():
    told = [PYTHON, '{"level": "error", "message": "boom"}', PYTHON, "plain"]
    assert events(told) == told


def test_a_beginning_that_was_not_read_is_known():
    (event,) = joined(StreamLine(line) for line in PYTHON.splitlines()[2:])
    assert event.headless and stack.read(event.text).exception.type == "KeyError"


def test_a_joined_traceback_reads_as_the_crash_that_it_is():
    (event,) = joined(StreamLine(f"web-1 | {line}") for line in CHAINED.splitlines())
    crash = stack.read(event.text)
    assert (crash.exception.type, [link.type for link in crash.chain]) == ("ValueError", ["KeyError"])


def test_a_stack_without_end_is_bounded():
    lines = ["Traceback (most recent call last):", *(f'  File "a.py", line {n}, in f' for n in range(5000)), "E: x"]
    (event,) = joined(StreamLine(line) for line in lines)
    assert len(event.lines) <= 1000
