"""The ground of an upgrade: the environment in which the new version of a package is really installed.

A fix is judged on the environment of the commit that it repairs. An upgrade is the exception: what it changes is the
environment, so that its tests run in the one that its own manifests describe, and the older results in the old one.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

from packaging.utils import (
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import Version
from pydantic import Field, TypeAdapter, ValidationError

from core.models import ChangeSet
from core.policy.services import Repository
from core.repair.environment import interpreters, room
from core.repair.environment.indexes import indexes
from core.repair.types import Runner
from core.runtime import Runtime
from core.stages import ground as grounds
from core.stages import workspace
from core.stages.ground import Ground
from core.stages.workspace import Clone

TEMPLATE = "security/upgrade"
PROOF = {  # what the conditions of a proof mean for an upgrade
    "fails_before": "An advisory covers the old version",
    "passes_after": "None covers the new version, and it is installed",
    "fails_reverted": "The change is the pin alone",
    "older_tests_pass": "All tests pass on the new version",
}
BUILT = ("auto",)  # ways to an environment that follow the manifests; a command does, too
FILES = TypeAdapter(list[tuple[str, Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]]])  # (name, SHA-256)
VERSION = "import importlib.metadata as m, sys; print(m.version(sys.argv[1]))"
HASHES = """
import json, sys, urllib.request
asked = urllib.request.Request(sys.argv[1], headers={"Accept": "application/vnd.pypi.simple.v1+json"})
with urllib.request.urlopen(asked, timeout=60) as answer:
    page = json.load(answer)
files = [file for file in page["files"] if "sha256" in file.get("hashes", {})]
print("HASHES " + json.dumps([[file["filename"], file["hashes"]["sha256"]] for file in files]))
"""


def building(repository: Repository) -> Repository:
    """The repository with an environment that is built from its manifests, whatever its policy names.

    The platform's own interpreter, or an existing one, has the versions that it has.
    """
    asked = repository.environment_build
    fixed = isinstance(asked, str) and asked not in BUILT
    return repository.model_copy(update={"environment_build": "auto"}) if fixed else repository


def prepared(rt: Runtime, name: str, repository: Repository, root: Path) -> Ground:
    """The ground of a checkout with its upgrade. Raises EnvironmentFault when it cannot be built."""
    return grounds.prepared(rt, name, building(repository), root)


def of(rt: Runtime, name: str, repository: Repository, found: Clone, change: ChangeSet, base: Ground) -> Ground:
    """The ground on which a change is tested: ``base``, or for an upgrade that of its own commit."""
    if change.template != TEMPLATE:
        return base
    label = f"upgraded-{change.id}"
    with workspace.tree(rt, found, label, change.head_sha) as root:
        return prepared(rt, name, repository, root)


def installed(runner: Runner, package: str, tree: Path) -> str:
    """The version of a package in the environment of a runner; empty if it has none."""
    done = runner.run(["python", "-I", "-c", VERSION, package], tree, timeout=60)
    return done.stdout.strip() if done.ok else ""


def hashes(rt: Runtime, package: str, version: str) -> list[str]:
    """SHA-256 of the version's files on the first package index (PEP 691), asked from within the build room."""
    given = rt.settings.package_index_url.get_secret_value()
    found = indexes(given)
    with tempfile.TemporaryDirectory(prefix="hashes-") as folder:
        made, tree = Path(folder, "made"), Path(folder, "tree")
        made.mkdir()
        tree.mkdir()
        with room.opened(made, tree, ".", interpreters.platform(), found) as opened:
            address = f"http://127.0.0.1:{room.PORT}/0/{package}/"
            done = opened.run([str(interpreters.platform().python), "-I", "-c", HASHES, address])
    return _of_version(done.stdout, package, version)


def _of_version(output: str, package: str, version: str) -> list[str]:
    """The digests of a version's files in the page of an index, which is a stranger's text."""
    line = next((row for row in output.splitlines() if row.startswith("HASHES ")), "")
    try:
        rows = FILES.validate_json(line.removeprefix("HASHES "))
    except ValidationError:
        return []
    return [digest for file, digest in rows if _is_of(file, package, version)]


def _is_of(file: str, package: str, version: str) -> bool:
    try:
        name, made = parse_wheel_filename(file)[:2] if file.endswith(".whl") else parse_sdist_filename(file)
        return name == canonicalize_name(package) and made == Version(version)
    except ValueError:  # no file name of a package, no version, or a number with thousands of digits
        return False
