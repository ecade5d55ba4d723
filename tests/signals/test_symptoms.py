"""Symptoms: how vendors word them, which endpoint they name, and which crash explains them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from core.models import Crash, Frame, Kind, Raised, Record
from core.signals import patches
from core.signals.grouping import symptoms
from core.signals.grouping.candidates import Correlator
from core.signals.grouping.correlation import Landscape

AT = datetime(2026, 1, 5, tzinfo=UTC)


def alert(title: str, minutes: float = 0, source: str = "datadog", service: str = "shop", **attributes) -> Record:
    return Record(source=source, vendor_id=f"{source}{title}{minutes}", kind=Kind.ALERT, title=title, service=service,
                  at=AT + timedelta(minutes=minutes), attributes=attributes)  # fmt: skip


def crash(minutes: float = 0, kind: str = "KeyError", says: str = "'sku'", service: str = "shop", **more) -> Record:
    frames = (Frame(file="shop/cart.py", function="add", line=4, code="x['sku']"),)
    told = Crash(exception=Raised(type=kind, message=says), frames=frames)
    return Record(source="sentry", vendor_id=f"{kind}{service}{minutes}", kind=Kind.EXCEPTION, title=f"{kind}: {says}",
                  service=service, at=AT + timedelta(minutes=minutes), crash=told, **more)  # fmt: skip


@pytest.mark.parametrize(
    ("title", "service", "symptom"),
    [
        ("High error rate on shop", "shop", "errors"),
        ("HTTPCode_Target_5XX_Count > 20", "shop", "errors"),
        ("p95_ms of shop is 900", "shop", "latency"),
        ("TargetResponseTime shop", "shop", "latency"),
        ("Synthetic check failed", "shop", "availability"),
        ("Traffic of shop fell from 90 to 2 requests an interval", "shop", "traffic"),
        ("Disk almost full", "shop", "disk"),
        ("High error rate on queue-worker", "queue-worker-prod", "errors"),
        ("slow-jobs: disk is full", "slow-jobs", "disk"),
        ("error mailer says hello", "error-mailer", ""),
        ("Something happened", "shop", ""),
    ],
)
def test_vendors_word_a_symptom_in_many_ways(title, service, symptom):
    assert symptoms.symptom(alert(title, service=service)) == symptom


def test_only_alerts_and_anomalies_are_symptoms():
    assert symptoms.symptom(crash()) == ""
    measured = alert("Something", metric="p95_ms").model_copy(update={"kind": Kind.METRIC})
    assert symptoms.symptom(measured) == "latency"


@pytest.mark.parametrize(
    ("title", "attributes", "path"),
    [
        ("High error rate", {"endpoint": "GET /v1/orders/17?x=1"}, "/v1/orders/*"),
        ("High error rate", {"labels": {"url": "https://shop.example/Checkout/"}}, "/checkout"),
        ("p95 of /checkout above 800 ms", {}, "/checkout"),
        ("High error rate", {"transaction": "shop.views.checkout"}, ""),
        ("cart/search ratio", {}, ""),
    ],
)
def test_the_endpoint_of_an_alert(title, attributes, path):
    assert symptoms.endpoint(alert(title, **attributes)) == path


def parts(*records: Record, **how) -> tuple[list[int], dict[int, int]]:
    """The issue of each record, and the parent of each child."""
    correlator = Correlator(**how)
    return [correlator.place(record).part for record in records], correlator.open.parents


@pytest.mark.parametrize(
    ("second", "issues"),
    [
        (alert("shop: 5xx responses", 600, "cloudwatch"), [1, 1]),
        (alert("shop: 5xx responses", 13 * 60, "cloudwatch"), [1, 2]),  # nobody said that the first was over
        (alert("shop responds slowly", 5, "cloudwatch"), [1, 2]),
        (alert("shop: 5xx responses", 5, "cloudwatch", "cart"), [1, 2]),
        (alert("shop: 5xx responses", 5, "cloudwatch", endpoint="/other"), [1, 2]),
    ],
)
def test_late_alerts_about_one_symptom_are_one_issue(second, issues):
    assert parts(alert("High error rate on shop", 0, endpoint="/cart"), second)[0] == issues


def test_alerts_after_the_end_are_another_issue():
    correlator = Correlator()
    first = correlator.place(alert("High error rate on shop")).part
    correlator.end(first, AT + timedelta(minutes=30))
    assert correlator.place(alert("shop: 5xx", 20, "cloudwatch")).part == first
    assert correlator.place(alert("shop: 5xx", 40, "newrelic")).part != first


HOURS = [crash(minutes) for minutes in range(0, 300, 50)]


@pytest.mark.parametrize(
    ("records", "parents"),
    [
        ([*HOURS, alert("High error rate on shop", 290)], {2: 1}),
        ([alert("High error rate on shop", 0), crash(10)], {1: 2}),
        ([crash(0), alert("High error rate on shop", 90)], {}),  # the crash was over
        ([*HOURS, alert("p95 latency of shop is high", 290)], {}),  # a request that fails is not slow
        ([crash(0), alert("p95 latency of shop is high", 10)], {}),
        ([crash(m, "TimeoutError", "timed out") for m in (0, 40, 80)] + [alert("shop slow", 85)], {2: 1}),
        ([crash(0), alert("Disk of shop almost full", 1)], {}),
        ([crash(0, attributes={"http.route": "/cart"}), alert("5xx", 1, endpoint="/search")], {}),
        ([crash(0), crash(60, "TypeError", "x"), alert("High error rate on shop", 62)], {3: 2}),  # the nearest
    ],
)
def test_a_crash_explains_symptoms_of_its_time_and_place(records, parents):
    assert parts_of(records) == parents


def parts_of(records) -> dict[int, int]:
    return parts(*records)[1]


def test_a_nearer_crash_takes_over_the_symptom():
    records = [crash(0), crash(20), alert("High error rate on shop", 60), crash(59, "TypeError", "x")]
    assert parts(*records)[1] == {2: 3}


@pytest.mark.parametrize(
    ("code", "second", "issues"),
    [
        ({"shop": "a", "cart": "a"}, {}, [1, 1]),
        ({"shop": "a", "cart": "a"}, {"service": "cart-prod"}, [1, 1]),
        ({"shop": "a", "cart": "b"}, {}, [1, 2]),
        ({}, {}, [1, 2]),
        ({"shop": "a", "cart": "a"}, {"says": "'colour'"}, [1, 2]),
        ({"shop": "a", "cart": "a"}, {"kind": "TypeError"}, [1, 2]),
    ],
)
def test_services_of_one_code_share_its_bugs(code, second, issues):
    given = {"service": "cart"} | second
    assert parts(crash(0), crash(1, **given), around=Landscape(code=code))[0] == issues


def test_a_helper_that_calls_others_is_told_apart_by_its_caller():
    def timed_out(service: str, caller: str) -> Record:
        frames = tuple(Frame(file=f"shop/{f}.py", function=f, code="get(url)") for f in (caller, "client"))
        told = Crash(exception=Raised(type="TimeoutError", message="timed out"), frames=frames)
        return crash(0, service=service).model_copy(update={"crash": told, "title": "TimeoutError: timed out"})

    around = Landscape(code={"shop": "a", "cart": "a"})
    assert parts(timed_out("shop", "pay"), timed_out("cart", "rate"), around=around)[0] == [1, 2]
    assert parts(timed_out("shop", "pay"), timed_out("cart", "pay"), around=around)[0] == [1, 1]


PATCH = """\
diff --git a/src/shop/cart.py b/src/shop/cart.py
--- a/src/shop/cart.py
+++ b/src/shop/cart.py
@@ -2,5 +2,6 @@ def add(cart, line):
 a
