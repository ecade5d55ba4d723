"""Severity and impact: each reason alone, then the most severe."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core.db import store
from core.models import Impact, ServiceHealth, Severity, now
from core.policy.sections import SeverityRules
from core.signals.analysis.analyst import EmbeddedAnalyst
from core.signals.analysis.severity import assess
from core.stages import analyze
from tests import factories, scenes


def health(rate=0.0, requests=1000, p95=None, samples=5) -> ServiceHealth:
    return ServiceHealth(requests=requests, errors=rate * requests, p95_ms=p95, samples=samples)


def assessed(now, before=ServiceHealth(), others=(), users=0, critical=False, impact=Impact.MEDIUM):  # noqa: B008
    return assess(now, before, others, users, critical, impact, SeverityRules(), 50.0)


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
        (health(p95=90), health(p95=12), 0, Severity.MEDIUM),
        (health(p95=13), health(p95=12), 0, Severity.LOW),
        (health(p95=52), health(p95=4), 0, Severity.LOW),  # thirteen times as slow, but unnoticeable
        (health(p95=300, samples=2), health(p95=12), 0, Severity.LOW),  # a slow moment
        (health(0.5, requests=8), health(), 0, Severity.MEDIUM),  # four of eight
        (health(0.5, requests=10), health(), 0, Severity.CRITICAL),
    ],
)
def test_severity(now, before, users, severity):
    assessment = assessed(now, before, users=users)
    assert assessment.severity is severity
    assert any(severity in ground["says"] for ground in assessment.reasons)


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
    assert assessed(health(0.1), others=others, users=users, impact=catalogue).impact is impact


def test_a_critical_service_is_mentioned_but_raises_nothing():
    plain, critical = assessed(health(0.1)), assessed(health(0.1), critical=True)
    assert (plain.severity, plain.impact) == (critical.severity, critical.impact)
    assert {"says": "the service is listed as critical", "weight": 0} in critical.reasons


def test_the_analyst_uses_the_policys_limits_and_noise(platform):
    platform.settings.platform_file.write_text("[severity]\nhigh = 0.2\n[watch]\nlatency_floor_ms = 400\n")
    with store.write() as session:
        issue = factories.issue(session, first_seen=now() - timedelta(minutes=6))
        factories.signal(session, issue)
        scenes.metrics(session, issue.service, now(), minutes=12, broken=(6, 12))
    evidence = analyze.gather(platform, issue.id)
    assert (evidence.rules.high, evidence.noise_ms) == (0.2, 400)
    assert evidence.health.error_rate == pytest.approx(0.22, abs=0.01)  # medium by the policy's limits
    assert EmbeddedAnalyst().analyze(evidence).severity is Severity.HIGH
