"""Severity and impact: each ground alone, then the gravest."""

from __future__ import annotations

import pytest

from core.models import Impact, ServiceHealth, Severity
from core.settings import SeverityRules
from core.signals.severity import assess


def health(rate=0.0, requests=1000, p95=None) -> ServiceHealth:
    return ServiceHealth(requests=requests, errors=rate * requests, p95_ms=p95, samples=5)


def told(now, before=ServiceHealth(), others=(), users=0, critical=False, impact=Impact.MEDIUM):  # noqa: B008
    return assess(now, before, others, users, critical, impact, SeverityRules())


@pytest.mark.parametrize(
    ("now", "before", "users", "severity"),
    [
        (ServiceHealth(), ServiceHealth(), 0, Severity.LOW),
        (health(0.005), health(0.005), 0, Severity.LOW),
        (health(0.03), health(), 0, Severity.MEDIUM),
        (health(0.20), health(0.001), 0, Severity.MEDIUM),
        (health(0.25), health(), 0, Severity.HIGH),
        (health(0.5), health(), 0, Severity.CRITICAL),
        (health(0.005), health(0.0001), 0, Severity.MEDIUM),
        (health(0.005), health(0.005), 150, Severity.MEDIUM),
        (health(0.005, requests=100_000), health(0.005), 150, Severity.LOW),
        (ServiceHealth(), ServiceHealth(), 1000, Severity.HIGH),
        (health(p95=300), health(p95=12), 0, Severity.HIGH),
        (health(p95=30), health(p95=12), 0, Severity.MEDIUM),
        (health(p95=13), health(p95=12), 0, Severity.LOW),
    ],
)
def test_severity(now, before, users, severity):
    assessment = told(now, before, users=users)
    assert assessment.severity is severity
    assert any(severity in ground["says"] for ground in assessment.says)


@pytest.mark.parametrize(
    ("catalogue", "others", "users", "impact"),
    [
        (Impact.LOW, (), 0, Impact.LOW),
        (Impact.MEDIUM, ("a",), 0, Impact.MEDIUM),
        (Impact.LOW, ("b", "a"), 0, Impact.MEDIUM),
        (Impact.LOW, (), 200, Impact.MEDIUM),
        (Impact.LOW, ("a", "b"), 200, Impact.HIGH),
        (Impact.HIGH, ("a", "b"), 200, Impact.HIGH),
    ],
)
def test_impact_starts_at_the_catalogue_and_rises_with_breadth(catalogue, others, users, impact):
    assert told(health(0.1), others=others, users=users, impact=catalogue).impact is impact


def test_a_critical_service_is_said_but_raises_nothing():
    plain, critical = told(health(0.1)), told(health(0.1), critical=True)
    assert (plain.severity, plain.impact) == (critical.severity, critical.impact)
    assert {"says": "the service is listed as critical", "weight": 0} in critical.says
