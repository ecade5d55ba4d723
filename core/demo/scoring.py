"""How a shipped fault ended: one row, and whether that is right. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from core.demo.faults import DemoFault


def line(row: dict) -> str:
    expected = row.get("expected_decision") or row["expected"]
    found = f"{row['fault']:<20} {row['decision']:<22} expected {expected:<15}"
    return f"{found} {row['seconds'] or '-':>6} s  {row['outcome']}"


def scored(
    fault: DemoFault, issue: Mapping | None, shipped: float, waited: bool, behaves: bool | None, agents: bool = False
) -> dict:
    """One row; ``waited``: a person approved. ``behaves``: production passes the fault's checks, None without any.

    Without ``agents``, the fault that only a model can fix must end with a person.
    """
    known = issue or {"status": "not found"}
    outcome, decision, reason = known["status"], known.get("verdict") or "-", known.get("reason", "")
    cured = outcome == "resolved" and behaves is True
    return {
        "fault": fault.name,
        "decision": decision,
        "expected": fault.expected,
        "seconds": seconds(issue, shipped) if issue else None,
        "outcome": outcome,
        "confidence": known.get("confidence"),
        "approval": waited,
        "behaves": behaves,
        "cause": known.get("cause"),
        "right": decision == fault.expected and _ended_well(fault, known, cured, waited, agents),
        "reason": reason[:300],
    }


def _ended_well(fault: DemoFault, issue: Mapping, cured: bool, waited: bool, agents: bool) -> bool:
    """``cured``: it is resolved, and production behaves."""
    escalated = issue["status"] == "escalated"
    ends = {
        "code": cured and (waited or fault.service != "checkout"),
        "security": cured and waited,
        "performance": cured and waited,
        "model": cured and waited if agents else escalated,
        "backfire": escalated and "roll" in issue.get("reason", ""),
    }
    return ends.get(fault.kind, escalated)


def seconds(issue: Mapping, shipped: float) -> float | None:
    """Seconds from the fault's release to the issue's end (stored in UTC); None while it is open."""
    if not issue["ended_at"]:
        return None
    ended = datetime.fromisoformat(issue["ended_at"])
    return round((ended if ended.tzinfo else ended.replace(tzinfo=UTC)).timestamp() - shipped, 1)
