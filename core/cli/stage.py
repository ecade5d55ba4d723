"""``python -m core stage NAME --issue N``: one stage of one issue, for Kestra's workers (core/cli/kestra/*.yaml).

The stages are those of core/flow.py. Kestra replaces DBOS: it waits, branches and retries. Each stage is idempotent,
because it first checks what it has already done. It prints the values that a flow branches on in the format of Kestra's
task outputs. Kestra or a worker, whichever takes an issue first, keeps it; its run number increases.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from sqlmodel import Session, col, select

from core import bootstrap, flow, runtime, settings
from core.access import rights
from core.db import store
from core.decision import windows
from core.models import Approval, ChangeSet, Decision, Issue, StageRun, Status, now
from core.ops import durable
from core.ops.infrastructure import GaveUp
from core.stages import decide as decide_stage
from core.stages import group, reconsider
from core.stages.collect import Collector
from core.stages.context import FIRST, CheckPass, DeployPass
from core.stages.results import Diagnosis, Wait, plain
from core.vendors import registry
from core.vendors.base import VendorError

Row = TypeVar("Row", ChangeSet, Decision, StageRun)
FLOWS = Path(__file__).parent / "kestra"


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m core stage", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("name", choices=list(STAGES))
    parser.add_argument("--issue", type=int, default=0)
    for claim in ("--approved", "--actor", "--reason"):  # sent by older flows; unverified, so ignored
        parser.add_argument(claim, help=argparse.SUPPRESS)
    parser.add_argument("--event", default="workflow_failed", help="for hand-over: the event")
    given = parser.parse_args(list(argv))
    configured = settings.load()
    store.open_store(configured.database)
    bootstrap.build(configured)
    try:
        values = STAGES[given.name](given)
    except (VendorError, rights.Refused, GaveUp) as error:
        print(f"stage {given.name}: {error}", file=sys.stderr)
        return 1
    print(f"::{json.dumps({'outputs': values})}::")
    return 0


# --- the collection cycle --------------------------------------------------------------------------


def deploy(given) -> dict:
    """Upload the flows of core/cli/kestra to the server."""
    kestra = _kestra()
    faults = {path.stem: kestra.deploy(path.stem, path.read_text()) for path in sorted(FLOWS.glob("*.yaml"))}
    bad = {name: reason for name, reason in faults.items() if reason}
    if bad:
        raise VendorError("kestra", f"refused {bad}", permanent=True)
    return {"flows": sorted(faults)}


def collect(given) -> dict:
    """Run a cycle, then start the flow "issue" for each issue that is ready or whose maintenance window is open."""
    rt = runtime.current()
    collector, kestra = Collector(), _kestra()
    try:
        collector.round(rt)
    finally:
        collector.close()
    group.group_new(rt)
    started = group.start_new(rt, begin=_take) + reconsider.start(rt, begin=_take) + _due()
    for issue_id in _unstarted(started):
        with store.read() as session:
            run = session.get_one(Issue, issue_id).run
        kestra.trigger("issue", {"issue": str(issue_id)}, f"issue-{issue_id}-run-{run}")
    return {"issues": started}


def _take(session: Session, issue: Issue) -> None:
    issue.run += 1
    issue.at_once = issue.at_once and issue.status is Status.SCHEDULED
    issue.assignee, issue.ended_at, issue.status, issue.reason = None, None, Status.ANALYZING, ""
    issue.reverts = None
    session.add(issue)


def _due() -> list[int]:
    """Scheduled issues of Kestra whose maintenance window is open or was passed: a new run diagnoses them again."""
    at = now()
    opened = windows.maintenance_opens(at, runtime.current().policy.maintenance) <= at
    come = () if opened else (col(Issue.scheduled_for) <= at,)
    with store.write() as session:
        rows = session.exec(select(Issue).where(Issue.status == Status.SCHEDULED, *come)).all()
        due = [row for row in rows if not durable.known(row.workflow_id)]
        for issue in due:
            _take(session, issue)
        return [issue.id for issue in due]


def _unstarted(fresh: list[int]) -> list[int]:
    """Issues to start, including those that an earlier cycle took but did not start: the key starts each only once."""
    with store.read() as session:
        rows = session.exec(select(Issue).where(Issue.status == Status.ANALYZING)).all()
    return sorted({*fresh, *(row.id for row in rows if not durable.known(row.workflow_id))})


def _kestra():
    made = registry.kestra(runtime.current().settings)
    if made is None:
        raise VendorError("kestra", "is not connected: set KESTRA_URL", permanent=True)
    return made


# --- one issue -------------------------------------------------------------------------------------


def _issue(given) -> tuple[int, int]:
    with store.read() as session:
        return given.issue, session.get_one(Issue, given.issue).run


def _newest(table: type[Row], given) -> Row | None:
    with store.read() as session:
        where = (table.issue_id == given.issue, table.run == _issue(given)[1])
        return session.exec(select(table).where(*where).order_by(col(table.id).desc()).limit(1)).first()


def _known(table: type[Row], given) -> Row:
    """The newest row of the issue's run. Raises Refused if there is none."""
    if (found := _newest(table, given)) is None:
        raise rights.Refused(f"issue {given.issue} has no {table.__name__} in this run")
    return found


