"""The part of the workflow that puts a release on top of what production serves (core/stages/fix.py, rebase)."""

from __future__ import annotations

from core.stages.context import CheckPass, DeployPass, FixPass
from core.stages.results import ReleaseResult
from core.stages.steps import fix_rebase_step, preview_step, rest, test_step

BASES = 12  # looks at what production serves before a release goes out on top of it


def bring(issue_id: int, run: int, change_id: int) -> ReleaseResult:
    """When production moved on since the fix was written: rebase, test and preview once more, and look again.

    It goes out on what has served long enough to be compared with; a team that always deploys holds it for a while.
    """
    waited = False
    for _ in range(BASES):
        moved = fix_rebase_step(issue_id, run, FixPass.REBASE, change_id)
        if moved.ok and moved.moved:
            current = _tested_anew(issue_id, run, change_id)
            if not current.ok or not moved.again:
                return current
        elif not moved.seconds:
            return ReleaseResult(moved.ok, says=moved.says, stale=moved.stale, waited=waited)
        else:
            waited = True
            rest(moved.seconds)
    return ReleaseResult(ok=True, waited=waited)


def _tested_anew(issue_id: int, run: int, change_id: int) -> ReleaseResult:
    tested = test_step(issue_id, run, CheckPass.AFTER_REBASE, change_id)
    if not tested.ok:
        return ReleaseResult(says=tested.says, met=tested.met)
    preview = preview_step(issue_id, run, DeployPass.PREVIEW_AFTER_REBASE, change_id)
    return ReleaseResult(preview.ok, says=preview.says)