-b
+c
+d
 e
diff --git a/tests/test_cart.py b/tests/test_cart.py
--- /dev/null
+++ b/tests/test_cart.py
@@ -0,0 +1,9 @@
+x
diff --git a/old.py b/old.py
--- a/old.py
+++ /dev/null
@@ -1,9 +0,0 @@
-x
"""


@pytest.mark.parametrize(
    ("file", "line", "passes"),
    [
        ("/app/shop/cart.py", 4, True),
        ("shop/cart.py", 8, False),
        ("shop/cart.py", 1, False),
        ("shop/other.py", 4, False),
        ("tests/test_cart.py", 4, False),
        ("old.py", 1, False),
    ],
)
def test_a_crash_in_changed_lines(file, line, passes):
    frames = (Frame(file=file, line=line, in_app=True), Frame(file="lib.py", line=4, in_app=False))
    told = Crash(exception=Raised(type="KeyError"), frames=frames)
    assert bool(patches.passes(told, PATCH, "tests/test_cart.py")) == passes


def test_the_incidents_of_forgotten_issues_are_forgotten():
    correlator = Correlator(limit=20)
    for number in range(100):
        service = f"service-{number}"
        first = correlator.place(crash(number, service=service))
        assert correlator.place(alert("High error rate", number, service=service)).issue_id == first.issue_id
    assert correlator.count == 200 and len(correlator.incidents) <= 40
