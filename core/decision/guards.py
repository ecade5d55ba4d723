"""The guards: checks after the matrix that can only make its verdict safer. Pure.

Each returns whether it fires and why; its effect is to escalate, to ask for approval, or to queue.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from core.decision.situation import Situation
from core.models import CURABLE, Cause, Severity
from core.models.counted import counted
from core.models.templates import template_of
from core.policy.reader import Policy

CORROBORATION = "corroboration"  # the guard that asks a person if nothing corroborates a report


@dataclass(frozen=True)
class Guard:
    """The result of a guard: ``effect`` is empty (did not fire), approval, escalate or queue."""

    name: str
    effect: str
    message: str


Rule = Callable[[Situation, float, Policy], tuple[bool, str]]  # (situation, confidence, policy) -> (fires, message)


def _known_service(case: Situation, _confidence: float, policy: Policy) -> tuple[bool, str]:
    fires = case.service not in policy.services
    return fires, f"{case.service or 'the service'} must be listed in platform.toml"


def _curable(case: Situation, _confidence: float, policy: Policy) -> tuple[bool, str]:
    template = template_of(case.cause)
    if template not in policy.fix.templates:
        return True, f"the policy allows no fixes of the template {template} (fix.templates)"
    if case.cause is Cause.PERFORMANCE:
        return not case.suspect, "a slowdown is fixed only with a commit as its suspect"
    fires = case.cause not in CURABLE
    return fires, f"the cause is {case.cause}; the platform fixes only errors in the code"


def _evidence_floor(case: Situation, _confidence: float, policy: Policy) -> tuple[bool, str]:
    least = policy.guards.minimum_occurrences
    fires = case.occurrences < least and case.cause is not Cause.SECURITY  # a scan reports a finding once
    return fires, f"seen {counted(case.occurrences, 'time')}; the minimum is {least}"


def _critical_confidence(case: Situation, confidence: float, policy: Policy) -> tuple[bool, str]:
    least = policy.guards.critical_confidence
    fires = policy.is_critical(case.service) and confidence < least
    return fires, f"a critical service needs a confidence of at least {least:g}"


def _critical_severity(case: Situation, _confidence: float, _policy: Policy) -> tuple[bool, str]:
    fires = case.severity is Severity.CRITICAL
    return fires, "critical severity needs a person's approval before production"


def _critical_service(case: Situation, _confidence: float, policy: Policy) -> tuple[bool, str]:
    critical = policy.is_critical(case.service)
    return critical, f"{case.service} is {'' if critical else 'not '}a critical service"


def _corroboration(case: Situation, _confidence: float, policy: Policy) -> tuple[bool, str]:
    fires = not case.corroborated and policy.asks_corroboration(case.service)
    return fires, case.corroboration or "the service's own metrics or logs must show the reported failures"


def _security(case: Situation, _confidence: float, _policy: Policy) -> tuple[bool, str]:
    return case.cause is Cause.SECURITY, "a person approves every fix of a security finding"


def _performance(case: Situation, _confidence: float, _policy: Policy) -> tuple[bool, str]:
    fires = case.cause is Cause.PERFORMANCE and case.suspect
    return fires, "a person approves every fix of a slowdown"


def _approval_policy(_case: Situation, _confidence: float, policy: Policy) -> tuple[bool, str]:
    if policy.environment.staging:
        return True, "staging releases nothing without a person"
    return policy.guards.approval_always, "the policy requires approval of every fix"


def _rollbacks(case: Situation, _confidence: float, policy: Policy) -> tuple[bool, str]:
    most, seen = policy.guards.stop_after_rollbacks, case.rollbacks_in_a_row
    return seen >= most, f"{counted(seen, 'rollback')} in a row; approval is required from {most}"


def _deployments(case: Situation, _confidence: float, policy: Policy) -> tuple[bool, str]:
    most, made = policy.guards.deployments_per_hour, case.deployments_last_hour
    return made >= most, f"{counted(made, 'automatic deployment')} in the last hour; the limit is {most}"


GUARDS: Sequence[tuple[str, str, Rule]] = (  # name, effect, rule
    ("known service", "escalate", _known_service),
    ("curable by code", "escalate", _curable),
    ("evidence floor", "escalate", _evidence_floor),
    ("critical service confidence", "escalate", _critical_confidence),
    ("critical severity", "approval", _critical_severity),
    ("critical service", "approval", _critical_service),
    (CORROBORATION, "approval", _corroboration),
    ("security finding", "approval", _security),
    ("performance fix", "approval", _performance),
    ("approval policy", "approval", _approval_policy),
    ("rollbacks in a row", "approval", _rollbacks),
    ("deployments an hour", "queue", _deployments),
)


def guards(case: Situation, confidence: float, policy: Policy) -> Iterator[Guard]:
    """Every guard, fired or not, so that the receipt shows all checks."""
    for name, effect, rule in GUARDS:
        fires, message = rule(case, confidence, policy)
        yield Guard(name, effect if fires else "", message)
