"""Severity and impact from figures, with the reason for each.

Severity is how badly the service fails (share of its requests, or growth of its p95), raised by the number
of affected users and by a steep trend. Impact is the effect on the business: it starts at the catalogue's
value and rises with the number of failing services.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from core.models import Impact, ServiceHealth, Severity
from core.models.counted import counted
from core.policy.sections import SeverityRules
from core.signals.health import FEWEST_ERRORS, FEWEST_POINTS, slower

SEVERITIES, IMPACTS = list(Severity), list(Impact)
USERS = ((1000, Severity.HIGH), (100, Severity.MEDIUM))  # affected users -> minimum severity
USERS_SHARE = 0.10  # of the requests: below it, the number of users does not raise the severity
STEEP, NOTABLE = 10.0, 0.002  # a tenfold rise of the error rate counts from this share of the requests
BROAD = 2  # number of other services that fail at the same time
SLOWER = ((10.0, Severity.HIGH), (2.0, Severity.MEDIUM))  # growth of p95 -> minimum severity


@dataclass(frozen=True)
class Assessment:
    severity: Severity
    impact: Impact
    reasons: tuple[dict, ...]  # {"says": str, "weight": float}; a weight is in steps of severity or impact


def assess(
    health: ServiceHealth,
    before: ServiceHealth,
    others: Sequence[str],
    users: int,
    critical: bool,
    catalogue_impact: Impact,
    rules: SeverityRules,
    noise_ms: float,
    share: float = 1.0,
) -> Assessment:
    """Severity and impact now, compared with ``before``. ``others`` are services that fail at the same time.

    Growth of p95 by up to ``noise_ms`` is noise. ``share`` is this issue's share of the service's failures.
    """
    grounds = list(_grounds(health, before, users, rules, noise_ms, share))
    severity = max((level for level, _ in grounds), key=SEVERITIES.index)
    reasons = [_say(f"{reason}: {level}", SEVERITIES.index(level)) for level, reason in grounds]
    impact, more = _impact(health, others, users, catalogue_impact)
    if critical:
        more.append(_say("the service is listed as critical", 0))
    return Assessment(severity, impact, (*reasons, *more))


def _grounds(
    health: ServiceHealth, before: ServiceHealth, users: int, rules: SeverityRules, noise_ms: float, share: float
) -> Iterator[tuple[Severity, str]]:
    """Each reason for a severity; the most severe one counts."""
    own = health.model_copy(update={"errors": health.errors * share})
    level, reason = _failing(own, rules)
    yield level, reason if share == 1 else f"{reason} by this issue, {health.error_rate or 0:.1%} in all"
    if level := _many(health, users):
        yield level, f"{counted(users, 'affected user')}"
    rate, earlier = own.error_rate or 0, before.error_rate
    if earlier is not None and rate >= max(NOTABLE, STEEP * earlier):
        yield Severity.MEDIUM, f"the error rate grew from {earlier:.2%} to {rate:.2%}"
    grown = (level for factor, level in SLOWER if slower(before, health, factor, noise_ms))
    if health.samples >= FEWEST_POINTS and (slow := next(grown, None)):
        yield slow, f"p95 rose from {before.p95_ms:.0f} ms to {health.p95_ms:.0f} ms"


def _failing(health: ServiceHealth, rules: SeverityRules) -> tuple[Severity, str]:
    rate = health.error_rate
    if rate is None:
        return Severity.LOW, "no request figures of the service"
    limits = (Severity.CRITICAL, rules.critical), (Severity.HIGH, rules.high), (Severity.MEDIUM, rules.medium)
    few = health.errors < FEWEST_ERRORS  # too few failures for a meaningful share
    level = next((level for level, limit in limits[2 if few else 0 :] if rate >= limit), Severity.LOW)
    doubt = ", too few to say more" if few and rate >= rules.high else ""
    return level, f"{rate:.1%} of {health.requests:.0f} requests fail{doubt}"


def _many(health: ServiceHealth, users: int) -> Severity | None:
    if health.requests and users / health.requests < USERS_SHARE:
        return None
    return next((level for least, level in USERS if users >= least), None)


def _impact(health: ServiceHealth, others: Sequence[str], users: int, catalogue: Impact) -> tuple[Impact, list[dict]]:
    reasons = [_say(f"platform.toml rates the impact of the service as {catalogue}", IMPACTS.index(catalogue))]
    if len(others) >= BROAD:
        reasons.append(_say(f"{counted(len(others), 'other service')} failing: {', '.join(sorted(others)[:5])}", 1))
    if _many(health, users):
        reasons.append(_say(f"{counted(users, 'affected user')} raise the impact by one step", 1))
    return IMPACTS[min(IMPACTS.index(catalogue) + len(reasons) - 1, len(IMPACTS) - 1)], reasons


def _say(message: str, weight: float) -> dict:
    return {"says": message, "weight": weight}
