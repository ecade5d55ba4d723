"""Rights and roles as a table, and the type of an acting person. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from core.models.access import Role

VIEW, OPERATE, APPROVE, AUDIT, ADMINISTER = "view", "operate", "approve", "audit", "administer"

RIGHTS: Mapping[str, frozenset[Role]] = {
    VIEW: frozenset(Role),  # see every issue, change, deployment and figure
    # escalate, retry, resolve, dismiss, merge, split, silence, start a round
    OPERATE: frozenset({Role.OPERATOR, Role.APPROVER, Role.ADMIN}),
    APPROVE: frozenset({Role.APPROVER, Role.ADMIN}),  # release or refuse a patch, roll production back
    AUDIT: frozenset({Role.APPROVER, Role.ADMIN}),  # read and export the audit trail
    ADMINISTER: frozenset({Role.ADMIN}),  # policy, settings, people and tokens
}
MAY = {  # right: text of a refusal
    VIEW: "view the console",
    OPERATE: "work on issues",
    APPROVE: "approve, reject or roll back",
    AUDIT: "read the audit trail",
    ADMINISTER: "change policy, settings or people",
}


class Refused(Exception):
    """The action is not possible in the current state; the message says why."""


class Forbidden(Refused):
    """The person lacks the right; the message says which, and who has it."""


class IdentityProof(StrEnum):
    """How a person was authenticated."""

    SESSION = "session"  # a browser that signed in
    TOKEN = "token"  # an API token, whose value is not stored
    SLACK = "slack"  # a user named by a payload that Slack signed


@dataclass(frozen=True)
class Actor:
    """An acting person, with their current role.

    ``scopes`` narrows the role (an API token). ``via`` is recorded in the audit trail. ``proof`` is set only after a
    session, token or signature was verified; without it, no action is allowed.
    """

    name: str
    role: Role
    scopes: frozenset[str] | None = None
    via: str = "console"
    proof: IdentityProof | None = None

    @property
    def rights(self) -> frozenset[str]:
        of_role = frozenset(right for right, roles in RIGHTS.items() if self.role in roles)
        return of_role if self.scopes is None else of_role & self.scopes

    def may(self, right: str) -> bool:
        return right in self.rights


def proved(actor: Actor) -> Actor:
    """The actor, if authenticated. Raises Forbidden, which says how to authenticate."""
    if isinstance(actor, Actor) and actor.proof is not None:
        return actor
    raise Forbidden(
        "This needs an authenticated person: sign in to the console, answer in Slack, or set PLATFORM_TOKEN "
        "(python -m core token add NAME --label WHAT --scope RIGHT)"
    )


def require(actor: Actor, right: str) -> Actor:
    """The actor, if they hold the right. Raises Forbidden."""
    if actor.may(right):
        return actor
    if actor.role in RIGHTS[right]:
        raise Forbidden(f"This token of {actor.name} lacks the scope {right!r}")
    able = ", ".join(role.value for role in Role if role in RIGHTS[right])
    raise Forbidden(f"{actor.name} ({actor.role.value}) cannot {MAY[right]}; required role: {able}")
