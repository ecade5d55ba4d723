"""The identity of a finding, its severity, and what an issue says about it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from core.models import Cause, Impact, Kind, Record, Severity
from core.signals.analysis import security
from core.signals.analysis.types import IssueFacts
from core.signals.grouping.candidates import Correlator
from core.signals.grouping.fingerprint import fingerprint
from core.signals.security import finding
from core.signals.security.finding import of_line, of_package, record_of

AT = datetime(2026, 11, 28, 10, tzinfo=UTC)
CVE, GHSA = "CVE-2024-40647", "GHSA-g92j-qhmh-64v2"
PIN = ("sentry-sdk", "2.7.1")


def package(source="osv", repository="shop", pin=PIN, path="requirements.txt", ids=(GHSA, CVE), severity="LOW", **more):
    return of_package(source, repository, pin, path, ids, severity, **more)


def line(source="bandit", repository="shop", path="shop/search.py", number=7, code="db.execute(f'x')", rule="B608",
         cwe=89, severity="medium", **more):  # fmt: skip
    return of_line(source, repository, path, number, code, rule, cwe, severity, **more)


def print_of(one) -> str:
    return fingerprint(record_of(one, ["cart"], AT)[0]).key


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (package(), package(), True),
        (package(), package("dependabot", ids=(CVE,), severity="high"), True),  # two sources
        (package(), package(ids=("CVE-2026-1",)), True),  # two vulnerabilities, which one upgrade removes
        (package(), package(path="dev.txt"), True),
        (package(), package(pin=("sentry-sdk", "2.7.2")), True),
        (package(), package(pin=("urllib3", "2.7.1")), False),
        (package(), package(repository="api"), False),
        (line(), line(number=70), True),  # the line moved
        (line(), line(code="db.execute( f'x' )".replace("( ", "(").replace(" )", ")")), True),
        (line(), line("code scanning", rule="py/sql-injection", severity="high"), True),
        (line(), line(cwe=78), False),  # another weakness of the same line
        (line(), line(path="shop/cart.py"), False),
        (line(), line(code="db.execute(f'y')"), False),
        (line(), line(repository="api"), False),
        (line(), package(), False),
    ],
)
def test_the_same_finding_is_the_same_issue(one, other, same):
    assert (print_of(one) == print_of(other)) is same


def test_a_finding_joins_nothing_but_itself():
    """Neither a crash of its service at the same time, nor a log line with its words."""
    correlator = Correlator()
    (found,) = record_of(package(), ["cart"], AT)
    words = {"source": "datadog", "vendor_id": "1", "service": "cart", "at": AT, "title": found.title}
    places = [
        correlator.place(record).issue_id
        for record in (
            found,
            Record(kind=Kind.LOG, **words),
            Record(kind=Kind.ALERT, **words),
            *record_of(package("dependabot"), ["cart"], AT),
            *record_of(line(), ["cart"], AT),
        )
    ]
    assert places[0] == places[3] and len({places[0], places[1], places[2], places[4]}) == 4


@pytest.mark.parametrize(
    ("word", "severity"),
    [("LOW", "low"), ("moderate", "medium"), ("MEDIUM", "medium"), ("High", "high"), ("CRITICAL", "critical"),
     ("", "high"), ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N", "high"), ("<b>", "high")],
)  # fmt: skip
def test_the_severity_of_an_advisory_and_of_one_that_is_not_rated(word, severity):
    assert finding.severity_of(word) is Severity(severity)


def test_every_service_of_the_repository_gets_a_record_and_one_of_them_counts():
    records = record_of(package(), ["checkout", "cart"], AT)
    assert [(one.service, one.count) for one in records] == [("checkout", 1), ("cart", 0)]
    later = record_of(package(), ["checkout"], AT.replace(day=29))[0]
    assert later.vendor_id != records[0].vendor_id, "a finding that returns is another signal"


def facts(*found) -> IssueFacts:
    records = [record for one in found for record in record_of(one, ["cart"], AT)]
    return IssueFacts("x", "cart", records, impact=Impact.LOW)


def test_the_analysis_says_what_the_finding_says():
    made = security.conclude(facts(package(fixed=("2.8.0",)), package("dependabot", severity="HIGH", fixed=("2.8.0",))))
    assert (made.cause, made.severity, made.impact, made.pattern) == (
        Cause.SECURITY, Severity.HIGH, Impact.LOW, "security/upgrade",
    )  # fmt: skip
    assert made.next_step == "Upgrade it to 2.8.0; it is pinned in requirements.txt."
    assert security.conclude(facts(package())).next_step.startswith("No fixed version is known.")
    made = security.conclude(facts(line()))
    assert (made.culprit, made.pattern) == ("shop/search.py:7", "security/CWE-89")
    weak = security.conclude(facts(line(code="md5(x)", rule="B324", cwe=327)))  # no input becomes code there
    assert weak.next_step == "Change shop/search.py:7 so that it no longer has this weakness (CWE-327)."


@pytest.mark.parametrize(
    "attributes", [{}, {"severity": "sure", "details": 3}, {"details": {"fixed": "x"}, "finding": []}]
)
def test_odd_attributes_are_no_fault(attributes):
    record = Record(source="osv", vendor_id="1", kind=Kind.SECURITY, at=AT, title="x", attributes=attributes)
    assert security.conclude(IssueFacts("x", "cart", [record])).severity is Severity.HIGH
    assert fingerprint(record).key


def test_names_of_an_advisory_that_are_none_are_left_out():
    made = package(ids=("<script>", "CVE-1 ; rm", CVE, "x" * 500))
    assert made.details["ids"] == [CVE] and made.mark == CVE
    assert package(ids=()).mark == "unnamed"
