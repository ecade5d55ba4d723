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
    outcome = "not found" if issue is None else issue["status"]
    decision = (issue or {}).get("verdict") or "-"
    right = decision == fault.expected and {
        **({"model": _cured(outcome, behaves, waited)} if agents else {}),
        "code": outcome == "resolved" and behaves is True and (waited or fault.service != "checkout"),
        "security": _cured(outcome, behaves, waited),
        "performance": _cured(outcome, behaves, waited),
        "backfire": outcome == "escalated" and "roll" in (issue or {}).get("reason", ""),
    }.get(fault.kind, outcome == "escalated")
    return {
        "fault": fault.name,
        "decision": decision,
        "expected": fault.expected,
        "seconds": seconds(issue, shipped) if issue else None,
        "outcome": outcome,
        "confidence": (issue or {}).get("confidence"),
        "approval": waited,
        "behaves": behaves,
        "cause": (issue or {}).get("cause"),
        "right": bool(right),
        "reason": (issue or {}).get("reason", "")[:300],
    }


def _cured(outcome: str, right: bool | None, waited: bool) -> bool:
    """Is the fault fixed, after a person approved the fix?"""
    return outcome == "resolved" and right is True and waited


def seconds(issue: Mapping, shipped: float) -> float | None:
    """Seconds from the fault's release to the issue's end (stored in UTC); None while it is open."""
    if not issue["ended_at"]:
        return None
    ended = datetime.fromisoformat(issue["ended_at"])
    return round((ended if ended.tzinfo else ended.replace(tzinfo=UTC)).timestamp() - shipped, 1)
