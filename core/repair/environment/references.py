"""Dependencies that git or an address gives. A build reaches package indexes alone, and says so before it begins."""

from __future__ import annotations

from packaging.requirements import InvalidRequirement, Requirement
from packaging.version import Version

from core.repair.environment.discovery import Needs
from core.repair.environment.fault import EnvironmentFault
from core.vendors.redact import Redactor

SHOWN = 5


def refuse(needs: Needs, python: Version) -> None:
    """Raises EnvironmentFault that names what the interpreter would need from another place than an index."""
    asked = [(line, where) for line, where in needs.elsewhere if _applies(line, python)]
    if not asked:
        return
    named = "; ".join(f"{line} ({where})" for line, where in asked[:SHOWN])
    more = f" and {len(asked) - SHOWN} more" if len(asked) > SHOWN else ""
    raise EnvironmentFault(
        f"These dependencies come from git or from an address: {Redactor()(named)}{more}. "
        "A build reaches package indexes and the repository, and nothing else.",
        "Publish them on an index and name it in PACKAGE_INDEX_URL; or put them into the repository and name their "
        "folder (./libs/NAME); or build the environment yourself and name its interpreter in environment_build.",
    )


def _applies(line: str, python: Version) -> bool:
    """Whether the markers of a requirement hold for this interpreter; a bare address has none."""
    try:
        marker = Requirement(line.split(" #")[0]).marker
    except InvalidRequirement:
        return True
    here = {"python_version": f"{python.major}.{python.minor}", "python_full_version": str(python), "extra": ""}
    return marker is None or marker.evaluate(here)
