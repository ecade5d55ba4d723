"""An authenticated actor, as from a session of the console or a token."""

from __future__ import annotations

from core.access.rights import Actor, IdentityProof
from core.models.access import Role


def by(name: str, **values) -> Actor:
    """The person of this name; the store has their role."""
    return Actor(name, Role.VIEWER, **{"proof": IdentityProof.SESSION, **values})
