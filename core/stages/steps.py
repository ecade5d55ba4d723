"""The durable steps and waits of the workflow: each stage is a DBOS step whose result is recorded.

A step's name is recorded with its result, and work that waits under an older release finds it by that name. So a step
is never renamed (docs/adding-a-step.md).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Concatenate, ParamSpec

from dbos import DBOS

from core import runtime
from core.models import Stage, Status
from core.ops import durable, infrastructure, stage_log
from core.ops.infrastructure import AFTER, BEFORE, HOURS, Patience, StepFault
from core.stages import (
    analyze,
    anew,
    corroborate,
    decide,
    dependence,
    duplicate_fixes,
    fix,
    handover,
    learn,
    results,
    test,
)
from core.stages.context import StageContext, StepContext
from core.stages.deliver import admission, deploy, guard, merge, merging, restoring
from core.stages.results import Result
from core.stages.review import coderabbit_review, review
from core.stages.watch import late, watch

Args = ParamSpec("Args")
MERGE = Patience(refused=HOURS)  # a pull request may wait for weeks, longer than any vendor outage
SLICE = 300.0  # maximum seconds of one wait before the next look; a message ends it earlier


def rest(seconds: float) -> None:
    """Sleep: durably inside a workflow, plainly where Kestra runs the stages (core/cli/stage.py)."""
    (DBOS.sleep if DBOS.workflow_id else time.sleep)(seconds)


def pause(seconds: float) -> bool:
    """Wait at most this long, or until a message ends the wait (durable.wake); False if it was a plain sleep.

    Work that started to wait under the first version continues as recorded: it receives no message.
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
    stage: Stage,
    status: Status,
    work: Callable[Concatenate[StageContext, Args], Result],
    kind: type[Result],
    name: str | None = None,
    patience: Patience = BEFORE,
) -> Callable[Concatenate[int, int, int, Args], Result]:
    """A durable step that is a stage: ``work(context, *args)`` returns a ``kind`` and fills the stage's log line.

    It is called as ``step(issue_id, run, attempt, *args)``. After an infrastructure fault it is retried, with durable
    waits, as long as ``patience`` allows.
    """

    def run(issue_id: int, run: int, attempt: int, *args: Args.args, **named: Args.kwargs) -> Result | StepFault:
        def once() -> Result:
            with stage_log.stage(issue_id, run, stage, int(attempt), status) as entry:
                return work(StageContext(runtime.current(), issue_id, run, int(attempt), entry), *args, **named)

        return guard.kept(once, issue_id, run, patience)

    return _insisting(run, kind, name or _name(work), patience)


def plain_step(
    work: Callable[Concatenate[StepContext, Args], Result],
    kind: type[Result],
    patience: Patience = BEFORE,
    name: str | None = None,
) -> Callable[Concatenate[int, int, Args], Result]:
    """A durable step that belongs to no stage: called as ``step(issue_id, run, *args)``."""

    def run(issue_id: int, run: int, *args: Args.args, **named: Args.kwargs) -> Result | StepFault:
        def once() -> Result:
            return work(StepContext(runtime.current(), issue_id, run), *args, **named)

        return guard.kept(once, issue_id, run, patience)

    return _insisting(run, kind, name or _name(work), patience)


def _name(work: Callable) -> str:
    return work.__module__.rsplit(".", 1)[1] + "." + work.__name__


def _recorded(work: Callable[..., Result | StepFault], name: str) -> Callable[..., dict]:
    """The step as the durable engine knows it: its result is plain JSON."""

    def run(*args, **named) -> dict:
        return results.record(work(*args, **named), name)

    run.__qualname__ = run.__name__ = name
    return DBOS.step(name=name)(run)


def _insisting(
    work: Callable[..., Result | StepFault], kind: type[Result], name: str, patience: Patience
) -> Callable[..., Result]:
    recorded = _recorded(work, name)

    def insisting(issue_id: int, run: int, *args, **named) -> Result:
        def attempt() -> Result | StepFault:
            record = recorded(issue_id, run, *args, **named)
            return infrastructure.fault_of(record) or results.read(kind, record)

        return infrastructure.insist(
            attempt,
            patience if DBOS.workflow_id else patience.at_once(),
            rest,
            lambda message: alarm_step(issue_id, run, message),
        )

    return insisting


analyze_step = step(Stage.ANALYZE, Status.ANALYZING, analyze.run, results.AnalysisResult)
decide_step = step(Stage.DECIDE, Status.DECIDING, decide.run, results.Diagnosis)
fix_step = step(Stage.FIX, Status.FIXING, fix.run, results.Fix)
review_step = step(Stage.REVIEW, Status.REVIEWING, review.run, results.ReviewResult)
peer_step = step(Stage.REVIEW, Status.REVIEWING, coderabbit_review.look, results.PeerReview, name="peer.look")
test_step = step(Stage.TEST, Status.TESTING, test.run, results.Checked)
preview_step = step(Stage.DEPLOY, Status.PREVIEWING, deploy.preview, results.Delivered)
production_step = step(Stage.DEPLOY, Status.DEPLOYING, deploy.production, results.Delivered, patience=guard.FORWARD)
watch_step = step(Stage.VERIFY, Status.WATCHING, watch.watch, results.WatchResult, "verify.watch", guard.WATCH)
roll_back_step = step(
    Stage.VERIFY, Status.ROLLING_BACK, watch.roll_back, results.Rollback, "verify.roll_back", guard.BACK
)
learn_step = step(Stage.LEARN, Status.WATCHING, learn.run, results.Learned, patience=AFTER)
attempts_step = plain_step(fix.attempts, results.FixAttempts)
corroborate_step = plain_step(corroborate.look, results.Corroborated)
schedule_step = plain_step(decide.schedule, results.Wait)
ask_step = plain_step(deploy.ask, results.ApprovalAsked)
expire_step = plain_step(deploy.expire, results.ApprovalAnswer)
# the names under which waiting work has recorded these steps
admit_step = plain_step(admission.admit, results.Wait, name="deploy.admit")
give_back_step = plain_step(admission.give_back, results.Done, AFTER, name="deploy.give_back")
duplicate_step = plain_step(duplicate_fixes.end, results.Done, AFTER, name="twins.end")
merge_look_step = plain_step(merging.look, results.MergeLook, MERGE, name="delivery.merge")
lane_step = plain_step(admission.lane, results.Lane, name="deploy.lane")
dependence_step = plain_step(dependence.look, results.Awaited)
hand_over_step = plain_step(handover.run, results.Done, AFTER)
begin_anew_step = plain_step(anew.begin, results.NewRun, AFTER)
late_watch_step = plain_step(late.watch, results.WatchResult, AFTER)
late_roll_back_step = plain_step(late.roll_back, results.Awaited, AFTER)
merge_step = plain_step(merge.again, results.Wait, AFTER)
settle_step = plain_step(restoring.settle, results.Wait, guard.BACK)
alarm_step = _recorded(guard.alarm, "guard.alarm")
fix_rebase_step = step(Stage.FIX, Status.QUEUED, fix.rebase, results.Rebased)


def preview_when_checked(issue_id: int, run: int, attempt: int, change_id: int) -> results.Delivered:
    """The preview of a change; the wait for the checks of the team's CI is durable and bounded."""
    while (made := preview_step(issue_id, run, attempt, change_id)).seconds > 0:
        rest(made.seconds)
    return made
