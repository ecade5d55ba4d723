"""The workflow: the diagram as one function. Every arrow of the diagram is one line of ``journey``.

    analyze -> decide -> escalate | schedule (wait, then diagnose again) | fix
    (fix -> review -> CodeRabbit, if it is asked) up to N times -> test -> preview
    -> [late metrics and logs -> decide] -> [approval] -> release -> learn
    release: admission -> lane -> production -> watch -> merge, or roll back
    late watch: look on after an early confirmation until the full watch time -> roll back if harm begins late
    again: a person releases a proved patch once more: test -> preview -> release

It runs under DBOS: each stage is a step whose result is recorded, so a process that is killed anywhere continues where
it was. A stage that was interrupted is called again, and first checks what it has already done.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from dbos import DBOS, SetEnqueueOptions, SetWorkflowID

from core.models.counted import counted
from core.ops import durable, infrastructure, lookout
from core.stages import other_fixes
from core.stages.steps import (
    admit_step,
    analyze_step,
    ask_step,
    attempts_step,
    begin_anew_step,
    corroborate_step,
    decide_step,
    expire_step,
    fix_rebase_step,
    fix_step,
    give_back_step,
    hand_over_step,
    lane_step,
    late_roll_back_step,
    late_watch_step,
    learn_step,
    merge_step,
    pause,
    peer_step,
    preview_step,
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
BASES = 12  # looks at what production serves before a release goes out on top of it
TURNS = 5  # of a release that other deployments supersede
TRIES = 10  # of a release whose fix depends on others
HELD = "held"  # how a release ends that a brake, a freeze or a stop met in the lane
UNDECIDED = "undecided"  # how it leaves the lane when its watch waits for a person


@DBOS.workflow(name=JOURNEY, max_recovery_attempts=None)
def journey(issue_id: int, run: int) -> str:
    """One run of one issue, from its first analysis to its end. Returns how it ended."""
    return guarded(_journey, issue_id, run)


def guarded(work: Callable[..., str], issue_id: int, run: int, *args) -> str:
    try:
        return work(issue_id, run, *args)
    except Exception as error:  # whatever broke, a person gets the issue with all that was found
        log.exception("%s of issue %s broke", work.__name__, issue_id)
        return hand_over(issue_id, run, "workflow_failed", f"{infrastructure.words(error)}. The issue is escalated")


def _journey(issue_id: int, run: int) -> str:
    decision = diagnose(issue_id, run)
    if decision["verdict"] == "ESCALATE_HUMAN":
        return hand_over(issue_id, run, decision.get("event", "escalated"), decision["says"])
    change = write_fix(issue_id, run)
    if ended := other_fixes.settle(issue_id, run, change):
        return ended
    if not change["ok"]:
        return hand_over(issue_id, run, "no_fix", change["says"])
    tested = test_step(issue_id, run, 1, change["id"])
    if not tested["ok"]:
        return hand_over(issue_id, run, "tests_failed", tested["says"])
    preview = preview_step(issue_id, run, 1, change["id"])
    if not preview["ok"]:
        return hand_over(issue_id, run, "deployment_failed", preview["says"])
    first = decision["verdict"]
    if not change["needs_approval"]:
        decision = corroborated(issue_id, run, decision)
    if decision["verdict"] not in (first, "AUTO_RESOLVE"):
        return hand_over(issue_id, run, decision.get("event", "escalated"), decision["says"])
    if decision["needs_approval"] or change["needs_approval"]:
        answer = approval(issue_id, run, change["id"])
        if not answer["ok"]:
            return hand_over(issue_id, run, answer["event"], answer["says"])
        return released(issue_id, run, change["id"], automatic=False)
    return released(issue_id, run, change["id"], automatic=True)


def diagnose(issue_id: int, run: int) -> dict:
    """analyze -> decide; a scheduled issue waits for its window and is then diagnosed again."""
    diagnosis = 1
    while True:
        analyze_step(issue_id, run, diagnosis)
        decision = decide_step(issue_id, run, diagnosis)
        if decision["verdict"] != "SCHEDULE_MAINTENANCE" or not window(issue_id, run):
            return decision
        diagnosis += 1


def window(issue_id: int, run: int) -> bool:
    """Wait for the maintenance window, which a person or a new policy may open sooner; False if it is open."""
    waited = False
    while (seconds := schedule_step(issue_id, run)["seconds"]) > 0:
        waited = True
        if not pause(seconds):
            break
    return waited


def corroborated(issue_id: int, run: int, decision: dict) -> dict:
    """The decision, taken again when metrics or logs that were late may corroborate the report by now.

    The wait for them is durable and bounded.
    """
    if not decision.get("uncorroborated"):
        return decision
    look = corroborate_step(issue_id, run)
    again = look["corroborated"] or look["seconds"] > 0
    while look["seconds"] > 0:
        rest(look["seconds"])
        look = corroborate_step(issue_id, run)
    return decide_step(issue_id, run, decision["diagnosis"] + 1) if again else decision


def write_fix(issue_id: int, run: int) -> dict:
    """(fix -> review) until a fix passes the review, at most as often as the policy allows."""
    feedback: list[str] = []
    for attempt in range(1, attempts_step(issue_id, run)["attempts"] + 1):
        change = fix_step(issue_id, run, attempt, feedback)
        if not change["ok"]:
            return change
        reviewed = review_step(issue_id, run, attempt, change["id"])
        asks = change["needs_approval"] or reviewed.get("needs_approval", False)
        if reviewed["ok"] and reviewed.get("peer"):
            reviewed = peer_review(issue_id, run, attempt, change["id"])
        if reviewed["ok"]:
            return {**change, "needs_approval": asks or reviewed.get("needs_approval", False)}
        feedback = feedback + reviewed["findings"]
    return {
        "ok": False,
        "says": f"No fix passed the review in {counted(attempt, 'attempt')}. Findings: {'; '.join(feedback[-3:])}",
    }


def peer_review(issue_id: int, run: int, attempt: int, change_id: int) -> dict:
    """CodeRabbit's word on the fix; the wait for it is durable and bounded."""
    look = {"state": "waiting", "seconds": 0.0, "asked": 0}
    while look["state"] == "waiting":
        rest(look["seconds"])
        look = peer_step(issue_id, run, attempt, change_id, look["asked"])
    return look


