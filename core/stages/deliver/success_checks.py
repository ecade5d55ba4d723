"""A service's own success checks (``[services.NAME.checks.CHECK]``), run before a release and at each look.

A check is a URL with its expected response, or a metric with its maximum. Its result is "" if it passes, else a
description of the fault; a metric with too few requests has no result.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from core.models import ServiceHealth
from core.policy.services import SuccessCheck
from core.runtime import Runtime

Answers = Mapping[str, str]  # "service: check" -> fault, or ""


def of(rt: Runtime, services: Iterable[str]) -> dict[str, tuple[str, SuccessCheck]]:
    """Service and check by the check's full name."""
    known = rt.policy.services
    return {
        f"{service}: {name}": (service, check)
        for service in sorted(services)
        for name, check in known[service].checks.items()
    }


def ask(rt: Runtime, services: Iterable[str], health: Mapping[str, ServiceHealth]) -> dict[str, str]:
    """Run every check of the services; ``health`` is their health since the release, or before it."""
    least = rt.policy.watch.minimum_requests
    answers = {
        name: rt.probe(check.url, status=check.status, contains=check.contains)
        if check.url
        else bound(check, health.get(service, ServiceHealth()), least)
        for name, (service, check) in of(rt, services).items()
    }
    return {name: answer for name, answer in answers.items() if answer is not None}


def bound(check: SuccessCheck, health: ServiceHealth, least: int) -> str | None:
    """The result of a metric check; None with fewer requests than ``least``. Pure."""
    value = getattr(health, check.metric)
    if value is None or health.requests < least:
        return None
    return "" if value <= check.at_most else f"{check.metric} is {value:.4g}; the maximum is {check.at_most:g}"


def harm(before: Answers, last: Answers, now: Answers) -> list[str]:
    """Checks that passed before the release and failed in two consecutive looks. Pure."""
    return [f"{name}: {fault}" for name, fault in now.items() if fault and last.get(name) and before.get(name) == ""]


def unmet(names: Iterable[str], before: Answers, now: Answers) -> list[str]:
    """Checks that prevent a confirmation: failing or without a result, and not failing before the release. Pure."""
    return [
        f"{name}: {now.get(name, 'no answer yet')}" for name in names if now.get(name) != "" and not before.get(name)
    ]
