"""The sources of security findings of one checkout. Each is asked on its own; the failure of one stops no other.

Nothing of the repository is run or imported outside of the sandbox: manifests are parsed and bandit runs inside of it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from core.models import Severity
from core.policy.reader import Policy
from core.policy.services import Repository
from core.repair.sandbox import checkout
from core.repair.sandbox.runner import read_back
from core.repair.types import Runner
from core.runtime import Runtime
from core.signals.security import finding
from core.signals.security.finding import SecurityFinding
from core.stages.review import manifest_reader, manifests, tools, vulnerabilities
from core.stages.review.gates import is_source
from core.stages.review.manifests import Packages
from core.stages.workspace import Clone
from core.vendors.advisories import SecurityAlert
from core.vendors.osv import plain

CHUNK, LARGEST = 200, 400_000  # files in one run of bandit; characters of a file
ORDER = list(Severity)


@dataclass(frozen=True)
class Scanned:
    """The checkout that a scan looks at. ``repository`` has its unset values filled in; ``root`` holds the folder."""

    name: str
    repository: Repository
    found: Clone
    sha: str
    root: Path
    runner: Runner

    @property
    def tree(self) -> Path:
        return self.root / self.repository.folder

    @cached_property
    def packages(self) -> Packages:
        """What the manifests and lock files pin, parsed once."""
        texts = manifests.texts(self.tree, self.repository.source)
        (read,) = manifest_reader.read([texts], self.runner)
        return read

    def path(self, name: str) -> str:
        """A path of the service's folder, as a path of the repository."""
        return PurePosixPath(self.repository.folder, name).as_posix()


Source = Callable[[Runtime, Scanned], Iterator[SecurityFinding]]


def packages(rt: Runtime, scanned: Scanned) -> Iterator[SecurityFinding]:
    """OSV's vulnerabilities of what the manifests and lock files pin. Raises VendorError."""
    assert rt.advisories is not None
    pinned = vulnerabilities.public(scanned.packages, rt.policy.osv).pinned
    for pin, known in sorted(rt.advisories.known(set(pinned)).items() if pinned else ()):
        for one in known:
            summary = f"{one.summary} ({rt.advisories.where})"
            path, url = scanned.path(pinned[pin]), f"https://osv.dev/vulnerability/{one.id}"
            yield finding.of_package(
                "osv", scanned.name, pin, path, sorted(one.names), one.severity, summary, one.fixed, url
            )


def code(rt: Runtime, scanned: Scanned) -> Iterator[SecurityFinding]:
    """Bandit's findings in the program's own files, by the rules of the policy. Raises CommandError."""
    rules = rt.policy.security
    paths = [path for path in checkout.tracked(scanned.tree, "*.py") if _own(path, scanned.repository)]
    for start in range(0, len(paths[: rules.most_files]), CHUNK):
        chunk = paths[start : min(start + CHUNK, rules.most_files)]
        with rt.workbench:
            report = tools.looked(scanned.tree, chunk, scanned.runner)
        for row in (one for one in report.bandit if one.code in rules.rules and one.path in chunk):
            text = _line(read_back(scanned.tree / row.path, LARGEST), row.line)
            place = scanned.path(row.path), row.line, text, row.code, row.cwe
            yield finding.of_line("bandit", scanned.name, *place, row.severity, plain(row.message))


def _own(path: str, repository: Repository) -> bool:
    inside = any(folder == "." or path.startswith(f"{folder}/") for folder in repository.source)
    return inside and is_source(path, repository)


def alerts(rt: Runtime, scanned: Scanned) -> Iterator[SecurityFinding]:
    """Open alerts of Dependabot and of code scanning at GitHub. Raises VendorError."""
    assert rt.alerts is not None
    for alert in rt.alerts.open(scanned.repository.github):
        yield from _package(scanned, alert) if alert.package else _scanned_line(scanned, alert)


def _package(scanned: Scanned, alert: SecurityAlert) -> Iterator[SecurityFinding]:
    """An alert about a package, if the scanned commit still pins a version of it."""
    for pin, path in sorted(scanned.packages.pinned.items()):
        if pin[0] == alert.package and alert.covers(pin[1]):
            yield finding.of_package(
                alert.source, scanned.name, pin, scanned.path(path), alert.ids, alert.severity,
                alert.message, alert.fixed, alert.url,
            )  # fmt: skip


def _scanned_line(scanned: Scanned, alert: SecurityAlert) -> Iterator[SecurityFinding]:
    """An alert about a line of the program, if the scanned commit still has that line."""
    path = PurePosixPath(alert.path)
    if path.is_absolute() or ".." in path.parts or not (scanned.root / path).is_file():
        return
    before = scanned.found.git("show", f"{alert.sha}:{path}") if _known(scanned.found, alert.sha) else ""
    text = _line(before or read_back(scanned.root / path, LARGEST), alert.line)
    lines = [" ".join(one.split()) for one in read_back(scanned.root / path, LARGEST).splitlines()]
    if text and " ".join(text.split()) in lines:
        yield finding.of_line(
            alert.source, scanned.name, path.as_posix(), lines.index(" ".join(text.split())) + 1, text, alert.rule,
            alert.cwe, alert.severity, alert.message, alert.url,
        )  # fmt: skip


def _known(found: Clone, sha: str) -> bool:
    return bool(sha) and sha.isalnum() and bool(found.commits(sha)[0])


def _line(text: str, number: int) -> str:
    lines = text.splitlines()
    return lines[number - 1].strip() if 0 < number <= len(lines) else ""


def connected(rt: Runtime, repository: Repository) -> dict[str, Source]:
    """The sources that can be asked about a repository."""
    there = {
        "osv": (rt.advisories is not None, packages),
        "bandit": (rt.policy.security.code, code),
        "github": (rt.alerts is not None and bool(repository.github), alerts),
    }
    return {name: source for name, (holds, source) in there.items() if holds}


def worst(found: list[SecurityFinding], most: int, known: Collection[str]) -> list[SecurityFinding]:
    """The findings, each once, the worst first: all that are ``known`` by name, and at most so many new ones."""
    unique = {one.name: one for one in found}
    ordered = sorted(unique.values(), key=lambda one: (-ORDER.index(one.severity), one.name))
    new = [one for one in ordered if one.name not in known]
    return [one for one in ordered if one.name in known] + new[:most]


def services_of(policy: Policy, name: str, one: SecurityFinding) -> list[str]:
    """The services that a finding concerns, the one with the strictest rules first.

    A line of a file that is named like a service, or that only its ``paths`` cover, is that service's own.
    """
    of_code = [service for service, held in policy.services.items() if held.repository == name]
    stem = PurePosixPath(one.path).stem
    if one.kind == finding.LINE and stem in of_code:
        return [stem]
    first = policy.worst_of(of_code)
    return [first, *(service for service in of_code if service != first)] if first else []
