"""The gate of known vulnerabilities: what a change brings fails it, what was there before is noted.

A change brings a vulnerability when it is of a package that the program did not import until then, or of a version
that the manifests did not pin until then. What could not be scanned is said, never passed over: when no service is
connected (as on a machine without a network) the gate passes with the words "not scanned"; when it is out of reach,
too, unless ``osv.unscanned`` asks for a person; and a newly imported package that nobody could scan is always a
person's to approve.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from pathlib import Path

from core.models.counted import counted
from core.policy.sections import OsvRules
from core.policy.services import Repository
from core.repair.types import Runner
from core.stages.review import imports, manifest_reader, manifests
from core.stages.review.gate import Gate, GateFinding, changed_lines
from core.stages.review.gates import is_source, touched
from core.stages.review.manifests import Packages
from core.vendors.base import Advisories, Pin, VendorError, Vulnerability

GATE = "vulnerabilities"
NAMES, VERSIONS, NOTES = 8, 3, 50  # in a sentence: names, versions with the cure; in a review: notes
Known = Mapping[Pin, Sequence[Vulnerability]]


@dataclass(frozen=True)
class Stand:
    """What the program stands on, with a change and before it; ``fresh``: the packages that it newly imports."""

    now: Packages
    before: Packages
    fresh: frozenset[str]
    private: tuple[str, ...] = ()  # named in a manifest, never to be sent

    @property
    def pins(self) -> set[Pin]:
        """What is asked: all that is pinned now, and the older versions of the same packages."""
        now = set(self.now.pinned)
        return now | {pin for pin in self.before.pinned if pin[0] in {name for name, _ in now}}


def stand(
    tree: Path, diff: str, before: Mapping[str, str], repository: Repository, rules: OsvRules, runner: Runner
) -> Stand:
    """``diff`` is the change's, made with -U0, ``tree`` its checkout, ``before`` the old texts of what it changes."""
    texts = manifests.texts(tree, repository.source)
    now, old = manifest_reader.read([texts, manifests.earlier(texts, before, touched(diff))], runner)
    changed = {path: lines for path, lines in changed_lines(diff).items() if is_source(path, repository)}
    fresh = {
        name
        for module in imports.brought(tree, changed, before, repository.tests)
        for name in (imports.packages(module) & now.names or {imports.package(module)})
    }
    private = {name for name in now.names if _private(name, rules)}
    return Stand(_public(now, rules), _public(old, rules), frozenset(fresh - private), tuple(sorted(private)))


def _private(name: str, rules: OsvRules) -> bool:
    return any(fnmatch(name, re.sub(r"[-_.]+", "-", glob.lower())) for glob in rules.private)


def _public(packages: Packages, rules: OsvRules) -> Packages:
    return replace(packages, pinned={p: path for p, path in packages.pinned.items() if not _private(p[0], rules)})


def gate(on: Stand, service: Advisories | None, rules: OsvRules) -> Gate:
    """The verdict; the one who is asked is out of this process, for a minute or two at worst."""
    if service is None:
        return _unscanned(on, "no advisory service is connected (OSV_URL)", passes=True)
    if not on.pins:
        return _unscanned(on, "no manifest pins a version", passes=not on.fresh)
    try:
        known = service.known(on.pins)
    except VendorError as error:
        return _unscanned(on, str(error), passes=rules.unscanned == "pass" and not on.fresh)
    return _scanned(on, known, service.where)


def _unscanned(on: Stand, why: str, passes: bool) -> Gate:
    brings = f"the change newly imports {_some(on.fresh)}" if on.fresh else "the change imports no new package"
    return Gate(GATE, passes, f"not scanned: {why}; {brings}", None, 0.0, tuple(_gaps(on)), done=False)


def _scanned(on: Stand, known: Known, where: str) -> Gate:
    brought, there = _parted(on, known)
    unseen = on.fresh - {name for name, _ in on.now.pinned}
    ids = list(dict.fromkeys(v.id for _, v in there))
    says = [
        f"{where} checked {counted(len(on.now.pinned), 'pinned package')}",
        *(_says(pin, v, on) for pin, v in brought),
        f"{_some(unseen)} is newly imported and not pinned, so it was not scanned; a person must check it"
        if unseen
        else "",
        "" if brought or unseen else "the change adds no known vulnerability",
        f"{len(ids)} known before the change: {_some(ids)}" if ids else "",
    ]
    found = [_finding(on, pin, v, "error") for pin, v in brought]
    notes = [*(_finding(on, pin, v, "note") for pin, v in there[:NOTES]), *_gaps(on)]
    told, passed = "; ".join(filter(None, says)), not (brought or unseen)
    return Gate(GATE, passed, told, float(len(brought)), 0.0, (*found, *notes), done=passed or bool(brought))


def _parted(on: Stand, known: Known) -> tuple[list[tuple[Pin, Vulnerability]], list[tuple[Pin, Vulnerability]]]:
    """(what the change brings, what was there before it)."""
    old = {(pin[0], name) for pin in on.before.pinned for v in known.get(pin, ()) for name in v.names}
    brought, there = [], []
    for pin in sorted(on.now.pinned):
        for v in known.get(pin, ()):
            new = pin[0] in on.fresh or not any((pin[0], name) in old for name in v.names)
            (brought if new else there).append((pin, v))
    return brought, there


def _says(pin: Pin, v: Vulnerability, on: Stand) -> str:
    """One vulnerability without its own words, which are a stranger's."""
    why = ", newly imported," if pin[0] in on.fresh else ""
    cve = next((f", {name}" for name in v.aliases if name.startswith("CVE-")), "")
    cure = f"fixed in {', '.join(v.fixed[:VERSIONS])}" if v.fixed else "no fixed version is known"
    return f"{pin[0]} {pin[1]}{why} has {v.id} ({v.severity or 'not rated'}{cve}; {cure})"


def _finding(on: Stand, pin: Pin, v: Vulnerability, severity: str) -> GateFinding:
    told = f"{_says(pin, v, on)}{': ' if v.summary else ''}{v.summary}"
    return GateFinding(GATE, on.now.pinned[pin], 1, told, severity)


def _gaps(on: Stand) -> Iterator[GateFinding]:
    """What of the manifests was not scanned, and why."""
    for path, names in on.now.loose.items():
        yield GateFinding(GATE, path, 1, f"not pinned, not scanned: {_some(names)}", "note")
    for path, why in on.now.unread.items():
        yield GateFinding(GATE, path, 1, f"{path} {why}: not scanned", "note")
    if on.private:
        yield GateFinding(
            GATE, "platform.toml", 1, f"never sent, not scanned: {_some(on.private)} ([osv] private)", "note"
        )


def _some(names: Collection[str]) -> str:
    listed = list(names) if isinstance(names, list | tuple) else sorted(names)
    more = f" and {len(listed) - NAMES} more" if len(listed) > NAMES else ""
    return ", ".join(listed[:NAMES]) + more
