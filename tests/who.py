"""Somebody who acts and has proved it, as a session of the console or a token would."""

from __future__ import annotations

from core.access.rights import Actor, IdentityProof
from core.models.access import Role


def by(name: str, **values) -> Actor:
    """The person of this name; which role they have is asked of the store."""
    return Actor(name, Role.VIEWER, **{"proof": IdentityProof.SESSION, **values})
