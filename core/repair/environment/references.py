"""Rejects dependencies from git or a URL before a build, because a build reaches only package indexes."""

from __future__ import annotations

from packaging.markers import UndefinedComparison, UndefinedEnvironmentName
from packaging.requirements import InvalidRequirement, Requirement
from packaging.version import Version

from core.repair.environment.discovery import Needs
from core.repair.environment.fault import EnvironmentFault
from core.vendors.redact import Redactor

SHOWN = 5


def refuse(needs: Needs, python: Version) -> None:
    """Raises EnvironmentFault naming the dependencies of this interpreter that do not come from an index."""
    asked = [(line, where) for line, where in needs.elsewhere if _applies(line, python)]
    if not asked:
        return
    named = "; ".join(f"{line} ({where})" for line, where in asked[:SHOWN])
    more = f" and {len(asked) - SHOWN} more" if len(asked) > SHOWN else ""
    raise EnvironmentFault(
        f"These dependencies come from git or from a URL: {Redactor()(named)}{more}. "
        "A build can reach only package indexes and the repository.",
        "Publish them on an index and name it in PACKAGE_INDEX_URL; or put them into the repository and name their "
        "folder (./libs/NAME); or build the environment yourself and name its interpreter in environment_build.",
    )


def _applies(line: str, python: Version) -> bool:
    """Do the markers of a requirement hold for this interpreter? A plain URL has none; unclear ones count as true."""
    here = {"python_version": f"{python.major}.{python.minor}", "python_full_version": str(python), "extra": ""}
    try:
        marker = Requirement(line.split(" #")[0]).marker
        return marker is None or marker.evaluate(here)
    except (InvalidRequirement, UndefinedComparison, UndefinedEnvironmentName):
        return True
