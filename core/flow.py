"""The workflow: the diagram as one function. Every arrow of the diagram is one line of ``journey``.

    analyze -> decide -> escalate | schedule (wait, then diagnose again) | fix
    (fix -> review -> CodeRabbit, if it is asked) up to N times -> test -> preview
    -> [late metrics and logs -> decide] -> [approval] -> release -> learn
    where people merge: preview -> a person merges -> the release that carries it -> watch -> learn, or propose a revert
    release: admission -> lane -> production -> watch -> merge, or roll back
    late watch: keep looking after an early confirmation until the full watch time -> roll back if harm begins late
    again: a person releases a proved patch once more: test -> preview -> release

It runs under DBOS: each stage is a step whose result is recorded, so a killed process continues at the same place. An
interrupted stage is called again, and first checks what it has already done.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

from dbos import DBOS, SetEnqueueOptions, SetWorkflowID

from core.models.counted import counted
from core.ops import durable, infrastructure, lookout
from core.stages import other_fixes, results, up_to_date
from core.stages.context import FIRST, CheckPass, DeployPass, VerifyPass
from core.stages.results import ApprovalAnswer, Diagnosis, Fix, PeerReview, ReleaseResult
from core.stages.steps import (
    admit_step,
    analyze_step,
    ask_step,
    attempts_step,
    begin_anew_step,
    corroborate_step,
    decide_step,
    expire_step,
    fix_step,
    give_back_step,
    hand_over_step,
    lane_step,
    late_roll_back_step,
    late_watch_step,
    learn_step,
    merge_look_step,
    merge_step,
    pause,
    peer_step,
    preview_when_checked,
    production_step,
    rest,
    review_step,
    roll_back_step,
    schedule_step,
    settle_step,
    test_step,
    watch_step,
)

log = logging.getLogger(__name__)
JOURNEY, RELEASE, LATE, AGAIN = "journey", "release", "late_watch", "again"
TURNS = 5  # of a release that other deployments supersede
TRIES = 10  # of a release whose fix depends on others
HELD = "held"  # how a release ends that a brake, a freeze or a stop holds in the lane
UNDECIDED = "undecided"  # how it leaves the lane when its watch waits for a person


@DBOS.workflow(name=JOURNEY, max_recovery_attempts=None)
def journey(issue_id: int, run: int) -> str:
    """One run of one issue, from its first analysis to its end. Returns how it ended."""
    return guarded(_journey, issue_id, run)


def guarded(work: Callable[..., str], issue_id: int, run: int, *args) -> str:
    try:
        return work(issue_id, run, *args)
    except Exception as error:  # after any error, a person gets the issue with all findings
        log.exception("%s of issue %s broke", work.__name__, issue_id)
        return hand_over(issue_id, run, "workflow_failed", f"{infrastructure.words(error)}. The issue is escalated")


def _journey(issue_id: int, run: int) -> str:
    decision = diagnose(issue_id, run)
    if decision.verdict == "ESCALATE_HUMAN":
        return hand_over(issue_id, run, decision.event, decision.message)
    change = write_fix(issue_id, run)
    if ended := other_fixes.settle(issue_id, run, change):
        return ended
    if not change.ok:
        return hand_over(issue_id, run, "no_fix", change.message)
    if ended := readied(issue_id, run, change.id):
        return ended
    first = decision.verdict
    if not change.needs_approval:
        decision = corroborated(issue_id, run, decision)
    if decision.verdict not in (first, "AUTO_RESOLVE"):
        return hand_over(issue_id, run, decision.event, decision.message)
    if decision.needs_approval or change.needs_approval:
        answer = approval(issue_id, run, change.id)
        if not answer.ok:
            return hand_over(issue_id, run, answer.event, answer.message)
        return released(issue_id, run, change.id, automatic=False)
    return released(issue_id, run, change.id, automatic=True)


def diagnose(issue_id: int, run: int) -> Diagnosis:
    """analyze -> decide; a scheduled issue waits for its window and is then diagnosed again."""
    diagnosis = 1
    while True:
        analyze_step(issue_id, run, diagnosis)
        decision = decide_step(issue_id, run, diagnosis)
        if decision.verdict != "SCHEDULE_MAINTENANCE" or not window(issue_id, run):
            return decision
        diagnosis += 1


def window(issue_id: int, run: int) -> bool:
    """Wait for the maintenance window, which a person or a new policy may open sooner; False if it is open."""
    waited = False
    while (seconds := schedule_step(issue_id, run).seconds) > 0:
        waited = True
        if not pause(seconds):
            break
    return waited


def corroborated(issue_id: int, run: int, decision: Diagnosis) -> Diagnosis:
    """The decision, made again if late metrics or logs may corroborate the report now.

    The wait for them is durable and bounded.
    """
    if not decision.uncorroborated:
        return decision
    look = corroborate_step(issue_id, run)
    again = look.corroborated or look.seconds > 0
    while look.seconds > 0:
        rest(look.seconds)
        look = corroborate_step(issue_id, run)
    return decide_step(issue_id, run, decision.diagnosis + 1) if again else decision


def write_fix(issue_id: int, run: int) -> Fix:
    """(fix -> review) until a fix passes the review, at most as often as the policy allows."""
    feedback: list[str] = []
    for attempt in range(1, attempts_step(issue_id, run).attempts + 1):
        change = fix_step(issue_id, run, attempt, feedback)
        if not change.ok:
            return change
        reviewed = review_step(issue_id, run, attempt, change.id)
        asks = change.needs_approval or reviewed.needs_approval
        if reviewed.ok and reviewed.peer:
            reviewed = peer_review(issue_id, run, attempt, change.id)
        if reviewed.ok:
            return replace(change, needs_approval=asks or reviewed.needs_approval)
        feedback = [*feedback, *reviewed.findings]
    found = "; ".join(feedback[-3:])
    return Fix(message=f"No fix passed the review in {counted(attempt, 'attempt')}. Findings: {found}")


def peer_review(issue_id: int, run: int, attempt: int, change_id: int) -> PeerReview:
    """CodeRabbit's review of the fix; the wait for it is durable and bounded."""
    look = PeerReview(state="waiting")
    while look.state == "waiting":
        rest(look.seconds)
        look = peer_step(issue_id, run, attempt, change_id, look.asked)
    return look


