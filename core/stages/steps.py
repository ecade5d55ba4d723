"""The durable steps of the workflow, and its waits: each stage as a step of DBOS whose result is kept.

A step's name is recorded with its result: work that waits under an older release finds it by that name, so none is
ever renamed (docs/adding-a-step.md).
"""

from __future__ import annotations

import time
from collections.abc import Callable

from dbos import DBOS

from core import runtime
from core.models import Stage, Status
from core.ops import durable, infrastructure, stage_log
from core.ops.infrastructure import AFTER, BEFORE, Patience
from core.stages import analyze, anew, corroborate, decide, dependence, duplicate_fixes, fix, handover, learn, test
from core.stages.deliver import admission, deploy, guard, merge, restoring
from core.stages.review import coderabbit_review, review
from core.stages.watch import late, watch

SLICE = 300.0  # seconds that a wait lasts at most before it is looked at again; a message ends it sooner


def rest(seconds: float) -> None:
    """Sleep: durably inside a workflow, plainly where Kestra runs the stages (core/cli/stage.py)."""
    (DBOS.sleep if DBOS.workflow_id else time.sleep)(seconds)


def pause(seconds: float) -> bool:
    """Wait at most so long, or until a message ends the wait (durable.wake); False if it was a plain sleep.

    Work that slept under the first version goes on as it was recorded: it hears no message.
    """
    if not DBOS.workflow_id:
        time.sleep(min(seconds, SLICE))
    elif DBOS.patch(durable.WOKEN):
        DBOS.recv(durable.WAKE, timeout_seconds=min(seconds, SLICE))
    else:
        DBOS.sleep(seconds)
        return False
    return True


def step(
    stage: Stage, status: Status, work: Callable[..., dict], name: str | None = None, patience: Patience = BEFORE
) -> Callable[..., dict]:
    """A durable step around ``work(runtime, issue_id, run, attempt, entry, *args) -> dict``.

    A fault of the infrastructure is tried again, with durable waits, for as long as ``patience`` says.
    """

    def run(issue_id: int, run: int, attempt: int, *args) -> dict:
        def once() -> dict:
            with stage_log.stage(issue_id, run, stage, attempt, status) as entry:
                return work(runtime.current(), issue_id, run, attempt, entry, *args)

        return guard.kept(once, issue_id, run, patience)

    return _insisting(run, name or _name(work), patience)


def plain_step(work: Callable[..., dict], patience: Patience = BEFORE, name: str | None = None) -> Callable[..., dict]:
    """A durable step that belongs to no stage: ``work(runtime, issue_id, run, *args) -> dict``."""

    def run(issue_id: int, run: int, *args) -> dict:
        return guard.kept(lambda: work(runtime.current(), issue_id, run, *args), issue_id, run, patience)

    return _insisting(run, name or _name(work), patience)


def _name(work: Callable) -> str:
    return work.__module__.rsplit(".", 1)[1] + "." + work.__name__


def _insisting(run: Callable[..., dict], name: str, patience: Patience) -> Callable[..., dict]:
    run.__qualname__ = run.__name__ = name
    recorded = DBOS.step(name=name)(run)

    def insisting(issue_id: int, run: int, *args) -> dict:
        return infrastructure.insist(
            lambda: recorded(issue_id, run, *args),
            patience if DBOS.workflow_id else patience.at_once(),
            rest,
            lambda says: alarm_step(issue_id, run, says),
        )

    return insisting


analyze_step = step(Stage.ANALYZE, Status.ANALYZING, analyze.run)
decide_step = step(Stage.DECIDE, Status.DECIDING, decide.run)
fix_step = step(Stage.FIX, Status.FIXING, fix.run)
review_step = step(Stage.REVIEW, Status.REVIEWING, review.run)
peer_step = step(Stage.REVIEW, Status.REVIEWING, coderabbit_review.look, name="peer.look")
test_step = step(Stage.TEST, Status.TESTING, test.run)
preview_step = step(Stage.DEPLOY, Status.PREVIEWING, deploy.preview)
production_step = step(Stage.DEPLOY, Status.DEPLOYING, deploy.production, patience=guard.FORWARD)
watch_step = step(Stage.VERIFY, Status.WATCHING, watch.watch, patience=guard.WATCH, name="verify.watch")
roll_back_step = step(Stage.VERIFY, Status.ROLLING_BACK, watch.roll_back, patience=guard.BACK, name="verify.roll_back")
learn_step = step(Stage.LEARN, Status.WATCHING, learn.run, patience=AFTER)
attempts_step = plain_step(fix.attempts)
corroborate_step = plain_step(corroborate.look)
schedule_step = plain_step(decide.schedule)
ask_step = plain_step(deploy.ask)
expire_step = plain_step(deploy.expire)
# these three have the names under which work that waits has recorded them
admit_step = plain_step(admission.admit, name="deploy.admit")
give_back_step = plain_step(admission.give_back, AFTER, name="deploy.give_back")
twin_step = plain_step(duplicate_fixes.end, AFTER, name="twins.end")
dependence_step = plain_step(dependence.look)
lane_step = plain_step(admission.lane, name="deploy.lane")
hand_over_step = plain_step(handover.run, AFTER)
begin_anew_step = plain_step(anew.begin, AFTER)
late_watch_step = plain_step(late.watch, AFTER)
late_roll_back_step = plain_step(late.roll_back, AFTER)
merge_step = plain_step(merge.again, AFTER)
settle_step = plain_step(restoring.settle, guard.BACK)
alarm_step = DBOS.step(name="guard.alarm")(guard.alarm)
fix_rebase_step = step(Stage.FIX, Status.QUEUED, fix.rebase)
