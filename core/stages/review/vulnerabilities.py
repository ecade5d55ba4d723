"""The gate on known vulnerabilities: those that a change adds fail it, those that existed before are noted.

A change adds a vulnerability if it newly imports the package, or newly pins the affected version. Packages that could
not be scanned are always reported. If no advisory service is connected, or it does not respond, the gate passes as
"not scanned"; in the second case ``osv.unscanned`` can require a person instead. A newly imported package that could
not be scanned always needs a person's approval.
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
from core.vendors.advisories import Advisories, Pin, Vulnerability
from core.vendors.base import VendorError

GATE = "vulnerabilities"
NAMES, VERSIONS, NOTES = 8, 3, 50  # in a sentence: names, fixed versions; in a review: notes
Known = Mapping[Pin, Sequence[Vulnerability]]


@dataclass(frozen=True)
class Stand:
    """The program's packages with a change and before it; ``fresh``: the packages that the change newly imports."""

    now: Packages
    before: Packages
    fresh: frozenset[str]
    private: tuple[str, ...] = ()  # named in a manifest, but never sent to the service

    @property
    def pins(self) -> set[Pin]:
        """The packages to query: all that are pinned now, and the older versions of the same packages."""
        now = set(self.now.pinned)
        return now | {pin for pin in self.before.pinned if pin[0] in {name for name, _ in now}}


def stand(
    tree: Path, diff: str, before: Mapping[str, str], repository: Repository, rules: OsvRules, runner: Runner
) -> Stand:
    """``tree`` is the change's checkout, ``diff`` its diff made with -U0, ``before`` the old texts by path."""
    texts = manifests.texts(tree, repository.source)
    now, old = manifest_reader.read([texts, manifests.earlier(texts, before, touched(diff))], runner)
    changed = {path: lines for path, lines in changed_lines(diff).items() if is_source(path, repository)}
    fresh = {
        name
        for module in imports.brought(tree, changed, before, repository.tests)
        for name in (imports.packages(module) & now.names or {imports.package(module)})
    }
    private = {name for name in now.names if _private(name, rules)}
    return Stand(public(now, rules), public(old, rules), frozenset(fresh - private), tuple(sorted(private)))


def _private(name: str, rules: OsvRules) -> bool:
    return any(fnmatch(name, re.sub(r"[-_.]+", "-", glob.lower())) for glob in rules.private)


def public(packages: Packages, rules: OsvRules) -> Packages:
    """The packages without the private ones, whose names are never sent."""
    return replace(packages, pinned={p: path for p, path in packages.pinned.items() if not _private(p[0], rules)})


def gate(on: Stand, service: Advisories | None, rules: OsvRules) -> Gate:
    """The gate's result. It queries an external service, which takes at most one or two minutes."""
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
    unpinned = f"{_some(unseen)} is newly imported and not pinned, so it was not scanned; a person must check it"
    passed = not (brought or unseen)
    sentences = [
        f"{where} checked {counted(len(on.now.pinned), 'pinned package')}",
        *(_sentence(pin, v, on) for pin, v in brought),
        unpinned if unseen else "",
        "the change adds no known vulnerability" if passed else "",
        _known_before(there),
    ]
    errors = (_finding(on, pin, v, "error") for pin, v in brought)
    notes = (_finding(on, pin, v, "note") for pin, v in there[:NOTES])
    message, findings = "; ".join(filter(None, sentences)), (*errors, *notes, *_gaps(on))
    return Gate(GATE, passed, message, float(len(brought)), 0.0, findings, done=passed or bool(brought))


def _known_before(there: Sequence[tuple[Pin, Vulnerability]]) -> str:
    ids = list(dict.fromkeys(vulnerability.id for _, vulnerability in there))
    return f"{len(ids)} known before the change: {_some(ids)}" if ids else ""


def _parted(on: Stand, known: Known) -> tuple[list[tuple[Pin, Vulnerability]], list[tuple[Pin, Vulnerability]]]:
    """(vulnerabilities that the change adds, those that existed before)."""
    old = {(pin[0], name) for pin in on.before.pinned for v in known.get(pin, ()) for name in v.names}
    brought, there = [], []
    for pin in sorted(on.now.pinned):
        for v in known.get(pin, ()):
            new = pin[0] in on.fresh or not any((pin[0], name) in old for name in v.names)
            (brought if new else there).append((pin, v))
    return brought, there


def _sentence(pin: Pin, v: Vulnerability, on: Stand) -> str:
    """A description of one vulnerability, without the advisory's text, which is untrusted."""
    why = ", newly imported," if pin[0] in on.fresh else ""
    cve = next((f", {name}" for name in v.aliases if name.startswith("CVE-")), "")
    cure = f"fixed in {', '.join(v.fixed[:VERSIONS])}" if v.fixed else "no fixed version is known"
    return f"{pin[0]} {pin[1]}{why} has {v.id} ({v.severity or 'not rated'}{cve}; {cure})"


def _finding(on: Stand, pin: Pin, v: Vulnerability, severity: str) -> GateFinding:
    message = f"{_sentence(pin, v, on)}{': ' if v.summary else ''}{v.summary}"
    return GateFinding(GATE, on.now.pinned[pin], 1, message, severity)


def _gaps(on: Stand) -> Iterator[GateFinding]:
    """The manifest entries that were not scanned, and why."""
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
