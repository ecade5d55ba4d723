"""Which fixes are released without a person: autonomy is earned and lost, by service and class of fix.

A class earns it by its precision: on unseen cases, or on this installation's own outcomes of the service. Outcomes
with a lower precision end it, even where it was granted. A person can grant it to a class that is not measured yet,
or withhold it (platform.toml, [fix.autonomy]).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from sqlmodel import Session, col, func

from core.db.columns import select_columns
from core.models import ChangeSet, Issue
from core.policy.autonomy import AutonomyRules
from core.policy.reader import Policy
from core.repair.judge.precision import REVERT, SECURITY, Precision, classes, measured, named
from core.repair.types import Evidence

HELD, ROLLED_BACK = ("deployed", "merged"), "rolled_back"  # states of a change that was shipped
BY_A_PERSON = "a person approves every fix of a security finding"
Outcomes = Mapping[tuple[str, str], Precision]  # by service and class


@dataclass(frozen=True)
class Autonomy:
    """Whether a class of fixes of a service is released without a person, and why."""

    service: str
    name: str
    may: bool
    message: str
    unseen: Precision = Precision()
    own: Precision = Precision()


def outcomes(session: Session) -> Outcomes:
    """Verified and rolled back fixes of this installation."""
    rows = session.exec(
        select_columns(Issue.service, ChangeSet.generator, ChangeSet.grade, ChangeSet.status, func.count())
        .join(Issue, col(Issue.id) == col(ChangeSet.issue_id))
        .where(col(ChangeSet.status).in_((*HELD, ROLLED_BACK)), ChangeSet.grade != "")
        .group_by(col(Issue.service), col(ChangeSet.generator), col(ChangeSet.grade), col(ChangeSet.status))
    ).all()
    found: dict[tuple[str, str], Precision] = {}
    for service, generator, grade, status, number in rows:
        key = service, named(generator, Evidence[grade])
        before = found.get(key, Precision())
        found[key] = Precision(before.right + number * (status in HELD), before.all + number)
    return found


def judged(rules: AutonomyRules, service: str, name: str, own: Precision, unseen: Precision) -> Autonomy:
    """The first rule that applies decides. Pure."""
    may, message = next((may, message) for holds, may, message in _rules(rules, service, name, own, unseen) if holds)
    return Autonomy(service, name, may, message, unseen, own)


def _rules(rules: AutonomyRules, service: str, name: str, own: Precision, unseen: Precision):
    """The rules in order, each as (applies, released without a person, reason)."""
    here, there = own.describe("own outcome"), unseen.describe("unseen case")
    least = f"at least {rules.precision:.0%} on {rules.cases} is required"
    yield name.startswith(f"{REVERT}/"), False, "a person asked for this revert, and a person approves it"
    yield name.startswith(f"{SECURITY}/"), False, BY_A_PERSON
    yield any(fnmatchcase(f"{service}/{name}", g) for g in rules.withheld), False, "withheld by the policy"
    yield own.misses(rules.precision), False, f"lost: {here}"
    yield own.reaches(rules.precision, rules.cases), True, f"earned: {here}"
    yield unseen.reaches(rules.precision, rules.cases), True, f"earned: {there}"
    yield any(_covers(g, service, name) for g in rules.granted), True, f"granted by the policy; {there}"
    yield True, False, f"{there}; {here}; {least}"


def _covers(grant: str, service: str, name: str) -> bool:
    """A grant names the weakest grade of evidence that it covers."""
    for_service, for_kind, least = grant.split("/")
    kind, _, grade = name.partition("/")
    known = fnmatchcase(service, for_service) and fnmatchcase(kind, for_kind)
    return known and Evidence[grade.upper()] >= Evidence[least.upper()]


def of(session: Session, policy: Policy, service: str, name: str) -> Autonomy:
    own = outcomes(session).get((service, name), Precision())
    return judged(policy.fix.autonomy, service, name, own, measured(name))


def of_change(session: Session, policy: Policy, service: str, change: ChangeSet) -> Autonomy:
    return of(session, policy, service, named(change.generator, Evidence[change.grade or "NONE"]))


def table(session: Session, policy: Policy) -> list[Autonomy]:
    """Every service with every class that is released without a person there, was measured, or has outcomes."""
    own = outcomes(session)
    every = [
        judged(policy.fix.autonomy, service, name, own.get((service, name), Precision()), measured(name))
        for service in sorted(policy.services)
        for name in classes()
    ]
    return [row for row in every if row.may or row.unseen.all or row.own.all]
