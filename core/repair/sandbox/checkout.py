"""Runs git on untrusted checkouts, in a sandbox that has only the folders it needs.

A checkout of the platform contains no git directory. Next to it, ``NAME.git`` has its HEAD and index, and refers to the
clone for the rest (commondir). Both are passed to git explicitly, so that nothing in the checked out files can lead it
to another repository. It runs in bubblewrap, where it sees only these folders and writes only where necessary. Without
bubblewrap it runs as a plain process, protected only by its settings (git_settings.py).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from core.repair.sandbox.place import beside, is_checkout, root_of
from core.repair.sandbox.runner import behind, bubblewrap_works, closed, empty_room, read_back
from core.vendors.command import QUIET, run, succeeded
from core.vendors.git_settings import environment, protocol, proxies

MOST = 64 << 20  # maximum characters of output
ETC = "ssl pki ca-certificates resolv.conf hosts nsswitch.conf passwd group gai.conf host.conf ssh services"
MODES = ("--cap-add", "CAP_DAC_OVERRIDE")  # to replace read-only files of a checkout, as root can
START_OVER = "git read-tree --reset -u HEAD && git clean"


@dataclass(frozen=True)
class GitPlace:
    """A git directory, the one with which it shares objects and refs, and the folder of the checked-out files."""

    directory: Path
    common: Path
    tree: Path | None = None

    @property
    def environment(self) -> dict[str, str]:
        named = {"GIT_DIR": self.directory, "GIT_COMMON_DIR": self.common, "GIT_WORK_TREE": self.tree}
        return {name: str(path) for name, path in named.items() if path}


@dataclass(frozen=True)
class Remote:
    """The remote that git may reach: ``settings`` authenticate there; ``write``: a local folder may be changed."""

    address: str
    settings: Mapping[str, str]
    write: bool = False


def of(tree: Path) -> GitPlace:
    """The git directory of a checkout: next to it, or for a person's own checkout the usual one.

    ``tree`` may be a folder inside a checkout of the platform.
    """
    tree = root_of(tree.resolve())
    if is_checkout(tree):
        own = beside(tree)
        return GitPlace(own, _named(own / "commondir"), tree)
    inside = tree / ".git"
    if inside.is_file():
        inside = _named(inside, "gitdir: ")
    common = _named(inside / "commondir") if (inside / "commondir").is_file() else inside
    return GitPlace(inside, common, tree)


def _named(file: Path, prefix: str = "") -> Path:
    return (file.parent / file.read_text(encoding="utf-8").strip().removeprefix(prefix)).resolve()


def check_out(tree: Path, common: Path, sha: str) -> None:
    """Fill the folder with the files of a commit; an earlier checkout of this name is removed."""
    remove(tree)
    tree.mkdir(parents=True)
    own = beside(tree)
    own.mkdir()
    (own / "HEAD").write_text(f"{sha}\n", encoding="utf-8")
    (own / "commondir").write_text(f"{common}\n", encoding="utf-8")
    place = of(tree)
    git(place, "read-tree", "--reset", "-u", "HEAD", writes=[tree.resolve(), place.directory])
    (tree / ".git").write_text("", encoding="utf-8")  # a git that is told no directory ends here


def remove(tree: Path) -> None:
    for folder in (tree, beside(tree)):
        shutil.rmtree(folder, ignore_errors=True)


def start_over(tree: Path) -> None:
    """Restore every file to its commit and remove all others; ignored files of a person's checkout stay."""
    place = of(tree)
    everything = "-ffdqx" if place.tree and place.directory == beside(place.tree) else "-fdq"
    writes = [path for path in (place.tree, place.directory) if path]
    execute(place, ["sh", "-c", f"{START_OVER} {everything}"], writes=writes)


def changed(tree: Path) -> list[str]:
    """Paths below the folder that differ from the commit or are untracked."""
    place = of(tree)
    output = git(
        place, "status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=all", "--ignore-submodules=all"
    )
    above = f"{tree.resolve().relative_to(place.tree).as_posix()}/" if place.tree else ""
    above = "" if above == "./" else above
    paths = [entry[3:] for entry in output.split("\0") if entry]
    return [path.removeprefix(above) for path in paths if path.startswith(above)]


def tracked(tree: Path, pattern: str) -> list[str]:
    """Regular files of the commit below the folder that match a pattern, without links."""
    place = of(tree)
    inside = ["-C", str(tree.resolve())] if place.tree != tree.resolve() else []
    rows = git(place, *inside, "ls-files", "-z", "--stage", "--", pattern).split("\0")
    entries = [row.split("\t", 1) for row in rows if row]
    return [path for mode, path in entries if mode.startswith("100")]


def programs(tree: Path) -> dict[str, str]:
    """The texts of the commit's Python files, as ``Path.read_text`` gives them; U+FFFD for bytes that are not UTF-8."""
    return {name: StringIO(read_back(tree / name), newline=None).read() for name in tracked(tree, "*.py")}


def git(place: GitPlace, *args: str, **more) -> str:
    """The standard output of one git command; ``more`` as for ``execute``. Raises CommandError."""
    return execute(place, ["git", *args], **more)


def execute(
    place: GitPlace,
    argv: Sequence[str],
    *,
    writes: Sequence[Path] = (),
    remote: Remote | None = None,
    input: str | None = None,
    timeout: float = 60,
    errors: str = "replace",
    more: Mapping[str, str] | None = None,
) -> str:
    """Run git, or a script of git commands, on a place. ``writes`` are the folders that it may change, ``more`` are
    further variables. Raises CommandError, and ValueError for a remote that git may not be asked for.
    """
    scheme = protocol(remote.address) if remote else "file"
    variables = QUIET | environment(remote.settings if remote else None, scheme) | place.environment | dict(more or {})
    variables |= proxies(scheme)
    given: dict[str, Any] = dict(timeout=timeout, input=input, limit=MOST, errors=errors)
    folder = place.tree or place.directory
    if not bubblewrap_works():
        return succeeded(argv, run(argv, cwd=folder, env=variables, **given))
    room = _room(place, writes, remote, scheme)
    around = [*room, "--chdir", str(folder), *closed(), *MODES]
    return succeeded(argv, behind(around, argv, env=variables | {"HOME": _home(scheme)}, ceiling=None, **given))


def _room(place: GitPlace, writes: Sequence[Path], remote: Remote | None, scheme: str) -> list[str]:
    over_network = remote is not None and scheme != "file"
    made = empty_room(network=over_network)
    if over_network:
        made += [part for name in ETC.split() for part in _shown(Path("/etc", name))]
    if scheme == "ssh":
        made += _shown(Path(_home(scheme), ".ssh"))
    seen = {path: path in writes for path in (place.tree, place.directory, place.common) if path}
    if remote and not over_network:
        seen[(place.directory / remote.address.removeprefix("file://")).resolve()] = remote.write
    for path in sorted(seen, key=lambda path: len(path.parts)):  # a folder inside of another comes after it
        made += ["--bind" if seen[path] else "--ro-bind", str(path), str(path)]
    return made


def _shown(path: Path) -> list[str]:
    return ["--ro-bind", str(path.resolve()), str(path)] if path.exists() else []


def _home(scheme: str) -> str:
    """The home folder: the user's for ssh, which needs its keys, else /tmp."""
    return os.path.expanduser("~") if scheme == "ssh" else "/tmp"
