"""The packages and versions that a repository's manifests and lock files name. Pure, except for ``texts``.

The parsers run in the sandbox: manifest_reader.py starts this module there, so it imports nothing of the program.

Formats: requirements files, pyproject.toml, setup.cfg, Pipfile, and the lock files of pip (PEP 751), Poetry, uv, PDM
and Pipenv. Markers are ignored: a version that is pinned for any platform counts. Version ranges, and packages from a
URL or a repository, count as not pinned.
"""

from __future__ import annotations

import configparser
import json
import posixpath
import re
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from itertools import chain
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

LISTS = ("*requirements*.txt", "*constraints*.txt", "requirements/*.txt")
MANIFESTS = (*LISTS, "pyproject.toml", "setup.py", "setup.cfg", "Pipfile*", "pylock*.toml", "*.lock")
LARGEST, LONGEST = 4 * 1024 * 1024, 100  # maximum characters of one manifest; of a name or a version
LINE = 2000  # maximum characters of one requirement, without its hashes
OWN = {"virtual", "editable", "directory", "path"}  # the program itself, or a part of it
ELSEWHERE = {"git", "url", "vcs", "archive", "file"}
FAULTS = (ValueError, TypeError, AttributeError, LookupError, RecursionError, configparser.Error)
INCLUDE = re.compile(r"^[ \t]*(?:-r|-c|--requirement|--constraint)[ =]*([^\s#]+)", re.M)
Entries = Iterator[tuple[str, str]]  # (name, version); no version: it is not pinned


@dataclass
class Packages:
    """``pinned``: (name, version) -> the first manifest that pins it; ``loose``: manifest -> names that are not pinned;
    ``unread``: manifest -> why it could not be read."""

    pinned: dict[tuple[str, str], str] = field(default_factory=dict)
    loose: dict[str, list[str]] = field(default_factory=dict)
    unread: dict[str, str] = field(default_factory=dict)

    @property
    def names(self) -> set[str]:
        return {name for name, _ in self.pinned} | {name for names in self.loose.values() for name in names}


def is_manifest(path: str) -> bool:
    return any(fnmatch(f"/{path}", f"*/{glob}") for glob in MANIFESTS)


def texts(tree: Path, source: Sequence[str] = ()) -> dict[str, str]:
    """Manifests at the root, in requirements/, and in and above the source folders; links are not followed."""
    folders = {".", *source, *(parent.as_posix() for folder in source for parent in Path(folder).parents)}
    found = {p for folder in folders for glob in MANIFESTS for p in (tree / folder).glob(glob) if _plain(tree, p)}
    return {path.relative_to(tree).as_posix(): _text(path) for path in sorted(found)}


def _plain(tree: Path, path: Path) -> bool:
    return path.is_file() and path.resolve() == tree.resolve() / path.relative_to(tree)


def _text(path: Path) -> str:
    with path.open(encoding="utf-8", errors="replace") as file:
        return file.read(LARGEST + 1)


def earlier(now: Mapping[str, str], before: Mapping[str, str], changed: Sequence[str]) -> dict[str, str]:
    """The manifests before a change; ``before`` has the old texts of the changed files, without new files."""
    kept = {path: text for path, text in now.items() if path not in changed}
    return kept | {path: text for path, text in before.items() if is_manifest(path)}


def read(manifests: Mapping[str, str]) -> Packages:
    """The packages of the manifests, with canonical names. A manifest that cannot be parsed is ``unread``."""
    found, loose = Packages(), []
    for path, text in manifests.items():
        odd = 0
        try:
            for entry in _entries(path, text):
                odd += not _taken(found, loose, path, *entry)
        except FAULTS:
            found.unread[path] = "cannot be read"
        if odd:
            found.unread[path] = f"has entries that cannot be read ({odd})"
        if not _included(path, text) <= manifests.keys():
            found.unread[path] = "includes a file that is not read"
    fixed = {name for name, _ in found.pinned}
    for path, name in loose:
        if name not in fixed:
            found.loose.setdefault(path, []).append(name)
    return found


def _taken(found: Packages, loose: list[tuple[str, str]], path: str, name: str, version: str) -> bool:
    """Record one entry; False if it is invalid."""
    try:
        name = canonicalize_name(name, validate=True)
        if len(name) > LONGEST or len(version) > LONGEST:
            return False
        if version:
            found.pinned.setdefault((name, Version(version).public), path)
        elif (path, name) not in loose:
            loose.append((path, name))
    except FAULTS:
        return False
    return True


def _included(path: str, text: str) -> set[str]:
    """The files that a requirements file includes."""
    listed = path.endswith(".txt")
    return {posixpath.normpath(posixpath.join(posixpath.dirname(path), to)) for to in INCLUDE.findall(text) if listed}


