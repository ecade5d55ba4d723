"""Each limit of severity and impact: just below, at and just above it."""

from __future__ import annotations

import pytest

from core.models import Impact, ServiceHealth, Severity
from core.policy.sections import SeverityRules
from core.signals.analysis.severity import assess

LOW, MEDIUM, HIGH, CRITICAL = Severity
QUIET = ServiceHealth()
RULES = SeverityRules(medium=0.01, high=0.25, critical=0.5)


def health(errors=0, requests=1000, p95=None, samples=5) -> ServiceHealth:
    return ServiceHealth(requests=requests, errors=errors, p95_ms=p95, samples=samples)


def assessed(now, before=QUIET, users=0, others=(), critical=False, impact=Impact.LOW):
    return assess(now, before, others, users, critical, impact, RULES, 50.0)


@pytest.mark.parametrize(
    ("errors", "requests", "severity", "says"),
    [
        (9, 1000, LOW, "0.9% of 1000 requests fail"),
        (10, 1000, MEDIUM, "1.0% of 1000 requests fail"),
        (249, 1000, MEDIUM, "24.9% of 1000 requests fail"),
        (250, 1000, HIGH, "25.0% of 1000 requests fail"),
        (499, 1000, HIGH, "49.9% of 1000 requests fail"),
        (500, 1000, CRITICAL, "50.0% of 1000 requests fail"),
        (5, 10, CRITICAL, "50.0% of 10 requests fail"),
        (4, 8, MEDIUM, "50.0% of 8 requests fail, too few to say more"),
        (4, 16, MEDIUM, "25.0% of 16 requests fail, too few to say more"),
        (4, 20, MEDIUM, "20.0% of 20 requests fail"),
        (4, 1000, LOW, "0.4% of 1000 requests fail"),
        (0, 0, LOW, "no request figures of the service"),
    ],
)
def test_the_share_that_fails(errors, requests, severity, says):
    found = assessed(health(errors, requests))
    assert found.severity is severity
    assert found.reasons[0] == {"says": f"{says}: {severity}", "weight": list(Severity).index(severity)}


@pytest.mark.parametrize(
    ("users", "requests", "severity", "impact"),
    [
        (99, 0, LOW, Impact.LOW),
        (100, 0, MEDIUM, Impact.MEDIUM),
        (999, 0, MEDIUM, Impact.MEDIUM),
        (1000, 0, HIGH, Impact.MEDIUM),
        (100, 1000, MEDIUM, Impact.MEDIUM),  # a tenth of the requests
        (100, 1001, LOW, Impact.LOW),
    ],
)
def test_affected_users(users, requests, severity, impact):
    found = assessed(health(0, requests), users=users)
    assert (found.severity, found.impact) == (severity, impact)
    assert any(f"{users:,} affected users" in ground["says"] for ground in found.reasons) is (severity is not LOW)


@pytest.mark.parametrize(
    ("errors", "earlier", "severity"),
    [
        (200, 20, MEDIUM),  # tenfold
        (199, 20, LOW),
        (210, 20, MEDIUM),
        (200, 0, MEDIUM),  # 0.2 % and none before
        (199, 0, LOW),
    ],
)
def test_a_steep_trend(errors, earlier, severity):
    found = assessed(health(errors, 100_000), health(earlier, 100_000))
    assert found.severity is severity
    assert ("the error rate grew" in str(found.reasons)) is (severity is MEDIUM)


@pytest.mark.parametrize("before", [QUIET, health(1)])
def test_without_figures_there_is_no_trend(before):
    assert assessed(QUIET, before).severity is LOW
    assert "grew" not in str(assessed(health(5), QUIET).reasons)


@pytest.mark.parametrize(
    ("before", "after", "samples", "severity"),
    [
        (100, 200, 5, LOW),
        (100, 201, 5, MEDIUM),
        (100, 1000, 5, MEDIUM),
        (100, 1001, 5, HIGH),
        (100, 1001, 3, HIGH),
        (100, 1001, 2, LOW),
        (10, 60, 5, LOW),  # noise
        (10, 61, 5, MEDIUM),
    ],
)
def test_a_slower_service(before, after, samples, severity):
    found = assessed(health(p95=after, samples=samples), health(p95=before))
    assert found.severity is severity
    assert (f"p95 rose from {before} ms to {after} ms" in str(found.reasons)) is (severity is not LOW)


@pytest.mark.parametrize(
    ("others", "users", "catalogue", "impact", "weights"),
    [
        ((), 0, Impact.LOW, Impact.LOW, [0]),
        (("a",), 0, Impact.LOW, Impact.LOW, [0]),
        (("b", "a"), 0, Impact.LOW, Impact.MEDIUM, [0, 1]),
        ((), 100, Impact.MEDIUM, Impact.HIGH, [1, 1]),
        (("b", "a"), 100, Impact.LOW, Impact.HIGH, [0, 1, 1]),
        (("b", "a"), 100, Impact.HIGH, Impact.HIGH, [2, 1, 1]),
    ],
)
def test_impact(others, users, catalogue, impact, weights):
    found = assessed(QUIET, users=users, others=others, impact=catalogue)
    grounds = ("raise the impact by one step", "other service")
    own = [ground["weight"] for ground in found.reasons if any(words in ground["says"] for words in grounds)]
    assert found.impact is impact
    assert [list(Impact).index(catalogue), *own] == weights
    assert f"platform.toml rates the impact of the service as {catalogue}" in str(found.reasons)


def test_at_most_five_other_failing_services_are_named():
    says = str(assessed(QUIET, others=tuple("gfedcba")).reasons)
    assert "7 other services failing: a, b, c, d, e'" in says


@pytest.mark.parametrize("critical", [True, False])
def test_a_critical_service_is_named(critical):
    listed = {"says": "the service is listed as critical", "weight": 0}
    assert (listed in assessed(QUIET, critical=critical).reasons) is critical
