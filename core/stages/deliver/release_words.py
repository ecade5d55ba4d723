"""The texts for people on a release's rehearsal and on its share of the traffic. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

REHEARSAL, TRAFFIC = "rehearsal", "traffic"  # in Deployment.judged


def rehearsed(judged: Mapping[str, Any]) -> str:
    """The result of the rehearsal of the rollback; empty if there was none."""
    stored = judged.get(REHEARSAL, {})
    if not stored:
        return ""
    if stored.get("ok"):
        return f"Rollback rehearsed in {stored['seconds']:.1f} s"
    return f"Rollback {'not rehearsed' if stored.get('ok') is None else 'rehearsal failed'}: {stored.get('says', '')}"


def share(judged: Mapping[str, Any]) -> str:
    """The share of the traffic that a release serves; empty where it has no steps."""
    stored = judged.get(TRAFFIC, {})
    if not stored.get("steps"):
        return ""
    shares = ", ".join(f"{step} %" for step in stored["steps"])
    return f"all, after {shares}" if stored.get("all") else f"{stored['share']} % (steps: {shares}, all)"
