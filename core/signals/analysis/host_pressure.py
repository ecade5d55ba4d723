"""Was a host under pressure when an issue began? Pure.

A metric of a host is under pressure if the median of its last three samples at the onset reaches its limit, and the
median of the hour before did not: a host that always runs at its limit did not cause the change, and one peak is no
pressure. Without earlier samples, nothing is known.

Pressure turns the cause "code" into "environment", with two exceptions:

- the exception fails by the values of the program alone (a missing key, None, a division by zero): such a statement
  fails on an idle host as well, and a test can show it;
- a likely release came right before: then the new code is the suspect, and the pressure can be its effect.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from core.models import Cause
from core.policy.infrastructure import InfrastructureRules

BY_VALUE = frozenset(  # failed operations (core/signals/grouping/fingerprint.py) that no load of a host explains
    {
        "division",
        "none-attribute",
        "none-value",
        "subscript",
        "name",
        "operand",
        "parse",
        "arguments",
        "attribute",
        "unpack",
        "iteration",
        "wrong-type",
        "decode",
        "import",
        "assertion",
        "recursion",
    }
)
NEAREST = 3  # samples
NEXT_STEP = "Relieve the host (more resources, fewer neighbours, free disk space), then retry."


@dataclass(frozen=True)
class HostSamples:
    """A metric of a host in the hour before the onset, and in the last minutes up to it, in the order of time."""

    host: str
    name: str
    before: Sequence[float]
    onset: Sequence[float]


@dataclass(frozen=True)
class HostPressure:
    host: str
    name: str
    message: str


def pressure(samples: Sequence[HostSamples], rules: InfrastructureRules) -> list[HostPressure]:
    """The metrics under pressure, the host's name and the metric's in order."""
    found = (_pressed(one, rules.limit(one.name)) for one in sorted(samples, key=lambda s: (s.host, s.name)))
    return [one for one in found if one]


def _pressed(one: HostSamples, limit: float | None) -> HostPressure | None:
    if limit is None or not one.before or not one.onset:
        return None
    usual, now = median(one.before), median(one.onset[-NEAREST:])
    if usual >= limit or now < limit:
        return None
    host = " ".join(one.host.split())[:80]
    message = f"host {host}: {one.name[:80]} went from {usual:.4g} to {now:.4g} at the onset; the limit is {limit:.4g}"
    return HostPressure(one.host, one.name, message)


def turns(cause: Cause, operation: str, release: bool) -> bool:
    """Does pressure turn this cause into "environment"? ``release``: a likely release came right before."""
    return cause is Cause.CODE and operation not in BY_VALUE and not release