def readied(issue_id: int, run: int, change_id: int) -> str:
    """Test and preview the fix; returns how the run ended if one failed or people merge it, else empty."""
    tested = test_step(issue_id, run, CheckPass.FIRST, change_id)
    if not tested.ok:
        return hand_over(issue_id, run, "tests_failed", tested.message)
    preview = preview_when_checked(issue_id, run, DeployPass.PREVIEW, change_id)
    if not preview.ok:
        return hand_over(issue_id, run, "deployment_failed", preview.message)
    return merged(issue_id, run, change_id) if preview.by_merge else ""


def merged(issue_id: int, run: int, change_id: int) -> str:
    """Wait until a person merges the pull request, which approves it; then await and watch its release."""
    while (look := merge_look_step(issue_id, run, change_id)).seconds > 0:
        pause(look.seconds)
    if look.state == "refused":
        return hand_over(issue_id, run, "refused", look.message)
    with lookout.released(issue_id):
        result = watched(issue_id, run, change_id, in_lane=False)
    return concluded(issue_id, run, change_id, result)


def approval(issue_id: int, run: int, change_id: int) -> ApprovalAnswer:
    """Ask a person and wait. The topic is the patch's hash: an answer to another patch is not received."""
    asked = ask_step(issue_id, run, change_id)
    answer = DBOS.recv(f"approval:{asked.patch_hash}", timeout_seconds=asked.seconds)
    if answer is None:  # silence is never consent
        return replace(late := expire_step(issue_id, run, asked.approval_id), event=late.event or "approval_expired")
    if not answer["approved"]:
        return ApprovalAnswer(event="refused", message=f"Rejected by {answer['by']}: {answer['reason']}")
    return ApprovalAnswer(ok=True)


def released(issue_id: int, run: int, change_id: int, automatic: bool) -> str:
    """Release in the repository's lane: one change at a time goes to production there."""
    lane = lane_step(issue_id, run).repository
    result = through_lane(issue_id, run, change_id, automatic, lane)
    if result.event == UNDECIDED:
        with lookout.released(issue_id):
            result = watched(issue_id, run, change_id, in_lane=False)
    if result.stale and begin_anew_step(issue_id, run, change_id, result.message).begun:
        return "begun anew"
    return concluded(issue_id, run, change_id, result)


def concluded(issue_id: int, run: int, change_id: int, result: ReleaseResult) -> str:
    """Learn from a release that holds; hand over one that does not."""
    if not result.ok:
        ended = hand_over(issue_id, run, result.event, result.message)
        while result.late and (wait := settle_step(issue_id, run, change_id).seconds) > 0:
            rest(wait)
        return ended
    learned = learn_step(issue_id, run, FIRST, change_id)
    with SetWorkflowID(f"{DBOS.workflow_id}-late"):
        DBOS.start_workflow(late_watch, issue_id, run, change_id)
    if learned.outstanding:
        while (wait := merge_step(issue_id, run, change_id).seconds) > 0:
            rest(wait)
    return "resolved"


def outcome_of(handle, issue_id: int, run: int, change_id: int) -> ReleaseResult:
    """The release's result. A broken release leaves nothing live: production is restored, and guarded until then."""
    try:
        recorded = handle.get_result()
    except Exception as error:
        if not DBOS.patch("restore-after-a-broken-release"):  # recorded by a version that escalated at once
            raise
        log.exception("the release of issue %s broke", issue_id)
        message = infrastructure.words(error)
        with lookout.released(issue_id):
            back = roll_back_step(issue_id, run, VerifyPass.ROLLBACK, change_id, message)
        return ReleaseResult(event="deployment_failed", message=f"{message}; {back.message}")
    return results.read(ReleaseResult, recorded)


