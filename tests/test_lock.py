"""requirements.lock pins the requirements.txt with hashes, without a particular index."""

from __future__ import annotations

import re
from importlib import metadata
from pathlib import Path

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
PIN = re.compile(r"^(?P<name>[a-z0-9.-]+)(?:\[[a-z0-9,-]+\])?==(?P<version>[^\s;\\]+)(?: ; (?P<marker>[^\\]+?))? \\$")


def blocks() -> list[list[str]]:
    """The lines of each pinned package; the first is its pin."""
    lines = [line for line in LOCK.splitlines() if not line.lstrip().startswith("#")]
    starts = [i for i, line in enumerate(lines) if not line.startswith(" ")]
    return [lines[a:b] for a, b in zip(starts, [*starts[1:], len(lines)], strict=True)]


def pins() -> dict[str, str]:
    """Version by name, for this Python and this system."""
    found = [PIN.match(block[0]) for block in blocks()]
    assert all(found), "every package is pinned to one version"
    return {pin["name"]: pin["version"] for pin in found if not pin["marker"] or Marker(pin["marker"]).evaluate()}


def asked() -> list[Requirement]:
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    return [Requirement(text) for line in lines if (text := line.split("#")[0].strip())]


@pytest.mark.parametrize("wanted", asked(), ids=lambda wanted: wanted.name)
def test_every_requirement_is_pinned_within_its_range(wanted):
    version = pins().get(canonicalize_name(wanted.name))
    assert version and wanted.specifier.contains(version, prereleases=True), "run make lock"


def test_every_pin_has_hashes():
    for block in blocks():
        assert len(block) > 1 and all(re.search(r"--hash=sha256:[0-9a-f]{64}( \\)?$", line) for line in block[1:])


def test_dependencies_of_pinned_packages_are_pinned_too():
    """pip refuses a package without a hash: a missing one would stop the installation."""
    pinned = pins()
    queue, seen = [(canonicalize_name(r.name), r.extras) for r in asked()], set()
    while queue:
        name, extras = queue.pop()
        if (name, frozenset(extras)) in seen:
            continue
        seen.add((name, frozenset(extras)))
        assert name in pinned, name
        for needed in _needs(name, extras) if metadata.version(name) == pinned[name] else ():
            queue.append((canonicalize_name(needed.name), needed.extras))


def _needs(name: str, extras: set[str]) -> list[Requirement]:
    needs = [Requirement(text) for text in metadata.requires(name) or ()]
    return [n for n in needs if not n.marker or any(n.marker.evaluate({"extra": e}) for e in ("", *extras))]


def test_neither_an_index_nor_a_folder_is_named():
    assert not re.search(r"://|^-|--(?!hash=)|\bfile:|@ ", LOCK, re.M)