def _entries(path: str, text: str) -> Entries:
    if len(text) > LARGEST:
        raise ValueError("too large")
    name = path.rsplit("/", 1)[-1]
    return next((reader for glob, reader in READERS if fnmatch(name, glob)), _listed)(text)


# --- one reader for each format ----------------------------------------------------------------------


def _listed(text: str) -> Entries:
    """A requirements file as pip reads it, without its options."""
    for line in re.sub(r"\\\r?\n", " ", text).splitlines():
        line = re.split(r"\s--", re.sub(r"(^|\s)#.*$", "", line))[0].strip()
        if line and not line.startswith(("-", ".", "/")):  # options, and folders
            yield _required(line)


def _required(line: str) -> tuple[str, str]:
    """(name, version) of one requirement; ("", "") if it names no package."""
    try:
        made = Requirement(line if len(line) <= LINE else "")
    except ValueError:
        return "", ""
    return made.name, "" if made.url else _exact(str(made.specifier))


def _exact(value: object) -> str:
    """The version that a specifier pins, including Poetry's bare version; empty if it pins none."""
    text = str(value).strip() if len(str(value)) <= LINE else ""
    try:
        return str(Version(text))
    except ValueError:
        pass
    try:
        pins = [s.version for s in SpecifierSet(text) if s.operator in ("==", "===") and not s.version.endswith(".*")]
    except ValueError:  # e.g. Poetry's ^1.2
        return ""
    return pins[0] if pins else ""


def _project(text: str) -> Entries:
    """pyproject.toml: PEP 621, PEP 735, and Poetry's own tables."""
    held = tomllib.loads(text)
    project, poetry = held.get("project", {}), held.get("tool", {}).get("poetry", {})
    groups = chain(project.get("optional-dependencies", {}).values(), held.get("dependency-groups", {}).values())
    for line in chain(project.get("dependencies", []), *groups):
        if isinstance(line, str):  # else it includes another group
            yield _required(line)
    tables = [poetry, *poetry.get("group", {}).values()]
    yield from _tables(table.get(key, {}) for table in tables for key in ("dependencies", "dev-dependencies"))


def _pipfile(text: str) -> Entries:
    held = tomllib.loads(text)
    return _tables(held.get(key, {}) for key in ("packages", "dev-packages"))


def _pipfile_lock(text: str) -> Entries:
    held = json.loads(text)
    return _tables(held.get(key, {}) for key in ("default", "develop"))


def _tables(tables: Iterator[dict]) -> Entries:
    """Entries of Poetry's and Pipenv's tables: name -> version, name -> {"version"}, or name -> a list of these."""
    for name, value in chain.from_iterable(table.items() for table in tables):
        for one in value if isinstance(value, list) else [value]:
            if name != "python" and not (isinstance(one, dict) and OWN & one.keys()):
                yield name, _exact(one.get("version", "") if isinstance(one, dict) else one)


def _lock(text: str) -> Entries:
    """Entries of poetry.lock, uv.lock, pdm.lock and pylock.toml: lists of packages, each with name and version."""
    held = tomllib.loads(text)
    for row in chain(held.get("package", []), held.get("packages", [])):
        source = row.get("source", {})
        signs = {source["type"]} if "type" in source else {*row, *source}  # Poetry names an index by its url, too
        if not OWN & signs:
            yield row["name"], "" if ELSEWHERE & signs else row.get("version", "")


def _setup_cfg(text: str) -> Entries:
    held = configparser.ConfigParser(interpolation=None)
    held.read_string(text)
    extras = held["options.extras_require"].values() if "options.extras_require" in held else ()
    return _listed("\n".join([held.get("options", "install_requires", fallback=""), *extras]))


def _setup_py(text: str) -> Entries:
    """setup.py is a program, which would have to be executed, so it is not read."""
    if "install_requires" in text:
        raise ValueError("a program")
    return iter(())


def main(job: str, answer: str) -> None:
    """The script in the sandbox (manifest_reader.py): reads a JSON list of manifests, prints the packages of each."""
    with open(job, encoding="utf-8") as file:
        found = [read(held) for held in json.load(file)]
    reports = [
        {"pinned": [[*pin, path] for pin, path in f.pinned.items()], "loose": f.loose, "unread": f.unread}
        for f in found
    ]
    with open(answer, "w", encoding="utf-8") as file:
        json.dump(reports, file)


READERS: tuple[tuple[str, Callable[[str], Entries]], ...] = (
    ("pyproject.toml", _project),
    ("setup.cfg", _setup_cfg),
    ("setup.py", _setup_py),
    ("Pipfile", _pipfile),
    ("Pipfile.lock", _pipfile_lock),
    ("*.lock", _lock),
    ("pylock*.toml", _lock),
)

if __name__ == "__main__":
    main(*sys.argv[1:3])