def through_lane(issue_id: int, run: int, change_id: int, automatic: bool, lane: str) -> ReleaseResult:
    """Wait for admission, then enter the lane; a held release leaves it for others and waits again.

    So does a release that must wait for another issue's fix, and one that the team's deployment superseded.
    Work that was recorded before this patch entered the lane first, and waits for its admission inside.
    """
    if not DBOS.patch("admission-before-lane"):
        return enter(lane, "release", issue_id, run, change_id, automatic)
    turn = 1
    while True:
        wait_for_admission(issue_id, run, change_id, automatic)
        name = "release" if turn == 1 else f"release-{turn}"
        result = enter(lane, name, issue_id, run, change_id, automatic, True)
        if result.met is not None and turn < TRIES:
            waited = other_fixes.wait(issue_id, run, result.met)
            if not waited.ok:
                return replace(result, message=f"{waited.message}; {result.message}", stale=waited.circle)
        elif result.event != HELD and not (result.again and turn < TURNS):
            return result
        turn += 1


def enter(lane: str, name: str, *args) -> ReleaseResult:
    with SetWorkflowID(f"{DBOS.workflow_id}-{name}"), SetEnqueueOptions(queue_partition_key=lane):
        handle = DBOS.enqueue_workflow(durable.RELEASES, release, *args)
    return outcome_of(handle, *args[:3])


def wait_for_admission(issue_id: int, run: int, change_id: int, automatic: bool) -> None:
    while (wait := admit_step(issue_id, run, change_id, automatic).seconds) > 0:
        pause(wait)


@DBOS.workflow(name=AGAIN, max_recovery_attempts=None)
def again(issue_id: int, run: int, change_id: int) -> str:
    """Release a proved patch again, by a person's request (core/actions/deployments.py)."""
    return guarded(_again, issue_id, run, change_id)


def _again(issue_id: int, run: int, change_id: int) -> str:
    if ended := readied(issue_id, run, change_id):
        return ended
    return released(issue_id, run, change_id, automatic=False)


@DBOS.workflow(name=RELEASE, max_recovery_attempts=None)
def release(issue_id: int, run: int, change_id: int, automatic: bool, admitted: bool = False) -> dict:
    """lane -> (bring up to date) -> production -> watch -> ok, or roll back.

    If a hold began after it was ``admitted``, it leaves the lane, so that approved releases can pass.
    """
    if admitted and admit_step(issue_id, run, change_id, automatic).seconds > 0:
        return results.record(ReleaseResult(event=HELD), RELEASE)
    with lookout.released(issue_id):
        return results.record(carry_out_release(issue_id, run, change_id, automatic, in_lane=True), RELEASE)


def carry_out_release(issue_id: int, run: int, change_id: int, automatic: bool, in_lane: bool = False) -> ReleaseResult:
    wait_for_admission(issue_id, run, change_id, automatic)
    current = up_to_date.bring(issue_id, run, change_id)
    if not current.ok:
        give_back_step(issue_id, run, change_id, current.message)
        return replace(current, event=current.event or "tests_failed")
    if current.waited and admit_step(issue_id, run, change_id, automatic).seconds > 0:
        return carry_out_release(issue_id, run, change_id, automatic, in_lane)  # stopped meanwhile: waits again
    while (live := production_step(issue_id, run, DeployPass.PRODUCTION, change_id, automatic)).seconds > 0:
        rest(live.seconds)
    if not live.ok:
        back = roll_back_step(issue_id, run, VerifyPass.ROLLBACK, change_id, live.message)
        return ReleaseResult(event="deployment_failed", message=live.message, late=back.late)
    return watched(issue_id, run, change_id, in_lane)


def watched(issue_id: int, run: int, change_id: int, in_lane: bool) -> ReleaseResult:
    """Look until the watch is decided. One that waits for a person leaves the lane and continues outside."""
    while (look := watch_step(issue_id, run, VerifyPass.WATCH, change_id)).state == "watching":
        if in_lane and look.asks:
            return ReleaseResult(event=UNDECIDED)
        rest(look.seconds)
    if look.state == "healthy":
        return ReleaseResult(ok=True)
    if look.state == "superseded":
        return ReleaseResult(look.ok, look.event, look.message, again=look.again)
    rolled = roll_back_step(issue_id, run, VerifyPass.ROLLBACK, change_id, look.message)
    return ReleaseResult(event=rolled.event, message=f"{look.message}; {rolled.message}")


@DBOS.workflow(name=LATE, max_recovery_attempts=None)
def late_watch(issue_id: int, run: int, change_id: int) -> str:
    """Keep looking after the confirmation; returns how it ended: over, or rolled_back."""
    return watch_late(issue_id, run, change_id)


def watch_late(issue_id: int, run: int, change_id: int) -> str:
    while (look := late_watch_step(issue_id, run, change_id)).state == "watching":
        rest(look.seconds)
    if look.state != "failed":
        return "over"
    while not (done := late_roll_back_step(issue_id, run, change_id, look.message)).ok:
        rest(done.seconds)
    return "rolled_back"


def hand_over(issue_id: int, run: int, event: str, message: str) -> str:
    """A person takes over, with all findings."""
    hand_over_step(issue_id, run, event, message)
    return "escalated"
