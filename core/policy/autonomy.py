"""When a class of fixes is released without a person: the section [fix.autonomy] of platform.toml. Pure."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from core.policy.services import Strict

GRADES = ("none", "style", "sibling", "caller", "type", "test", "documented")  # core.repair.types.Evidence


def _class(pattern: str) -> str:
    """A class of fixes, as SERVICE/FIXER/EVIDENCE."""
    _, fixer, grade = pattern.split("/") if pattern.count("/") == 2 else ("", "", "")
    if not fixer or (grade not in GRADES and not any(c in grade for c in "*?[")):
        raise ValueError(f"{pattern!r} is not SERVICE/FIXER/EVIDENCE, with evidence one of {', '.join(GRADES)}")
    return pattern


def _grant(pattern: str) -> str:
    if _class(pattern).rpartition("/")[2] not in GRADES:
        raise ValueError(f"{pattern!r} must name the weakest evidence: one of {', '.join(GRADES)}")
    return pattern


class AutonomyRules(Strict):
    """When a class of fixes (SERVICE/FIXER/EVIDENCE) is released without a person: by its precision, or by a grant."""

    precision: float = Field(
        default=0.9, gt=0, lt=1, description="precision that a class must show, as the lower bound of its 95 % interval"
    )
    cases: int = Field(default=30, ge=1, description="unseen cases, or own outcomes of the service, that must show it")
    granted: list[Annotated[str, AfterValidator(_grant)]] = Field(
        default=[],
        description='classes that need not be measured; the weakest evidence, e.g. ["shop/embedded/sibling"]',
    )
    withheld: list[Annotated[str, AfterValidator(_class)]] = Field(
        default=[], description='classes (globs) that always need a person, e.g. ["*/model/*"]'
    )