def approval(issue_id: int, run: int, change_id: int) -> dict:
    """Ask a person and wait. The topic is the patch's hash: an answer to another patch is never heard."""
    asked = ask_step(issue_id, run, change_id)
    answer = DBOS.recv(f"approval:{asked['patch_hash']}", timeout_seconds=asked["seconds"])
    if answer is None:  # silence is never consent
        return {**expire_step(issue_id, run, asked["approval_id"]), "ok": False, "event": "approval_expired"}
    if not answer["approved"]:
        return {"ok": False, "event": "refused", "says": f"Rejected by {answer['by']}: {answer['reason']}"}
    return {"ok": True}


def released(issue_id: int, run: int, change_id: int, automatic: bool) -> str:
    """Release in the repository's lane: one change at a time goes to production there."""
    lane = lane_step(issue_id, run)["repository"]
    result = through_lane(issue_id, run, change_id, automatic, lane)
    if result.get("event") == UNDECIDED:
        with lookout.released(issue_id):
            result = watched(issue_id, run, change_id, in_lane=False)
    if result.get("stale") and begin_anew_step(issue_id, run, change_id, result["says"])["begun"]:
        return "begun anew"
    if not result["ok"]:
        ended = hand_over(issue_id, run, result["event"], result["says"])
        while result.get("late") and (wait := settle_step(issue_id, run, change_id)["seconds"]) > 0:
            rest(wait)
        return ended
    learned = learn_step(issue_id, run, 1, change_id)
    with SetWorkflowID(f"{DBOS.workflow_id}-late"):
        DBOS.start_workflow(late_watch, issue_id, run, change_id)
    if learned.get("outstanding"):
        while (wait := merge_step(issue_id, run, change_id)["seconds"]) > 0:
            rest(wait)
    return "resolved"


def outcome_of(handle, issue_id: int, run: int, change_id: int) -> dict:
    """The release's result. One that broke leaves nothing live: production is restored, and guarded until it is."""
    try:
        return handle.get_result()
    except Exception as error:
        if not DBOS.patch("restore-after-a-broken-release"):  # recorded by a version that handed over at once
            raise
        log.exception("the release of issue %s broke", issue_id)
        says = infrastructure.words(error)
        with lookout.released(issue_id):
            back = roll_back_step(issue_id, run, 2, change_id, says)
        return {"ok": False, "event": "deployment_failed", "says": f"{says}; {back['says']}"}


def through_lane(issue_id: int, run: int, change_id: int, automatic: bool, lane: str) -> dict:
    """Wait for admission, then enter the lane; what is held there leaves it for others and waits again.

    So does one that has to wait for another issue's fix, and one that the team's deployment superseded: on top of that.
    Work that was recorded before this patch entered the lane first, and waits for its admission inside.
    """
    if not DBOS.patch("admission-before-lane"):
        return enter(lane, "release", issue_id, run, change_id, automatic)
    turn = 1
    while True:
        wait_for_admission(issue_id, run, change_id, automatic)
        name = "release" if turn == 1 else f"release-{turn}"
        result = enter(lane, name, issue_id, run, change_id, automatic, True)
        if "met" in result and turn < TRIES:
            waited = other_fixes.wait(issue_id, run, result["met"])
            if not waited["ok"]:
                return {**result, "says": f"{waited['says']}; {result['says']}", "stale": "circle" in waited}
        elif result.get("event") != HELD and not (result.get("again") and turn < TURNS):
            return result
        turn += 1


def enter(lane: str, name: str, *args) -> dict:
    with SetWorkflowID(f"{DBOS.workflow_id}-{name}"), SetEnqueueOptions(queue_partition_key=lane):
        handle = DBOS.enqueue_workflow(durable.RELEASES, release, *args)
    return outcome_of(handle, *args[:3])


