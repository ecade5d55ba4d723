"""Builds a virtual environment with uv: with the code's own packages, and with those that judging needs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from core.repair.environment.discovery import Discovery
from core.repair.environment.fault import EnvironmentFault
from core.repair.environment.room import CHECKOUT, Room
from core.vendors.command import Completed
from core.vendors.redact import Redactor

JUDGING = ("pytest", "coverage")
DJANGO = ("pytest-django",)  # without it, pytest sets up no test database and no settings
LINTERS = ("ruff>=0.17,<0.18", "bandit>=1.8,<2")  # the newest bandit for Python 3.9 is 1.8
MODULES = (
    "import pkgutil, sysconfig\n"
    "folders = {sysconfig.get_path('purelib'), sysconfig.get_path('platlib')}\n"
    "print(*sorted({module.name for module in pkgutil.iter_modules(folders)}))"
)
ON_PATH = (
    "import os, sys, sysconfig\n"
    "with open(os.path.join(sysconfig.get_path('purelib'), 'checkout-source.pth'), 'w') as file:\n"
    "    file.writelines(path + chr(10) for path in sys.argv[1:])"
)
MOST = 20_000  # maximum number of module names
SHOWN = 12  # lines of uv's output that are shown
QUIET = re.compile(
    r"^(Using|Creating|Activate|Resolved|Prepared|Installed|Downloading|Downloaded|Building|Built| [+~-])"
)


def automatic(room: Room, found: Discovery) -> list[str]:
    """Install the discovered packages into the room's folder; returns notes for people.

    Raises EnvironmentFault with uv's output.
    """
    venv, needs = room.folder / "venv", found.needs
    _must(room, ["uv", "venv", "--no-project", "--python", str(room.interpreter.python), str(venv)], "create it")
    given = _exported(room, found) if needs.uv_lock else _given(room, found)
    if given:
        where = str(Path(CHECKOUT, needs.uv_lock)) if needs.uv_lock else ""  # its paths begin at the lock file
        _must(room, [*_install(venv), *given], "install what the code needs", where)
    return [*_own_package(room, found), *judging(room, venv, DJANGO if found.layout.django else ())]


def commanded(room: Room, command: Sequence[str]) -> list[str]:
    """Run the policy's build command, which fills ``$ENVIRONMENT``."""
    venv = room.folder / "venv"
    done = room.run(list(command), {"ENVIRONMENT": str(venv)})
    if not done.ok:
        raise _fault(room, done, f"The build command {' '.join(command)[:200]!r} failed")
    if not (venv / "bin" / "python").is_symlink() and not (venv / "bin" / "python").exists():
        raise EnvironmentFault(
            "The build command created no $ENVIRONMENT/bin/python.",
            'A command such as ["sh", "-c", "uv venv $ENVIRONMENT && uv pip install --python $ENVIRONMENT -r ..."] '
            "makes one.",
        )
    return judging(room, venv)


def judging(room: Room, venv: Path, more: Sequence[str] = ()) -> list[str]:
    """Add pytest and coverage if they are missing; an installed version stays."""
    done = _must(room, [*_install(venv), *JUDGING, *more], f"add {', '.join([*JUDGING, *more])}")
    added = re.findall(r"^ \+ (\S+)", done.stderr, re.M)
    return [f"added for judging: {', '.join(added)}"] if added else []


def linters(room: Room) -> list[str]:
    """Install ruff and bandit into the room's folder, invisible to the service."""
    venv = room.folder / "venv"
    _must(room, ["uv", "venv", "--no-project", "--python", str(room.interpreter.python), str(venv)], "create it")
    _must(room, [*_install(venv), *LINTERS], "install ruff and bandit")
    return []


def modules(room: Room) -> list[str]:
    """The top-level module names of the packages in a built environment, as reported by its interpreter."""
    done = room.run([str(room.folder / "venv" / "bin" / "python"), "-I", "-c", MODULES])
    if not done.ok:
        raise _fault(room, done, "The interpreter of the environment does not start")
    return [name for name in done.stdout.split() if name.isidentifier()][:MOST]