def _change(given) -> int:
    return _known(ChangeSet, given).id


def decide(given) -> dict:
    decision = flow.decide_step(*_issue(given), FIRST)
    if decision.verdict == "SCHEDULE_MAINTENANCE" and flow.schedule_step(*_issue(given)).seconds <= 0:
        decision = replace(decision, verdict="AUTO_RESOLVE")  # the window is open now
    return plain(decision)


def fix(given) -> dict:
    change = flow.write_fix(*_issue(given))
    asked = change.ok and (_by_merge(given) or change.needs_approval or _needs_approval(given))
    return {"ok": change.ok, "says": change.message, "needs_approval": bool(asked)}


def _by_merge(given) -> bool:
    """Do people release this issue's service by merging? Then the merge is the approval."""
    with store.read() as session:
        service = session.get_one(Issue, given.issue).service
    return runtime.current().repository_of(service)[1].way == "pull_request"


def ask(given) -> dict:
    """Request an approval; where people merge, the pull request is that request."""
    return {"ok": True} if _by_merge(given) else plain(flow.ask_step(*_issue(given), _change(given)))


def _merged(given) -> dict:
    """Raises Refused until the pull request is closed, or its release is live."""
    look = flow.merge_look_step(*_issue(given), _change(given))
    if look.seconds > 0:
        raise rights.Refused(look.message)
    return {"ok": look.state == "live", "says": look.message}


def _needs_approval(given) -> bool:
    """Does the newest decision need an approval? It is made again if late metrics or logs corroborate the report."""
    made = _known(Decision, given)
    uncorroborated = decide_stage.uncorroborated(made.receipt)
    decision = Diagnosis(made.verdict, made.needs_approval, uncorroborated=uncorroborated, diagnosis=FIRST)
    return flow.corroborated(*_issue(given), decision).needs_approval


def answer(given) -> dict:
    """The answer that a person gave in the console, in Slack or by the API; the caller itself cannot approve.

    Raises Refused while there is none, so that the flow retries.
    """
    if _by_merge(given):
        return _merged(given)
    asked = _asked(given)
    if asked.state == "pending" and asked.expires_at > now():
        address = f"{runtime.current().settings.public_url}/approvals?approval={asked.id}"
        raise rights.Refused(f"issue {given.issue} awaits an approval at {address}")
    if asked.state == "pending":
        flow.expire_step(*_issue(given), asked.id)
        asked = _asked(given)
    return {"ok": asked.state == "approved", "says": f"{asked.state} by {asked.by or 'nobody'}: {asked.reason}"}


def _asked(given) -> Approval:
    with store.read() as session:
        found = session.exec(
            select(Approval).where(Approval.issue_id == given.issue).order_by(col(Approval.id).desc()).limit(1)
        ).first()
    if found is None:
        raise rights.Refused(f"issue {given.issue} has no pending approval")
    return found


def _last_said(given) -> str:
    """The last stage's message. It is untrusted text, so it never passes through a command line."""
    if given.event == "refused" and _by_merge(given):
        return _merged(given)["says"]
    line = _newest(StageRun, given)
    return line.says if line and line.says else "the flow on Kestra failed"


def release(given) -> dict:
    if _by_merge(given):
        result = flow.watched(*_issue(given), _change(given), in_lane=False)
        return {"ok": result.ok, "event": result.event, "says": result.message}
    with store.read() as session:
        answered = session.exec(select(Approval.id).where(Approval.patch_hash == _known(ChangeSet, given).patch_hash))
        automatic = answered.first() is None  # no approval was requested
    result = flow.carry_out_release(*_issue(given), _change(given), automatic)
    return {"ok": result.ok, "event": result.event, "says": result.message}


def learn(given) -> dict:
    """Learn, then keep watching until the full watch time has passed: late harm is still rolled back."""
    learned = flow.learn_step(*_issue(given), FIRST, _change(given))
    flow.watch_late(*_issue(given), _change(given))
    return plain(learned)


def merge(given) -> dict:
    """Retry a merge that was refused. Raises Refused while it is outstanding, so that the flow retries."""
    change = _newest(ChangeSet, given)
    wait = flow.merge_step(*_issue(given), change.id) if change else Wait()
    if wait.seconds > 0:
        raise rights.Refused(wait.message)
    return {"ok": True}


STAGES: dict[str, Callable[..., dict]] = {
    "deploy": deploy,
    "collect": collect,
    "analyze": lambda given: plain(flow.analyze_step(*_issue(given), FIRST)),
    "decide": decide,
    "fix": fix,
    "test": lambda given: plain(flow.test_step(*_issue(given), CheckPass.FIRST, _change(given))),
    "preview": lambda given: plain(flow.preview_step(*_issue(given), DeployPass.PREVIEW, _change(given))),
    "ask": ask,
    "answer": answer,
    "release": release,
    "learn": learn,
    "merge": merge,
    "hand-over": lambda given: plain(flow.hand_over_step(*_issue(given), given.event, _last_said(given))),
}
