"""The smallest safe version of a package. Pure.

Versions are compared as PEP 440 orders them. A version is safe if no advisory of the package covers it any longer.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping

from packaging.version import InvalidVersion, Version

MOST = 20  # versions that are considered


def candidates(current: str, fixed: Iterable[str]) -> list[str]:
    """Versions above the current one in which something is fixed, in the order in which to consider them.

    The current major version comes first, then later ones; within each, the lowest first. A pre-release is only
    considered for a pin that is one itself.
    """
    now = _version(current)
    if now is None:
        return []
    found = {version for text in fixed if (version := _version(text)) is not None and version > now}
    if not now.is_prerelease:
        found = {version for version in found if not version.is_prerelease}
    same = (now.epoch, now.major)
    ordered = sorted(found, key=lambda version: ((version.epoch, version.major) != same, version))
    return [str(version) for version in ordered[:MOST]]


def safe(
    current: str,
    fixed: Collection[str],
    affected: Callable[[list[str]], Mapping[str, Collection[str]]],
    rounds: int = 3,
) -> list[str]:
    """The safe versions, the best first; empty if none is known.

    ``affected`` asks which versions an advisory covers; it maps each of them to the versions that fix it. A version
    that fixes one advisory may be covered by another one, whose fixes are then considered too.
    """
    asked: dict[str, Collection[str]] = {}
    clear: set[str] = set()
    known = set(fixed)
    for _ in range(rounds):
        new = [one for one in candidates(current, known) if one not in asked and one not in clear]
        if not new:
            break
        found = affected(new)
        asked |= found
        clear |= set(new) - found.keys()
        known |= {version for versions in found.values() for version in versions}
    return candidates(current, clear)


def major(version: str) -> int | None:
    found = _version(version)
    return found.major if found else None


def _version(text: str) -> Version | None:
    try:
        return Version(text)
    except InvalidVersion:
        return None
