"""The analysis of a security finding: what the finding says, without an opinion of a model. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.models import Cause, Kind, Record, Severity
from core.models.counted import counted
from core.signals.analysis.types import Conclusion, IssueFacts
from core.signals.security.finding import LINE, PACKAGE

NAME = "finding"
CERTAIN, LIKELY = 0.99, 0.9  # an advisory names the version; a tool recognises a pattern
SIMPLE = {PACKAGE: 1.0, LINE: 0.9}
ORDER = list(Severity)


def concerns(facts: IssueFacts) -> bool:
    return any(record.kind is Kind.SECURITY for record in facts.records)


def conclude(facts: IssueFacts) -> Conclusion:
    """The conclusion of the findings of an issue; the worst of them gives the severity."""
    found = [record for record in facts.records if record.kind is Kind.SECURITY]
    worst = max(found, key=lambda record: (ORDER.index(severity(record)), record.vendor_id))
    details, kind = details_of(worst), str(worst.attributes.get("finding"))
    sources = sorted({record.source for record in found})
    marks = sorted({str(record.attributes.get("mark")) for record in found})
    evidence = [
        {"says": f"{counted(len(sources), 'source')} reported it: {', '.join(sources)}", "weight": 0},
        {"says": f"{counted(len(marks), 'finding')}: {', '.join(marks[:8])}", "weight": 0},
    ]
    return Conclusion(
        analyst=NAME,
        root_cause=f"{worst.title}.{' ' + worst.message if worst.message else ''}"[:2000],
        cause=Cause.SECURITY,
        severity=severity(worst),
        impact=facts.impact,
        confidence=CERTAIN if kind == PACKAGE else LIKELY,
        simplicity=SIMPLE.get(kind, 0.0),
        pattern=pattern(worst),
        culprit=_place(details, kind),
        next_step=_step(details, kind),
        evidence=evidence,
    )


def severity(record: Record) -> Severity:
    word = str(record.attributes.get("severity"))
    return Severity(word) if word in ORDER else Severity.HIGH


def details_of(record: Record) -> Mapping[str, Any]:
    found = record.attributes.get("details")
    return found if isinstance(found, Mapping) else {}


def pattern(record: Record) -> str:
    """The key of learning: upgrades are one pattern, each weakness of code is another."""
    details = details_of(record)
    what = f"CWE-{details['cwe']}" if details.get("cwe") else str(details.get("rule") or "upgrade")
    return f"security/{what}"[:80]


def _place(details: Mapping[str, Any], kind: str) -> str:
    if kind == PACKAGE:
        return str(details.get("manifest") or "")
    return f"{details.get('path')}:{details.get('line')}"


def _step(details: Mapping[str, Any], kind: str) -> str:
    if kind != PACKAGE:
        weakness = f"CWE-{details['cwe']}" if details.get("cwe") else details.get("rule")
        return f"Change {_place(details, kind)} so that it no longer has this weakness ({weakness})."
    fixed = [str(one) for one in details.get("fixed") or []]
    cure = f"Upgrade it to {' or '.join(fixed[:3])}" if fixed else "No fixed version is known. Replace it"
    return f"{cure}; it is pinned in {details.get('manifest')}."