def _install(venv: Path) -> list[str]:
    return ["uv", "pip", "install", "--python", str(venv / "bin" / "python")]


def _exported(room: Room, found: Discovery) -> list[str]:
    """The uv command for a project with a lock file."""
    written = room.folder / "tmp" / "exported.txt"
    asked = [w for name in found.needs.extras for w in ("--extra", name)]
    asked += [w for name in found.needs.groups for w in ("--group", name)]
    argv = ["uv", "export", "--frozen", "--quiet", "--output-file", str(written), *asked]
    _must(room, argv, "read uv.lock")
    return ["-r", str(written)]


def _given(room: Room, found: Discovery) -> list[str]:
    """uv's arguments for the discovered manifests."""
    needs, here = found.needs, Path(CHECKOUT, found.folder)
    given = [w for path in needs.files for w in ("-r", str(Path(CHECKOUT, path)))]
    if needs.project:
        given += ["-r", str(here / needs.project), *[w for name in needs.extras for w in ("--extra", name)]]
    given += [w for name in needs.groups for w in ("--group", f"{here / 'pyproject.toml'}:{name}")]
    for option, name, lines in (("-r", "lines.txt", needs.lines), ("-c", "pins.txt", needs.pins)):
        if lines:
            given += [option, room.given(name, "".join(f"{line}\n" for line in lines))]
    return given if "-r" in given or "--group" in given else []


def _own_package(room: Room, found: Discovery) -> list[str]:
    """Install the project itself at the checkout's later path; if that fails, put its source folder on the path."""
    if found.needs.editable and found.needs.uv_lock:
        return []  # its lock file names it too
    notes = []
    if found.needs.editable:
        done = room.run([*_install(room.folder / "venv"), "--no-deps", "-e", str(Path(CHECKOUT, found.folder))])
        if done.ok:
            return []
        notes = [f"the project could not be installed, so its code is imported from the checkout: {_last(done, 3)}"]
    roots = found.layout.roots or (["src"] if "src" in found.layout.source else [])
    if roots:
        paths = [str(Path(CHECKOUT, found.folder, root)) for root in roots]
        _must(room, [str(room.folder / "venv" / "bin" / "python"), "-I", "-c", ON_PATH, *paths], "name its source")
    return notes


def _must(room: Room, argv: list[str], what: str, inside: str = "") -> Completed:
    done = room.run(argv, inside=inside)
    if not done.ok:
        raise _fault(room, done, f"uv could not {what}")
    return done


def _fault(room: Room, done: Completed, message: str) -> EnvironmentFault:
    if done.timed_out:
        return EnvironmentFault(f"{message}: it ran out of time.", "Find the package that takes too long to build.")
    if done.stopped:
        return EnvironmentFault(f"{message}: it was stopped, {done.stopped}.", "Name fewer or smaller packages.")
    return EnvironmentFault(f"{message}: {_last(done, SHOWN)}", _way_out(room, done.stderr))


def _last(done: Completed, most: int) -> str:
    """The last lines of the output, without progress lines."""
    lines = [line.rstrip() for line in (done.stderr or done.stdout).splitlines()]
    shown = [line for line in lines if line.strip() and not QUIET.match(line)]
    return Redactor()("\n".join(shown[-most:]))[-3000:] or f"it ended with {done.code}"


def _way_out(room: Room, output: str) -> str:
    if room.relay.failed:
        return f"The package index did not respond ({room.relay.failed[-1]}). Check PACKAGE_INDEX_URL."
    if room.relay.refused:
        return f"The build requested another host ({room.relay.refused[-1]}). Add it to PACKAGE_INDEX_URL."
    if re.search(r"@ (git\+|https?://)", output):
        return "A package depends on another one from git or a URL. Publish that one on an index (PACKAGE_INDEX_URL)."
    if "No solution found" in output or "not found in the package registry" in output:
        return "Check the versions in the manifests, and python in platform.toml."
    if "Failed to build" in output or "build backend" in output:
        return "Install the build's requirements on this machine, or set environment_build to a command."
    return "Set environment_build in platform.toml to a command that builds it."
