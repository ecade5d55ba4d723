"""Vulnerabilities of packages, and security alerts of code hosts: what they are, and who knows them. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Protocol

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion

from core.vendors.base import Check

Pin = tuple[str, str]  # (canonical name of a PyPI package, version)


@dataclass(frozen=True)
class Vulnerability:
    """A published advisory. Its texts are untrusted: one line each, truncated, without control characters."""

    id: str
    aliases: tuple[str, ...] = ()
    summary: str = ""
    severity: str = ""  # LOW to CRITICAL, or a CVSS vector; empty if not rated
    fixed: tuple[str, ...] = ()  # fixed versions, one for each release line

    @property
    def names(self) -> set[str]:
        return {self.id, *self.aliases}


@dataclass(frozen=True)
class SecurityAlert:
    """An open alert of a code host: about a package, or about a line. Its texts are untrusted.

    ``package`` is a canonical name; ``range_`` says which of its versions are affected. ``sha`` is the commit in which
    ``line`` of ``path`` was found; ``cwe`` is 0 if the alert names no weakness.
    """

    source: str
    severity: str
    message: str
    url: str = ""
    package: str = ""
    range_: str = ""
    ids: tuple[str, ...] = ()
    fixed: tuple[str, ...] = ()
    path: str = ""
    line: int = 0
    rule: str = ""
    cwe: int = 0
    sha: str = ""

    def covers(self, version: str) -> bool:
        """Is the version affected? A range that cannot be read covers none."""
        try:
            return bool(self.range_) and SpecifierSet(self.range_).contains(version, prereleases=True)
        except (InvalidSpecifier, InvalidVersion):
            return False


class SecurityAlerts(Protocol):
    """The open security alerts of a repository ("owner/name") at its code host."""

    name: str

    def open(self, repository: str) -> Iterator[SecurityAlert]: ...


class Advisories(Protocol):
    """A database of vulnerabilities of packages; ``where`` is its name for people."""

    name: str
    where: str

    def known(self, pins: Collection[Pin]) -> dict[Pin, list[Vulnerability]]: ...

    def check(self) -> Check: ...
