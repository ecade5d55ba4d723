"""The failures of a service are shared among its issues in proportion to their reports."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core.db import store
from core.models import Metric, ServiceHealth, Severity, now
from core.signals.analysis.analyst import EmbeddedAnalyst
from core.stages import analyze
from core.stages.shares import ReportShares, failing
from tests import factories


@pytest.mark.parametrize(
    ("own", "others", "errors", "share"),
    [
        (10, 0, 10, 1.0),
        (10, 30, 40, 0.25),
        (10, 30, 400, 0.25),  # a tenth of both is reported
        (0, 30, 40, 1.0),  # a slowdown or an alert: no reports
        (10, 0, 0, 1.0),
        (10, 10_000, 10, 1.0),  # made-up reports of another fault
        (10, 10_000, 20, 0.5),
    ],
)
def test_the_share_of_an_issue(own, others, errors, share):
    assert ReportShares(own, others).share(errors) == pytest.approx(share)


@pytest.mark.parametrize(
    ("errors", "foreign", "fails"),
    [(0, 0, False), (1, 0, False), (20, 0, True), (20, 9, True), (20, 10, False), (20, 50, False)],
)
def test_failures_of_another_fault_do_not_count_for_this_one(errors, foreign, fails):
    assert failing(ServiceHealth(requests=100, errors=errors), foreign) is fails


def reported(session, issue, count: int, **values) -> None:
    factories.signal(session, issue, at=now() - timedelta(minutes=1), count=count, **values)


def fails(session, service: str, errors: float, requests: float = 100.0) -> None:
    for name, value in (("requests", requests), ("errors", errors)):
        session.add(Metric(source="datadog", service=service, name=name, at=now() - timedelta(minutes=1), value=value))


def issue(session, service: str, pattern: str):
    return factories.issue(
        session, service=service, pattern=pattern, counted_by="sentry", age=timedelta(minutes=3), severity=None
    )


POLICY = '[repositories.r]\nremote = "https://git.example/r.git"\n' + "".join(
    f'[services.{name}]\nrepository = "r"\nimpact = "low"\n' for name in ("cart", "mail", "search")
)


@pytest.mark.parametrize(
    ("own", "other", "errors", "severity"),
    [
        (60, 0, 60, Severity.CRITICAL),
        (10, 50, 60, Severity.MEDIUM),  # two faults in one service: the other one is the severe one
        (30, 30, 60, Severity.HIGH),
        (50, 10, 60, Severity.CRITICAL),
    ],
)
def test_the_severity_of_two_faults_in_one_service(platform, own, other, errors, severity):
    platform.settings.platform_file.write_text(POLICY)
    with store.write() as session:
        mine, another = issue(session, "cart", "KeyError/missing-key"), issue(session, "cart", "ValueError/parse")
        fails(session, "cart", errors)
        reported(session, mine, own)
        if other:
            reported(session, another, other)
            reported(session, another, other, source="newrelic")  # the same, from the other source
            reported(session, another, 1, source="github_issues")  # the first source, with the fewest reports
            another.counted_by = "github_issues"
    found = EmbeddedAnalyst().analyze(analyze.gather(platform, mine.id))
    assert found.severity is severity, found.evidence


@pytest.mark.parametrize(
    ("pattern", "others"),
    [("ValueError/parse", []), ("KeyError/missing-key", ["mail", "search"]), (None, ["mail", "search"])],
)
def test_other_services_raise_the_impact_unless_other_faults_explain_them(platform, pattern, others):
    platform.settings.platform_file.write_text(POLICY)
    with store.write() as session:
        mine = issue(session, "cart", "KeyError/missing-key")
        reported(session, mine, 10)
        for service in ("cart", "mail", "search"):
            fails(session, service, 10)
            if pattern and service != "cart":
                reported(session, issue(session, service, pattern), 10)
    assert sorted(analyze.gather(platform, mine.id).others) == others
