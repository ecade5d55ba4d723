"""Finds the Python interpreters of this machine, and chooses one for a service.

They are searched in the folders of pyenv, uv, Debian, /usr/local, /opt and PATH. Each is started to report its version;
a wrapper that starts another interpreter (pyenv's shims) counts as that one.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import Version

from core.repair.environment.fault import EnvironmentFault
from core.vendors.command import run

OLDEST, NEWEST = (3, 9), (3, 14)
NAME = re.compile(r"python3\.\d+")
REPORT = "import json, sys; print(json.dumps([sys.executable, sys.base_prefix, '%d.%d.%d' % sys.version_info[:3]]))"
PLACES = (
    "~/.pyenv/versions/*/bin",
    "~/.local/share/uv/python/*/bin",
    "/opt/*/bin",
    "/usr/local/bin",
    "/usr/bin",
)


@dataclass(frozen=True)
class Installed:
    """``python`` is the executable itself, ``prefix`` the folder with its standard library."""

    python: Path
    prefix: Path
    version: Version

    @property
    def short(self) -> tuple[int, int]:
        return self.version.major, self.version.minor


def platform() -> Installed:
    """The interpreter that runs this process, without its packages."""
    python = Path(sys.base_prefix, "bin", f"python{sys.version_info.major}.{sys.version_info.minor}")
    found = python if python.exists() else Path(os.path.realpath(sys.executable))
    return Installed(found.resolve(), Path(sys.base_prefix), Version("{}.{}.{}".format(*sys.version_info[:3])))


@cache
def installed() -> tuple[Installed, ...]:
    """The interpreters from 3.9 to 3.14 on this machine, newest first; cached for the process."""
    found = {one.python: one for one in map(asked, _candidates()) if one and OLDEST <= one.short <= NEWEST}
    return tuple(sorted(found.values(), key=lambda one: (one.version, str(one.python)), reverse=True))


def _candidates() -> Iterator[Path]:
    pyenv = os.environ.get("PYENV_ROOT")
    patterns = [*PLACES, *([f"{pyenv}/versions/*/bin"] if pyenv else []), *os.get_exec_path()]
    seen = set()
    for pattern in patterns:
        whole = Path(pattern).expanduser()
        for folder in Path("/").glob(str(whole).lstrip("/")) if whole.is_absolute() else ():
            for path in folder.glob("python3.*") if folder.is_dir() else ():
                real = path.resolve()
                if NAME.fullmatch(path.name) and real not in seen:
                    seen.add(real)
                    yield real


def asked(python: Path) -> Installed | None:
    """The interpreter that an executable reports to be; None if it is not Python."""
    try:
        done = run([str(python), "-I", "-c", REPORT], timeout=20)
        executable, prefix, version = json.loads(done.stdout)
        return Installed(Path(executable).resolve(), Path(prefix), Version(version))
    except (OSError, ValueError):
        return None


def specifiers(wanted: str) -> SpecifierSet | None:
    """The specifiers for a version or specifiers: "3.12" and "3.12.4" both mean any 3.12. None if unreadable."""
    if plain := re.fullmatch(r"(\d+)\.(\d+)(\.\d+)?", wanted.strip()):
        return SpecifierSet(f"=={plain[1]}.{plain[2]}.*")
    try:
        return SpecifierSet(wanted)
    except InvalidSpecifier:
        return None


def choose(wishes: Sequence[tuple[str, str]], here: Iterable[Installed]) -> Installed:
    """The newest interpreter that the first readable wish allows. Raises EnvironmentFault if there is none.

    ``wishes`` are (version or specifiers, file that names it).
    """
    found = list(here)
    for wanted, where in wishes:
        allowed = specifiers(wanted)
        if allowed is None:
            continue
        suitable = [one for one in found if one.version in allowed]
        if not suitable:
            names = ", ".join(str(one.version) for one in found) or "none"
            raise EnvironmentFault(
                f"{where} requires Python {wanted}, but this machine has {names}.",
                "Install that version (for example with pyenv), or set python in platform.toml.",
            )
        exact = [one for one in suitable if str(one.version) == wanted.strip()]
        return (exact or suitable)[0]
    if not found:
        raise EnvironmentFault("This machine has no Python from 3.9 to 3.14.", "Install one, for example with pyenv.")
    return found[0]
