"""The part of the workflow in which an issue waits for the fix of another one (core/stages/dependence.py).

Either the other issue has the same fix in progress, or its fault blocks this fix.
"""

from __future__ import annotations

from core.stages.results import Awaited, Fix
from core.stages.steps import begin_anew_step, dependence_step, duplicate_step, pause


def wait(issue_id: int, run: int, other: int) -> Awaited:
    """Wait for the other issue's fix; ``ok`` if that issue was fixed."""
    looks = 0
    while (look := dependence_step(issue_id, run, other, looks)).seconds > 0:
        pause(look.seconds)
        looks += 1
    return look


def settle(issue_id: int, run: int, change: Fix) -> str:
    """How another issue's fix ends this run: "resolved" or "begun anew". Empty if it continues with its own fix."""
    if change.duplicate_of:
        return _by_duplicate(issue_id, run, change, change.duplicate_of)
    if change.met is not None and wait(issue_id, run, change.met).ok:
        return _anew(issue_id, run, change, f"issue {change.met} blocked this fix and is now fixed")
    return ""


def _by_duplicate(issue_id: int, run: int, change: Fix, duplicate: int) -> str:
    """If one fix resolves both issues, end this one; otherwise start it again."""
    if wait(issue_id, run, duplicate).ok and duplicate_step(issue_id, run, duplicate).ok:
        return "resolved"
    return _anew(issue_id, run, change, f"{change.message} That fix did not resolve this issue.")


def _anew(issue_id: int, run: int, change: Fix, why: str) -> str:
    return "begun anew" if begin_anew_step(issue_id, run, change.id, why).begun else ""
