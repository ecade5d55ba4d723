"""The inputs of a decision, as plain values. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import takewhile

from core.models import Cause, Impact, Severity


@dataclass(frozen=True)
class Situation:
    """All inputs of a decision. ``analysis`` and ``simplicity`` are 0..1.

    ``successes`` of ``outcomes``: earlier fixes of the pattern that held, of all of them.

    ``corroborated``: the service's own metrics or logs show the failures that were reported.
    """

    service: str
    severity: Severity
    impact: Impact
    cause: Cause = Cause.CODE
    analysis: float = 0.0
    simplicity: float = 0.0
    successes: int = 0
    outcomes: int = 0
    occurrences: int = 1
    deployments_last_hour: int = 0
    rollbacks_in_a_row: int = 0
    corroborated: bool = True  # older decisions, made without this check, count as corroborated
    corroboration: str = ""  # the source, or why there is none
    suspect: bool = False  # a commit is the likely cause of a slowdown; older decisions were made without this
    services: int = 1  # affected; older decisions, made without this count, have one


def rollbacks_in_a_row(results: list[str]) -> int:
    """How many of the newest outcomes in production (newest first) were rolled back without interruption."""
    return sum(
        1
        for _ in takewhile(
            lambda result: result == "rolled_back", (r for r in results if r in ("fixed", "rolled_back"))
        )
    )


def read_situation(given: dict) -> Situation:
    """A Situation from plain JSON. Raises ValueError that names the unknown, missing or out-of-range value."""
    unknown = set(given) - set(Situation.__dataclass_fields__)
    if unknown:
        raise ValueError(f"unknown keys: {', '.join(sorted(unknown))}")
    if lacking := {"service", "severity", "impact"} - set(given):
        raise ValueError(f"missing keys: {', '.join(sorted(lacking))}")
    words = {"severity": Severity, "impact": Impact, "cause": Cause}
    case = Situation(**{key: words[key](value) if key in words else value for key, value in given.items()})
    _check(case)
    return case


def _check(case: Situation) -> None:
    """Raises ValueError that names the value out of range."""
    for name in ("analysis", "simplicity"):
        if not 0 <= getattr(case, name) <= 1:
            raise ValueError(f"{name} must be between 0 and 1")
    if type(case.services) is not int or case.services < 1:
        raise ValueError("services is the number of affected services, and at least 1")
    if min(case.successes, case.outcomes - case.successes, case.occurrences) < 0:
        raise ValueError("successes, outcomes and occurrences are counts, with 0 <= successes <= outcomes")
    if not isinstance(case.suspect, bool):
        raise ValueError("suspect must be true or false")
    if not isinstance(case.corroborated, bool) or not isinstance(case.corroboration, str):
        raise ValueError("corroborated must be true or false, and corroboration must be text")
