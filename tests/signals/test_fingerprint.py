"""Fingerprints do not change with the release, host or vendor, but with the fault."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from core.models import Crash, Record
from core.signals.grouping.fingerprint import fingerprint
from core.signals.grouping.stack import crash_of, normal_file

AT = datetime(2026, 1, 5, tzinfo=UTC)
TRACEBACK = """Traceback (most recent call last):
  File "/srv/app/shop/app.py", line {a}, in handle
    return add(item)
  File "/srv/app/shop/cart.py", line {b}, in add
    price = prices[item["sku"]]
{last}"""


def record(message="", *, kind="log", service="shop", title="crash", **more) -> Record:
    return Record(source="t", vendor_id="1", kind=kind, at=AT, service=service, title=title, message=message, **more)


def crashed(*frames, kind="KeyError", message="'sku'", chain=()) -> Record:
    names = ("file", "function", "code", "in_app")
    shapes = [dict(zip(names, frame, strict=False)) for frame in frames]
    crash = {"exception": {"type": kind, "message": message}, "frames": shapes, "chain": chain}
    return record(kind="exception", crash=crash)


def text(a=10, b=20, last="KeyError: 'sku'") -> str:
    return TRACEBACK.format(a=a, b=b, last=last)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/srv/app/shop/cart.py", "shop/cart.py"),
        ("/home/deploy/current/shop/cart.py", "shop/cart.py"),
        ("/opt/releases/20260104/shop/cart.py", "shop/cart.py"),
        ("/data/deployments/dpl_00027494ce6349/shop/cart.py", "shop/cart.py"),
        ("/data/deployments/dpl_000319f1e51db0/shop/cart.py", "shop/cart.py"),
        ("/data/dpl_5WJWYSyB7BpgTj3EuwF37WMRBXBP/shop/cart.py", "shop/cart.py"),
        ("/srv/app/shop_v2/feature_added/cart.py", "shop_v2/feature_added/cart.py"),
        ("/app/9fceb02d0ae5/shop/cart.py", "shop/cart.py"),
        ("C:\\srv\\app\\shop\\cart.py", "shop/cart.py"),
        ("/srv/checkout-service/shop/cart.py", "shop/cart.py"),
        ("/usr/lib/python3.11/site-packages/requests/api.py", "requests/api.py"),
        ("https://cdn.example/static/main.8f3a1b2c.js?v=2", "static/main.js"),
        ("webpack:///./src/cart.js", "src/cart.js"),
        ("payouts.py", "payouts.py"),
        ("", ""),
    ],
)
def test_a_file_has_one_name_on_all_hosts_and_releases(path, name):
    assert normal_file(path) == name


def test_lines_hosts_and_vendors_do_not_matter():
    sentry = crashed(
        ("shop/app.py", "handle", "return add(item)"), ("shop/cart.py", "add", 'price = prices[item["sku"]]')
    )
    moved = record("[ERROR] 12:00 id-7\n" + text(88, 99).replace("/srv/app", "/var/task"))
    quoted = record("Hello\n```\n" + text() + "\n```\nbye", kind="report")
    escaped = record(text().replace("\n", "\\n"))
    assert len({fingerprint(r).key for r in (sentry, record(text()), moved, quoted, escaped)}) == 1
    assert fingerprint(sentry).because == "same KeyError ('sku') in shop/cart.py:add ← shop/app.py:handle"


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("type", record(text(last="IndexError: list index out of range"))),
        ("function", record(text().replace("in add", "in remove"))),
        ("file", record(text().replace("cart.py", "basket.py"))),
        ("service", record(text(), service="partner")),
    ],
)
def test_another_fault_has_another_fingerprint(name, other):
    assert fingerprint(other).key != fingerprint(record(text())).key


def test_recursion_wrappers_and_libraries_are_folded():
    once = crashed(("a.py", "main"), ("a.py", "walk"))
    deep = crashed(("a.py", "main"), ("util.py", "wrapper"), *[("a.py", "walk")] * 40)
    below = crashed(("a.py", "main"), ("a.py", "walk"), ("/usr/lib/python3.11/json/decoder.py", "decode", "", False))
    assert len({fingerprint(r).parts for r in (once, deep, below)}) == 1


def test_minified_and_missing_frames():
    first = crashed(("https://x.io/js/main.11aa22bb.js", "n"), kind="TypeError", message="t is undefined")
    second = crashed(("https://x.io/js/main.99cc88dd.js", "q"), kind="TypeError", message="t is undefined")
    assert fingerprint(first).key == fingerprint(second).key
    bare = [record(kind="exception", title=f"LimitExceededError: amount {n} is too high") for n in (5, 7)]
    assert fingerprint(bare[0]).key == fingerprint(bare[1]).key
    assert fingerprint(bare[0]).type == "LimitExceededError"


def test_a_key_counts_only_if_the_code_names_it():
    code = "rate = rates[currency]"
    euro, dollar = (crashed(("a.py", "f", code), message=f"'{key}'") for key in ("EUR", "USD"))
    assert fingerprint(euro).key == fingerprint(dollar).key
    sku, qty = (crashed(("a.py", "f", f"item['{key}']"), message=f"'{key}'") for key in ("sku", "qty"))
    assert fingerprint(sku).key != fingerprint(qty).key


def test_chained_exceptions_are_read_nearest_first():
    link = "\n\nThe above exception was the direct cause of the following exception:\n\n"
    crash = crash_of(record(text() + link + text(last="shop.errors.CartError: no price")))
    assert (crash.exception.type, crash.exception.module) == ("CartError", "shop.errors")
    assert [(c.type, c.relation, c.frames[-1].function) for c in crash.chain] == [("KeyError", "cause", "add")]
    assert fingerprint(record(text() + link + text(last="CartError: x"))).because.endswith("caused by KeyError")


@pytest.mark.parametrize(
    ("kind", "message", "pattern"),
    [
        ("AttributeError", "'NoneType' object has no attribute 'rate'", "AttributeError/none-attribute"),
        ("TypeError", "Cannot read properties of undefined (reading 'x')", "TypeError/none-attribute"),
        ("KeyError", "'timed out'", "KeyError/subscript"),
        ("ValueError", "invalid literal for int() with base 10: 'x'", "ValueError/parse"),
        ("Refused", "no", "Refused/raise"),
    ],
)
def test_the_pattern_is_type_and_operation(kind, message, pattern):
    made = crashed(("a.py", "f", "raise Refused('no')"), kind=kind, message=message)
    assert fingerprint(made).pattern == pattern
    assert fingerprint(made.model_copy(update={"service": "other"})).pattern == pattern


def test_java_and_javascript_stacks_are_read():
    java = crash_of(
        record(
            "x\njava.lang.IllegalStateException: no table\n\tat com.bank.Guard.check(Guard.java:7)\n"
            "\tat org.springframework.Web.go(Web.java:1)\n"
            "Caused by: java.io.EOFException\n\tat com.bank.R.s(R.java:1)"
        )
    )
    assert (java.exception.type, java.exception.message) == ("IllegalStateException", "no table")
    assert java.chain[0].type == "EOFException"
    assert [f.in_app for f in java.frames] == [False, True]
    node = crash_of(
        record("TypeError: x is no function\n    at add (/app/src/cart.js:5:9)\n    at async go (node:internal/x:1:2)")
    )
    assert node.frames[-1].function == "add"


def test_lines_and_alerts_without_a_crash():
    lines = [record(f"upload {n} of user u{n}@x.org rejected") for n in (1, 22)]
    assert fingerprint(lines[0]).key == fingerprint(lines[1]).key
    assert fingerprint(lines[0], template=lambda line: line).key != fingerprint(lines[1], template=str.upper).key
    alerts = [record(kind="alert", title=t, attributes={"monitor_id": 9}) for t in ("CPU at 93 %", "CPU back")]
    assert fingerprint(alerts[0]).key == fingerprint(alerts[1]).key


@pytest.mark.parametrize(
    "odd", ["", "\x00\ud800", 'File "', "at " * 5000, 'File "x", line 1, in f\n' * 500, "(" * 9000]
)
def test_odd_text_is_not_a_stack(odd):
    assert fingerprint(record(odd, title="odd")).key


def test_a_crash_with_only_a_traceback_text_is_read():
    bare = Crash(exception={"type": "KeyError", "message": "'sku'"}, traceback=text())
    assert fingerprint(record(crash=bare)).key == fingerprint(record(text())).key
