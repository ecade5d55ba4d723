"""The part of the workflow that rebases a release onto the commit that production serves (fix.py, ``rebase``)."""

from __future__ import annotations

from dbos import DBOS

from core.stages.context import CheckPass, DeployPass, FixPass
from core.stages.results import ReleaseResult
from core.stages.steps import fix_rebase_step, preview_when_checked, rest, test_step

BASES = 12  # maximum checks of production's commit before a release
MOVING = f"production changed at each of {BASES} checks, so the fix was not released"


def bring(issue_id: int, run: int, change_id: int) -> ReleaseResult:
    """If production changed since the fix was written: rebase, test and preview again, and check production again.

    The release waits until production's deployment has served long enough to be its baseline; frequent deployments by
    the team delay it. If production still moves at the last check, the fix is stale: nothing shows that it still works.
    """
    waited = False
    for _ in range(BASES):
        moved = fix_rebase_step(issue_id, run, FixPass.REBASE, change_id)
        if moved.ok and moved.moved:
            current = _tested_anew(issue_id, run, change_id)
            if not current.ok or not moved.again:
                return current
        elif not moved.seconds:
            return ReleaseResult(moved.ok, message=moved.message, stale=moved.stale, waited=waited)
        else:
            waited = True
            rest(moved.seconds)
    if DBOS.workflow_id and not DBOS.patch("no-release-onto-a-moving-production"):  # recorded by an earlier version
        return ReleaseResult(ok=True, waited=waited)
    return ReleaseResult(event="deployment_failed", message=MOVING, stale=True, waited=waited)


def _tested_anew(issue_id: int, run: int, change_id: int) -> ReleaseResult:
    tested = test_step(issue_id, run, CheckPass.AFTER_REBASE, change_id)
    if not tested.ok:
        return ReleaseResult(message=tested.message, met=tested.met)
    preview = preview_when_checked(issue_id, run, DeployPass.PREVIEW_AFTER_REBASE, change_id)
    return ReleaseResult(preview.ok, "" if preview.ok else "deployment_failed", preview.message)
