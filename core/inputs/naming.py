"""Maps the name that a sender gives to a service of platform.toml. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from core.policy.reader import Policy

ANY = "*"  # a token for every service
UNNAMED = "unknown_service"  # sent by OpenTelemetry's SDKs for a service without a name


class UnknownService(ValueError):
    """The sender's name is not a service of platform.toml, or not the token's."""


def known(name: str, policy: Policy) -> str:
    """The service for a sender's name; empty if there is none."""
    meant = policy.inputs.names.get(name, name)
    return meant if meant in policy.services else ""


def service_of(names: Iterable[str], owner: str, policy: Policy) -> str:
    """The service of the first known name, if the token's ``owner`` allows it. Raises UnknownService."""
    given = [name for name in names if name and not name.startswith(UNNAMED)]
    found = next(filter(None, (known(name, policy) for name in given)), "")
    if owner == ANY:
        return found or _refuse(given, "which is not a service of platform.toml (see inputs.names)")
    if not given or found == owner:
        return owner
    return _refuse(given, f"but the token is for {owner[:80]!r}")


def _refuse(given: list[str], why: str) -> str:
    raise UnknownService(f"The sender is {given[0][:80]!r}, {why}" if given else "The sender does not name its service")
