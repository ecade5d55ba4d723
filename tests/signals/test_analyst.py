"""The embedded analyst: cause, wording, confidence and simplicity from evidence; and memory."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from core.models import Cause, Record, ServiceHealth, Severity
from core.signals.analysis.analyst import EmbeddedAnalyst
from core.signals.analysis.memory import PastIssue, similar
from core.signals.analysis.types import IssueFacts

AT = datetime(2026, 1, 5, 4, 3, tzinfo=UTC)


def crash(kind="KeyError", message="'sku'", code='prices[item["sku"]]', chain=(), values=None, **more) -> dict:
    inner = {"file": "shop/cart.py", "line": 9, "function": "add", "code": code, "locals": values}
    outer = {"file": "shop/app.py", "line": 3, "function": "handle", "code": "add(item)"}
    return {"exception": {"type": kind, "message": message}, "frames": [outer, inner], "chain": chain} | more


def record(**more) -> Record:
    given = {
        "source": "sentry",
        "vendor_id": "1",
        "kind": "exception",
        "service": "shop",
        "title": "x",
        "at": AT,
    }
    return Record(**given | more)


def analyze(*records, **more):
    return EmbeddedAnalyst().analyze(IssueFacts(title="x", service="shop", records=records, **more))


def linked(kind, message, relation="cause") -> tuple:
    return ({"type": kind, "message": message, "relation": relation},)


@pytest.mark.parametrize(
    ("given", "cause"),
    [
        (crash(), Cause.CODE),
        (crash("KeyError", "'401 unauthorized'"), Cause.CODE),
        (crash("Refused", "no", "raise Refused('no')"), Cause.DELIBERATE),
        (crash("AssertionError", "", "assert total >= 0"), Cause.DELIBERATE),
        (crash("ConnectionRefusedError", "[Errno 111]", "sock.connect(a)"), Cause.UPSTREAM),
        (
            crash("HTTPError", "503 Server Error for url: https://api.pay.example/v1", "r.check()"),
            Cause.UPSTREAM,
        ),
        (crash("HTTPError", "401 Client Error: Unauthorized", "r.check()"), Cause.CREDENTIAL),
        (crash("ApiError", "the API key was revoked", "raise ApiError(text)"), Cause.CREDENTIAL),
        (crash("OSError", "[Errno 28] No space left on device", "f.write(x)"), Cause.ENVIRONMENT),
        (crash("SSLError", "certificate has expired", "get(url)"), Cause.ENVIRONMENT),
        (crash("KeyError", "'DSN'", "os.environ['DSN']"), Cause.ENVIRONMENT),
        (crash("OperationalError", "no such column: shipped", "cur.execute(q)"), Cause.DATA),
        (
            crash("Down", "x", "raise Down() from e", linked("ConnectionRefusedError", "refused")),
            Cause.UPSTREAM,
        ),
        (crash("Down", "x", "raise Down() from e", linked("HTTPError", "HTTP 401")), Cause.CREDENTIAL),
        (crash("Down", "x", "raise Down()", linked("TimeoutError", "t", "context")), Cause.UPSTREAM),
        (crash("TypeError", "x", "f(None)", linked("TimeoutError", "t", "context")), Cause.CODE),
    ],
)
def test_the_cause_is_read_through_the_chain(given, cause):
    found = analyze(record(crash=given))
    assert found.cause is cause
    assert bool(found.next_step) == (cause is not Cause.CODE)
    assert (found.simplicity >= 0.8) == (cause is Cause.CODE)


def test_the_dependency_is_named():
    found = analyze(record(crash=crash("HTTPError", "503 Server Error for url: https://api.pay.example/v1", "r()")))
    assert found.culprit == "api.pay.example"
    assert "an external outage" in found.root_cause and "api.pay.example" in found.root_cause


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (crash(values={"prices": "{'a': 1}"}), "the key 'sku' is not in `prices`, which holds {'a': 1}"),
        (
            crash("AttributeError", "'NoneType' object has no attribute 'rate'", "return cart.discount.rate"),
            "`.rate` is asked of `cart.discount`, which is None",
        ),
        (
            crash("ZeroDivisionError", "division by zero", "hits / total", values={"total": "0", "hits": "3"}),
            "divides by `total`, which is 0. `total` came from shop/app.py:3 (handle): `add(item)`.",
        ),
        (
            crash("IndexError", "list index out of range", "rows[5]", values={"rows": "[]"}),
            "past the end of `rows`",
        ),
        (
            crash("TypeError", "object of type 'NoneType' has no len()", "len(rows)", values={"rows": "None"}),
            "`rows`, which is None",
        ),
    ],
)
def test_the_root_cause_is_in_plain_words(given, words):
    found = analyze(record(crash=given))
    assert words in found.root_cause and found.root_cause.startswith("In shop/cart.py:9 (add), ")
    assert found.culprit == "shop/cart.py:9"


def test_a_clean_crash_has_high_confidence_and_a_bare_line_does_not():
    clean = analyze(record(crash=crash(values={"a": "1"}), count=3))
    assert clean.confidence >= 0.9 and clean.simplicity >= 0.8
    line = analyze(
        *[
            record(kind="log", source=s, title="it broke", vendor_id=str(i), count=50)
            for i, s in enumerate(("datadog", "cloudwatch"))
        ]
    )
    assert line.confidence <= 0.5 and line.cause is Cause.UNKNOWN


def test_every_term_of_the_confidence_is_in_the_evidence():
    found = analyze(record(crash=crash(), count=9), record(source="datadog", vendor_id="2", crash=crash()))
    assert sum(e["weight"] for e in found.evidence) == pytest.approx(found.confidence)
    assert {"says": "2 sources agree: datadog, sentry", "weight": 0.05} in found.evidence


def test_an_alert_that_the_crash_explains_confirms_it_as_another_source():
    alone, confirmed = analyze(record(crash=crash())), analyze(record(crash=crash()), confirmed_by=("alertmanager",))
    assert {"says": "2 sources agree: alertmanager, sentry", "weight": 0.05} in confirmed.evidence
    assert confirmed.confidence == pytest.approx(alone.confidence + 0.05)
    assert analyze(record(crash=crash()), confirmed_by=("sentry",)) == alone, "its own source confirms nothing"


def test_the_order_of_the_records_does_not_matter():
    records = [
        record(crash=crash()),
        record(source="datadog", vendor_id="2", kind="log", title="x", message="y"),
    ]
    assert analyze(*records) == analyze(*records[::-1])


def test_title_and_cause_give_the_same_numbers():
    attributes = {"metric": "p95_ms", "before": 100.0, "after": 210.0}
    title = "Latency of search rose from 100 to 210 ms (95th percentile)"
    metric = record(source="platform", kind="metric", title=title, attributes=attributes)
    found = analyze(metric, health=ServiceHealth(p95_ms=190, samples=4), before=ServiceHealth(p95_ms=120))
    assert "p95 rose from 100 ms to 210 ms" in found.root_cause


def test_a_slow_service_after_a_release():
    metric = record(source="datadog", kind="metric", title="p95 of search rose from 12 ms to 300 ms")
    release = Record(
        source="github",
        vendor_id="9",
        kind="change",
        at=AT - timedelta(seconds=50),
        service="shop",
        title="deploy",
        release="abc123",
    )
    slow, before = ServiceHealth(p95_ms=300, samples=4), ServiceHealth(p95_ms=12)
    found = analyze(metric, changes=[release], health=slow, before=before)
    assert (found.cause, found.culprit, found.severity) == (Cause.PERFORMANCE, "abc123", Severity.HIGH)
    assert "p95 rose from 12 ms to 300 ms" in found.root_cause and "Abc123 (deploy, shop) came" in found.root_cause


@pytest.mark.parametrize(
    ("release", "files", "simplicity", "more"),
    [
        ("4f1c2ab", ["shop/search.py"], 0.95, 0.10),
        ("4f1c2ab", ["a.py", "b.py", "c.py"], 0.85, 0.10),
        ("4f1c2ab", [f"{n}.py" for n in range(40)], 0.5, 0.10),
        ("4f1c2ab", None, 0.8, 0.10),
        ("v1.2", ["shop/search.py"], 0.2, 0.0),  # no commit, so nothing can be taken out
    ],
)
def test_a_slowdown_is_as_simple_to_fix_as_its_suspect_commit_is_small(release, files, simplicity, more):
    metric = record(source="datadog", kind="metric", title="p95 of search rose from 12 ms to 300 ms")
    change = Record(
        source="github", vendor_id="9", kind="change", at=AT, title="deploy", release=release,
        attributes={"files": files} if files else {},
    )  # fmt: skip
    health = {"health": ServiceHealth(p95_ms=300, samples=4), "before": ServiceHealth(p95_ms=12)}
    found = analyze(metric, changes=[change], **health)
    assert found.simplicity == simplicity
    assert sum(term["weight"] for term in found.evidence if "names its commit" in term["says"]) == more


def test_an_issue_without_records():
    found = analyze()
    assert (found.cause, found.confidence, found.simplicity) == (Cause.UNKNOWN, 0, 0)


def test_similar_past_issues_come_most_similar_first():
    def past(number, fingerprint, pattern, service, title):
        return PastIssue(number, fingerprint, pattern, service, title, cure=f"cure {number}")

    issue = past(9, "f", "KeyError/subscript", "shop", "KeyError sku cart")
    others = [
        past(1, "g", "TypeError/operand", "mail", "smtp broken"),
        past(2, "g", "KeyError/subscript", "mail", "KeyError sku cart"),
        past(3, "f", "KeyError/subscript", "shop", "KeyError sku cart"),
        issue,
    ]
    assert [(p.id, score) for p, score in similar(issue, others)] == [(3, 1.0), (2, 0.5)]
