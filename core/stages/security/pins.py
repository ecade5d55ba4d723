"""The fix of a vulnerable package: the smallest safe version, in every manifest that pins the old one.

Requirements and constraints files, and exact pins in pyproject.toml are edited. A requirement with hashes gets those
of the new version from the package index. A lock file is the work of its own tool, which resolves all packages anew:
such a fix is refused, with the command to run. Here manifests are text with patterns; they are parsed in the sandbox
before and after the edit, and nothing but the one pin may differ.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from core.repair.types import Runner
from core.stages.review import manifest_reader
from core.stages.review.manifests import Packages

HASH = re.compile(r"--hash[= ]sha256:[0-9a-f]{64}")
EXACT = re.compile(  # name, extras, version, marker
    r"([A-Za-z0-9][A-Za-z0-9._-]{0,99})[ \t]{0,9}(?:\[[^\[\]]{0,300}\])?[ \t]{0,9}(\(?)[ \t]{0,9}"
    r"===?[ \t]{0,9}([0-9A-Za-z.!+_-]{1,100})[ \t]{0,9},?[ \t]{0,9}(\)?)[ \t]{0,9}(?:;.*)?"
)
PINNED = re.compile(r"(?P<before>===?\s*)(?P<version>[0-9A-Za-z.!+_-]+)")
COMMENT = re.compile(r"(^|\s)#.*$")
TOOLS = {"uv.lock": "uv lock --upgrade-package", "poetry.lock": "poetry update", "pdm.lock": "pdm update"}
Hashes = Callable[[str, str], list[str]]  # (name, version) -> SHA-256 of its files on the index


class UnfitPin(Exception):
    """The pin cannot be changed here; the message says why, and what a person can do."""


@dataclass(frozen=True)
class Upgrade:
    """A pinned package and the version to which it goes."""

    name: str
    old: str
    new: str

    @property
    def text(self) -> str:
        return f"Upgrade {self.name} from {self.old} to {self.new}"


def edited(texts: Mapping[str, str], upgrade: Upgrade, hashes: Hashes) -> dict[str, str]:
    """The new texts of the manifests that pin the old version. Raises UnfitPin."""
    found = {}
    for path, text in texts.items():
        name = path.rpartition("/")[2]
        new = _listed(text, upgrade, hashes) if name.endswith(".txt") else _project(text, upgrade, name)
        if new != text:
            found[path] = new
    if not found:
        raise UnfitPin(f"No requirement that can be edited pins {upgrade.name} to {upgrade.old}.")
    return found


def check(texts: Mapping[str, str], new: Mapping[str, str], upgrade: Upgrade, runner: Runner) -> None:
    """Raises UnfitPin unless the edit changes the one pin, everywhere, and nothing else."""
    before, after = manifest_reader.read([texts, {**texts, **new}], runner)
    old, now = (upgrade.name, upgrade.old), (upgrade.name, upgrade.new)
    wanted = {pin for pin in before.pinned if pin != old} | {now}
    if set(after.pinned) != wanted or _rest(before) != _rest(after):
        left = ", ".join(sorted(path for pin, path in after.pinned.items() if pin == old))
        where = f"{left} still pins {upgrade.old}" if left else "the edit changes more than this pin"
        raise UnfitPin(f"{upgrade.text}: {where}.{_step(left, upgrade)}")


def _step(left: str, upgrade: Upgrade) -> str:
    """What a person can run where a file of a tool still has the old pin."""
    tool = next((TOOLS[name] for name in TOOLS if left.endswith(name)), "")
    return f" Run `{tool} {upgrade.name}{'==' + upgrade.new if 'uv' in tool else ''}`." if tool else ""


def _rest(packages: Packages) -> tuple:
    return packages.loose, packages.unread


# --- requirements files ---------------------------------------------------------------------------


def _listed(text: str, upgrade: Upgrade, hashes: Hashes) -> str:
    """A requirements file with the new version, line by line; a continued line is one requirement."""
    parts = re.split(r"(?<!\\)(?<!\\\r)(\r?\n)", text)
    return "".join(_line(part, upgrade, hashes) for part in parts)


def _line(text: str, upgrade: Upgrade, hashes: Hashes) -> str:
    # no pattern of a run of spaces, and no comment sought across lines: both take quadratic time
    head = COMMENT.sub("", re.split(r"\s--|\\\r?\n", text, maxsplit=1)[0])
    if not _pins(head.strip(), upgrade):
        return text
    written = PINNED.sub(lambda m: f"{m['before']}{upgrade.new}", head, count=1)
    return _hashed(written + text[len(head) :], upgrade, hashes)


def _pins(requirement: str, upgrade: Upgrade) -> bool:
    found = EXACT.fullmatch(requirement)
    return (
        found is not None
        and bool(found[2]) == bool(found[4])
        and canonicalize_name(found[1]) == upgrade.name
        and _is(found[3], upgrade.old)
    )


def _is(text: str, version: str) -> bool:
    try:
        return Version(text).public == Version(version).public
    except InvalidVersion:
        return False


def _hashed(line: str, upgrade: Upgrade, hashes: Hashes) -> str:
    """The requirement with the hashes of the new version, in the layout of the old ones."""
    old = HASH.findall(line)
    if "--hash" not in line:
        return line
    if not old or len(old) != line.count("--hash"):
        raise UnfitPin(f"{upgrade.text}: its hashes are not all SHA-256, so they cannot be renewed.")
    new = hashes(upgrade.name, upgrade.new)
    if not new:
        raise UnfitPin(f"{upgrade.text}: the package index names no hash of this version.")
    first, last = line.index(old[0]), line.rindex(old[-1]) + len(old[-1])
    between = line[first + len(old[0]) : line.index(old[1], first + 1)] if len(old) > 1 else " "
    return line[:first] + between.join(f"--hash=sha256:{one}" for one in sorted(new)) + line[last:]


# --- pyproject.toml -------------------------------------------------------------------------------


def _project(text: str, upgrade: Upgrade, name: str) -> str:
    """pyproject.toml with the new version in each string that is an exact requirement of the package."""
    if name != "pyproject.toml":
        return text
    quoted = re.compile(r"(?P<quote>[\"'])(?P<inner>[^\"'\n]{1,300})(?P=quote)")
    text = quoted.sub(lambda m: f"{m['quote']}{_requirement(m['inner'], upgrade)}{m['quote']}", text)
    key = re.compile(
        rf"(?im)^(?P<key>[\"']?{_spelled(upgrade.name)}[\"']?\s*=\s*(?:\{{[^}}\n]*\bversion\s*=\s*)?[\"'])"
        rf"(?P<operator>={{0,3}}\s*)(?P<version>{re.escape(upgrade.old)})(?P<end>[\"'])"
    )
    return key.sub(lambda m: f"{m['key']}{m['operator']}{upgrade.new}{m['end']}", text)


def _requirement(text: str, upgrade: Upgrade) -> str:
    return PINNED.sub(lambda m: f"{m['before']}{upgrade.new}", text, count=1) if _pins(text, upgrade) else text


def _spelled(name: str) -> str:
    """A pattern of every spelling of a canonical name."""
    return "[-_.]+".join(re.escape(part) for part in name.split("-"))
