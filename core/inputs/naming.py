"""Whose signal it is: the service of platform.toml that a sender's name means. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from core.policy.reader import Policy

ANY = "*"  # a token for every service
UNNAMED = "unknown_service"  # what OpenTelemetry's SDKs send for a service that has no name


class UnknownService(ValueError):
    """The sender's name is not a service of platform.toml, or not the token's."""


def known(name: str, policy: Policy) -> str:
    """The service that a sender's name means; empty when there is none."""
    meant = policy.inputs.names.get(name, name)
    return meant if meant in policy.services else ""


def service_of(names: Iterable[str], owner: str, policy: Policy) -> str:
    """The service of the first known name, within what the token's ``owner`` allows. Raises UnknownService."""
    told = [name for name in names if name and not name.startswith(UNNAMED)]
    found = next(filter(None, (known(name, policy) for name in told)), "")
    if owner == ANY:
        return found or _refuse(told, "which is not a service of platform.toml (see inputs.names)")
    if not told or found == owner:
        return owner
    return _refuse(told, f"but the token is for {owner[:80]!r}")


def _refuse(told: list[str], why: str) -> str:
    raise UnknownService(f"The sender is {told[0][:80]!r}, {why}" if told else "The sender does not name its service")
