"""What people are told of a release's rehearsal and of its share of the traffic. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

REHEARSAL, TRAFFIC = "rehearsal", "traffic"  # in Deployment.judged


def rehearsed(judged: Mapping[str, Any]) -> str:
    """How the rehearsal of the rollback ended; empty when there was none."""
    told = judged.get(REHEARSAL, {})
    if not told:
        return ""
    if told.get("ok"):
        return f"Rollback rehearsed in {told['seconds']:.1f} s"
    return f"Rollback {'not rehearsed' if told.get('ok') is None else 'rehearsal failed'}: {told.get('says', '')}"


def share(judged: Mapping[str, Any]) -> str:
    """The share of the traffic that a release serves; empty where it has no steps."""
    told = judged.get(TRAFFIC, {})
    if not told.get("steps"):
        return ""
    shares = ", ".join(f"{step} %" for step in told["steps"])
    return f"all, after {shares}" if told.get("all") else f"{told['share']} % (steps: {shares}, all)"
