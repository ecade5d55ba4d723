"""The checks that the team's CI reports for the commit of a fix (``[repositories.NAME.ci]``).

The release waits for them, and one that fails keeps the fix back. Both kinds of GitHub count: check runs and commit
statuses. The platform's own status does not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from core.models import ChangeSet
from core.models.counted import counted
from core.policy.delivery import CiRules
from core.policy.services import Repository
from core.runtime import Runtime
from core.vendors.base import understood

LOOK_SECONDS = 20.0
OWN = "platform/"  # how the contexts of the platform's own statuses begin
PASSED = ("success", "neutral", "skipped")
SHOWN = 5


@dataclass(frozen=True)
class CiLook:
    """``fault``: why the fix must not be released. ``seconds``: the checks are not finished; look again after that."""

    message: str = ""
    fault: str = ""
    seconds: float = 0.0


def look(rt: Runtime, repository: Repository, change: ChangeSet, since: datetime, at: datetime) -> CiLook:
    """One look at the checks of the commit; ``since`` is when the wait began. Raises VendorError."""
    rules = repository.ci
    if not rules.enabled:
        return CiLook()
    if rt.host is None:
        return CiLook(fault="The CI checks cannot be read: set GITHUB_TOKEN.")
    runs = rt.host.check_runs(repository.github, change.head_sha)
    states = reported(runs, rt.host.statuses(repository.github, change.head_sha))
    return judged(states, rules, (at - since).total_seconds())


@understood("github")
def reported(runs: Sequence[Mapping], statuses: Mapping[str, str]) -> dict[str, str]:
    """By name: ``pending``, or how the check ended. Pure.

    Of several runs with one name, the newest counts; of a run and a status with one name, the worse.
    """
    found = {str(context): str(state) for context, state in statuses.items() if not str(context).startswith(OWN)}
    newest: dict[str, str] = {}
    for run in sorted(runs, key=lambda run: int(run.get("id") or 0)):
        ended = run.get("status") == "completed"
        newest[str(run["name"])] = str(run.get("conclusion") or "failure") if ended else "pending"
    return found | {name: max(state, found.get(name, state), key=_badness) for name, state in newest.items()}


def _badness(state: str) -> int:
    return 0 if state in PASSED else 1 if state == "pending" else 2


def _fault(states: Mapping[str, str]) -> str:
    """The checks that ended without passing."""
    red = sorted(name for name, state in states.items() if state not in ("pending", *PASSED))
    ended = ", ".join(f"{name[:80]} ({states[name][:40]})" for name in red[:SHOWN])
    return f"{counted(len(red), 'CI check')} failed: {ended}" if red else ""


def _shown(names: Sequence[str]) -> str:
    return ", ".join(name[:80] for name in names[:SHOWN])


def judged(states: Mapping[str, str], rules: CiRules, waited: float) -> CiLook:
    """What the checks mean after ``waited`` seconds. Pure."""
    asked = {name: states.get(name, "pending") for name in rules.checks} if rules.checks else dict(states)
    if fault := _fault(asked):
        return CiLook(fault=fault)
    pending = sorted(name for name, state in asked.items() if state == "pending")
    if asked and not pending:
        return CiLook(f"{counted(len(asked), 'CI check')} passed")
    missing = f"Awaiting CI: {_shown(pending)}" if pending else "No CI check is reported"
    if waited >= rules.wait_minutes * 60:
        return CiLook(fault=f"CI did not finish in {rules.wait_minutes:g} minutes. {missing}")
    return CiLook(missing, seconds=LOOK_SECONDS)
