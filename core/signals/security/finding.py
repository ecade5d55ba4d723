"""One security finding, whoever reported it, as a record of the platform. Pure.

All texts of a finding are untrusted: advisories, manifests and code are written by strangers. A finding of a package
is one of the vulnerabilities of a pinned version; those of one package share an issue, because one upgrade removes
them. A finding of a line is a weakness (CWE) of a statement; its line number is not part of its identity.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from core.models import Kind, Record, Severity

PACKAGE, LINE = "package", "line"
SEVERITIES = {
    "LOW": Severity.LOW,
    "MODERATE": Severity.MEDIUM,
    "MEDIUM": Severity.MEDIUM,
    "HIGH": Severity.HIGH,
    "CRITICAL": Severity.CRITICAL,
}
ADVISORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,99}")
SHORT, LONG = 200, 2000  # characters of a title; of a description


@dataclass(frozen=True)
class SecurityFinding:
    """``key`` is the identity of its issue, ``mark`` tells apart the findings of one source in that issue.

    ``details`` is plain JSON for the fix: package, version, ids and fixed; or path, line, code, rule and cwe.
    """

    source: str  # osv, dependabot, bandit, code scanning
    kind: str
    key: str
    mark: str
    title: str
    message: str
    severity: Severity
    path: str
    url: str = ""
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Identifies it among the findings of a repository."""
        return f"{self.source}:{self.key}:{self.mark}"


def severity_of(word: str) -> Severity:
    """The severity of an advisory's word; one that is not rated counts as high."""
    return SEVERITIES.get(word.upper(), Severity.HIGH)


def of_package(
    source: str,
    repository: str,
    pin: tuple[str, str],
    path: str,
    ids: Sequence[str],
    severity: str,
    summary: str = "",
    fixed: Sequence[str] = (),
    url: str = "",
) -> SecurityFinding:
    """``ids`` are the names of one vulnerability; its mark is the CVE, which all sources know."""
    name, version = pin
    known = sorted({one for one in ids if ADVISORY.fullmatch(one)}, key=lambda one: (not one.startswith("CVE-"), one))
    mark = known[0] if known else "unnamed"
    details = {"package": name, "version": version, "ids": known, "fixed": list(fixed), "manifest": path}
    return SecurityFinding(
        source,
        PACKAGE,
        _digest(repository, PACKAGE, name),
        mark,
        f"{name} {version} has {mark} ({severity.lower() if severity.upper() in SEVERITIES else 'not rated'})",
        summary[:LONG],
        severity_of(severity),
        path,
        url,
        details,
    )


def of_line(
    source: str,
    repository: str,
    path: str,
    line: int,
    code: str,
    rule: str,
    cwe: int,
    severity: str,
    message: str = "",
    url: str = "",
) -> SecurityFinding:
    """``code`` is the statement as written; ``cwe`` is 0 if the tool names no weakness."""
    code, weakness = " ".join(code.split()), f"CWE-{cwe}" if cwe else rule
    details = {"path": path, "line": line, "code": code[:SHORT], "rule": rule, "cwe": cwe}
    said = " ".join(message.split())[:120].rstrip(".")
    title = f"{said or rule} ({rule}) in {path}"
    return SecurityFinding(
        source,
        LINE,
        _digest(repository, LINE, path, code, weakness),
        rule,
        title,
        message[:LONG],
        severity_of(severity),
        path,
        url,
        details,
    )


def _digest(*parts: str) -> str:
    return hashlib.sha256("\x1f".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def record_of(finding: SecurityFinding, services: Sequence[str], since: datetime) -> list[Record]:
    """One record for each affected service, of which the first counts; ``since`` is when a scan first saw the finding.

    A finding that is gone and comes back has another ``since``, and so another identity.
    """
    attributes = {"finding": finding.kind, "key": finding.key, "mark": finding.mark, "severity": finding.severity.value}
    return [
        Record(
            source=finding.source,
            vendor_id=f"{service}:{finding.name}:{since:%Y%m%dT%H%M%S}",
            kind=Kind.SECURITY,
            at=since,
            service=service,
            level="error",
            count=int(service == services[0]),
            title=finding.title[:300],
            message=finding.message,
            url=finding.url,
            attributes=attributes | {"details": finding.details},
        )
        for service in services
    ]
