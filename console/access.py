"""Who is here and what they may do.

There is no sign-in yet: everybody who reaches the console is the local operator "demo", and the
console says so. Roles slot in here: ``current`` is the only place that names a person, ``require``
the only guard, and every page and every action calls it.
"""

from __future__ import annotations

from dataclasses import dataclass

VIEW, OPERATE, APPROVE = "view", "operate", "approve"
AUDIT, ADMINISTER = "audit", "administer"  # read the audit trail; change policy and settings


@dataclass(frozen=True)
class Person:
    name: str
    rights: frozenset[str]


class Forbidden(Exception):
    """This person lacks the right."""


LOCAL = Person("demo", frozenset({VIEW, OPERATE, APPROVE, AUDIT, ADMINISTER}))


def current() -> Person:
    return LOCAL


def require(right: str) -> Person:
    """The person here, if they hold the right. Raises Forbidden."""
    person = current()
    if right not in person.rights:
        raise Forbidden(f"{person.name} may not {right}")
    return person


def notice() -> str:
    return f"No sign-in, loopback only. You act as **{current().name}**."
