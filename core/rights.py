"""Who may do what: a table of rights and roles, and the shape of somebody who acts. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from core.people import Role

VIEW, OPERATE, APPROVE, AUDIT, ADMINISTER = "view", "operate", "approve", "audit", "administer"

RIGHTS: Mapping[str, frozenset[Role]] = {
    VIEW: frozenset(Role),  # see every issue, change, deployment and figure
    # escalate, retry, resolve, dismiss, merge, split, silence, start a round
    OPERATE: frozenset({Role.OPERATOR, Role.APPROVER, Role.ADMIN}),
    APPROVE: frozenset({Role.APPROVER, Role.ADMIN}),  # release or refuse a patch, roll production back
    AUDIT: frozenset({Role.APPROVER, Role.ADMIN}),  # read and export the audit trail
    ADMINISTER: frozenset({Role.ADMIN}),  # policy, settings, people and tokens
}
MAY = {  # right: what a refusal says
    VIEW: "look at the console",
    OPERATE: "work on issues",
    APPROVE: "approve, reject or roll back",
    AUDIT: "read the audit trail",
    ADMINISTER: "change policy, settings or people",
}


class Refused(Exception):
    """The action is not possible as things stand; the message says why."""


class Forbidden(Refused):
    """The one who asked lacks the right; the message says which and who has it."""


@dataclass(frozen=True)
class Actor:
    """Somebody who acts, as the store knows them at this moment.

    ``scopes`` narrows the role (an API token); ``via`` is told in the audit trail; ``owner`` is the account of
    this machine that owns the database, which needs no row in it.
    """

    name: str
    role: Role
    scopes: frozenset[str] | None = None
    via: str = "console"
    owner: bool = False

    @property
    def rights(self) -> frozenset[str]:
        of_role = frozenset(right for right, roles in RIGHTS.items() if self.role in roles)
        return of_role if self.scopes is None else of_role & self.scopes

    def may(self, right: str) -> bool:
        return right in self.rights


def require(actor: Actor, right: str) -> Actor:
    """The actor, if they hold the right. Raises Forbidden."""
    if actor.may(right):
        return actor
    if actor.role in RIGHTS[right]:
        raise Forbidden(f"this token of {actor.name} has no scope {right!r}")
    able = ", ".join(role.value for role in Role if role in RIGHTS[right])
    raise Forbidden(f"{actor.name} ({actor.role.value}) may not {MAY[right]}; needed: {able}")
