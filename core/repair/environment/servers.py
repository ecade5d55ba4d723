"""Finds the test servers of this machine, and prepares for PostgreSQL an empty cluster that each run copies."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.repair.environment import cache
from core.repair.environment.fault import EnvironmentFault
from core.repair.sandbox.runner import CEILING, ENVIRONMENT, LIMITS, behind, bubblewrap_works, walls
from core.repair.sandbox.servers import Server, Servers, named_user
from core.vendors.command import run

POSTGRESQL = "/usr/lib/postgresql/*/bin/postgres"
PROGRAMS = {"postgresql": "postgres", "redis": "redis-server"}
PACKAGES = {"postgresql": "postgresql", "redis": "redis-server"}  # Debian's
INITDB = """
set -e
"$0/initdb" -D /w/template -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync --wal-segsize=1 >&2
echo 'CREATE DATABASE test' | "$0/postgres" --single -D /w/template postgres >&2
"""


def servers(wanted: Mapping[str, str], folder: Path) -> Servers:
    """The servers that a service requests, by the variables for their URLs. Raises EnvironmentFault.

    ``folder`` is the folder of the environments.
    """
    if wanted and not bubblewrap_works():
        raise EnvironmentFault(
            "Test servers run only in the full sandbox, which does not work on this machine.", "Install bubblewrap."
        )
    return Servers(tuple(_server(name, variable, folder) for name, variable in sorted(wanted.items())))


def _server(name: str, variable: str, folder: Path) -> Server:
    program = found(name)
    if program is None:
        raise EnvironmentFault(
            f"The service requires {name}, but this machine has no {PROGRAMS[name]}.",
            f"Install Debian's package {PACKAGES[name]}: apt-get install {PACKAGES[name]}.",
        )
    return Server(name, program, variable, _template(program, folder) if name == "postgresql" else None)


def found(name: str) -> Path | None:
    """The newest program of a server on this machine, below /usr, which the sandbox shows."""
    own = sorted(Path("/").glob(POSTGRESQL.lstrip("/")), key=_version) if name == "postgresql" else []
    there = shutil.which(PROGRAMS[name])
    places = [*reversed(own), *([Path(there)] if there else [])]  # by its own name, because redis checks argv[0]
    return next(
        (path for path in places if path.resolve().is_relative_to("/usr") and path.is_relative_to("/usr")), None
    )


def _version(path: Path) -> float:
    try:
        return float(path.parts[-3])
    except ValueError:
        return 0.0


def _template(program: Path, folder: Path) -> Path:
    version = run([str(program), "--version"], timeout=20).stdout.strip()

    def make(made: Path) -> Mapping[str, Any]:
        with tempfile.TemporaryDirectory(prefix="postgresql-") as tree:
            argv = [*LIMITS, "sh", "-c", INITDB, str(program.parent)]
            around = walls(Path(tree).resolve(), more=named_user())
            done = behind(around, argv, 120, ENVIRONMENT | {"PATH": "/usr/bin:/bin"}, CEILING, [Path(tree)])
            if not done.ok:
                why = (done.stderr or done.stopped).strip()[-800:]
                raise EnvironmentFault(f"PostgreSQL could not be set up: {why}")
            shutil.move(Path(tree, "template"), made / "template")
        return {"says": version}

    hash_ = cache.key({"version": version, "script": INITDB})
    return cache.get_or_build(folder, "postgresql", hash_, make).folder / "template"