def wait_for_admission(issue_id: int, run: int, change_id: int, automatic: bool) -> None:
    while (wait := admit_step(issue_id, run, change_id, automatic)["seconds"]) > 0:
        pause(wait)


@DBOS.workflow(name=AGAIN, max_recovery_attempts=None)
def again(issue_id: int, run: int, change_id: int) -> str:
    """A person releases a proved patch once more (release_actions.release_anyway)."""
    return guarded(_again, issue_id, run, change_id)


def _again(issue_id: int, run: int, change_id: int) -> str:
    for checked, event in ((test_step, "tests_failed"), (preview_step, "deployment_failed")):
        result = checked(issue_id, run, 1, change_id)
        if not result["ok"]:
            return hand_over(issue_id, run, event, result["says"])
    return released(issue_id, run, change_id, automatic=False)


@DBOS.workflow(name=RELEASE, max_recovery_attempts=None)
def release(issue_id: int, run: int, change_id: int, automatic: bool, admitted: bool = False) -> dict:
    """lane -> (bring up to date) -> production -> watch -> ok, or roll back.

    One that was ``admitted`` and meets a hold by now leaves the lane: approved releases pass it.
    """
    if admitted and admit_step(issue_id, run, change_id, automatic)["seconds"] > 0:
        return {"ok": False, "event": HELD, "says": ""}
    with lookout.released(issue_id):
        return carry_out_release(issue_id, run, change_id, automatic, in_lane=True)


def carry_out_release(issue_id: int, run: int, change_id: int, automatic: bool, in_lane: bool = False) -> dict:
    while (wait := admit_step(issue_id, run, change_id, automatic)["seconds"]) > 0:
        pause(wait)
    current = bring_up_to_date(issue_id, run, change_id)
    if not current["ok"]:
        give_back_step(issue_id, run, change_id, current["says"])
        return {**current, "event": "tests_failed"}
    if current.get("waited") and admit_step(issue_id, run, change_id, automatic)["seconds"] > 0:
        return carry_out_release(issue_id, run, change_id, automatic, in_lane)  # stopped meanwhile: it waits again
    live = production_step(issue_id, run, 2, change_id, automatic)
    if not live["ok"]:
        back = roll_back_step(issue_id, run, 2, change_id, live["says"])
        return {**live, "event": "deployment_failed", "late": back.get("late", False)}
    return watched(issue_id, run, change_id, in_lane)


def watched(issue_id: int, run: int, change_id: int, in_lane: bool) -> dict:
    """Look until the watch is decided. One that waits for a person leaves the lane to others, and goes on outside."""
    while (look := watch_step(issue_id, run, 1, change_id))["state"] == "watching":
        if in_lane and look.get("asks"):
            return {"ok": False, "event": UNDECIDED}
        rest(look["seconds"])
    if look["state"] == "healthy":
        return {"ok": True}
    if look["state"] == "superseded":
        return look
    rolled = roll_back_step(issue_id, run, 2, change_id, look["says"])
    return {"ok": False, "event": rolled.get("event", "rolled_back"), "says": f"{look['says']}; {rolled['says']}"}


@DBOS.workflow(name=LATE, max_recovery_attempts=None)
def late_watch(issue_id: int, run: int, change_id: int) -> str:
    """Look on quietly after the confirmation; returns how it ended: over, or rolled_back."""
    return watch_late(issue_id, run, change_id)


def watch_late(issue_id: int, run: int, change_id: int) -> str:
    while (look := late_watch_step(issue_id, run, change_id))["state"] == "watching":
        rest(look["seconds"])
    if look["state"] != "failed":
        return "over"
    while not (done := late_roll_back_step(issue_id, run, change_id, look["says"]))["ok"]:
        rest(done["seconds"])
    return "rolled_back"


def bring_up_to_date(issue_id: int, run: int, change_id: int) -> dict:
    """When production moved on since the fix was written: rebase, test and preview once more, and look again.

    It goes out on what has served long enough to be compared with; a team that always deploys holds it for a while.
    """
    waited: dict = {}
    for _ in range(BASES):
        moved = fix_rebase_step(issue_id, run, 0, change_id)
        if moved["ok"] and moved["moved"]:
            current = _tested_anew(issue_id, run, change_id)
            if not current["ok"] or not moved.get("again"):
                return current
        elif not moved.get("seconds"):
            return {**moved, **waited}
        else:
            waited = {"waited": True}
            rest(moved["seconds"])
    return {"ok": True, **waited}


def _tested_anew(issue_id: int, run: int, change_id: int) -> dict:
    tested = test_step(issue_id, run, 2, change_id)
    return preview_step(issue_id, run, 3, change_id) if tested["ok"] else tested


def hand_over(issue_id: int, run: int, event: str, says: str) -> str:
    """A person takes over, with everything found."""
    hand_over_step(issue_id, run, event, says)
    return "escalated"
