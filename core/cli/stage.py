"""``python -m core stage NAME --issue N``: one stage of one issue, for Kestra's workers (core/cli/kestra/*.yaml).

The stages are those of core/flow.py. Kestra replaces DBOS: it waits, branches and retries. Each stage is idempotent,
because it first checks what it has already done. It prints the values that a flow branches on in the format of Kestra's
task outputs. Kestra or a worker, whichever takes an issue first, keeps it; its run number increases.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from sqlmodel import col, select

from core import bootstrap, flow, runtime, settings
from core.access import rights
from core.cli import cycle
from core.db import store
from core.models import Approval, ChangeSet, Decision, Issue, StageRun, now
from core.ops import notify
from core.ops.infrastructure import GaveUp
from core.settings import Settings
from core.stages import decide as decide_stage
from core.stages.context import FIRST, CheckPass, DeployPass
from core.stages.results import Diagnosis, Wait, plain
from core.vendors.base import VendorError

Row = TypeVar("Row", ChangeSet, Decision, StageRun)
FLOWS = Path(__file__).parent / "kestra"


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m core stage", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("name", choices=list(STAGES))
    parser.add_argument("--issue", type=int, default=0)
    for claim in ("--approved", "--actor", "--reason"):  # sent by older flows; unverified, so ignored
        parser.add_argument(claim, help=argparse.SUPPRESS)
    parser.add_argument("--source", default="", help="for read: a vendor, or inputs")
    parser.add_argument("--round", type=int, default=0, help="for group: the number that begin printed")
    parser.add_argument("--event", default="workflow_failed", help="for hand-over: the event")
    given = parser.parse_args(list(argv))
    configured = settings.load()
    store.open_store(configured.database)
    bootstrap.build(configured)
    try:
        values = STAGES[given.name](given)
        notify.deliver(runtime.current())  # there may be no engine that does
    except (VendorError, rights.Refused, GaveUp) as error:
        print(f"stage {given.name}: {error}", file=sys.stderr)
        return 1
    print(f"::{json.dumps({'outputs': values})}::")
    return 0


def deploy(given) -> dict:
    """Upload the flows of core/cli/kestra to the server, for the namespace and the model of the settings."""
    kestra = cycle.server()
    configured = runtime.current().settings
    faults = {
        path.stem: kestra.deploy(path.stem, adapted(path.read_text(), configured))
        for path in sorted(FLOWS.glob("*.yaml"))
    }
    bad = {name: reason for name, reason in faults.items() if reason}
    if bad:
        raise VendorError("kestra", f"refused {bad}", permanent=True)
    return {"flows": sorted(faults)}


def adapted(flow: str, configured: Settings) -> str:
    """A flow with this installation's namespace, and with its model if one is set."""
    flow = re.sub(r"^(\s*namespace:) platform$", rf"\g<1> {json.dumps(configured.kestra_namespace)}", flow, flags=re.M)
    if not configured.openai_model:
        return flow
    return re.sub(r"^(\s*modelName:) .*$", lambda m: f"{m[1]} {json.dumps(configured.openai_model)}", flow, flags=re.M)


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
    result = flow.carry_out_release(*_issue(given), _change(given), not _approved(given))
    return {"ok": result.ok, "event": result.event, "says": result.message}


def _approved(given) -> bool:
    """Did a person approve this patch of the issue? Otherwise its release keeps the limits of automatic ones."""
    mine = (Approval.issue_id == given.issue, Approval.patch_hash == _known(ChangeSet, given).patch_hash)
    with store.read() as session:
        return session.exec(select(Approval.id).where(*mine, Approval.state == "approved")).first() is not None


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
    "begin": cycle.begin,
    "read": cycle.read,
    "group": cycle.group,
    "collect": cycle.collect,  # older flows: begin, read and group in one
    "analyze": lambda given: plain(flow.analyze_step(*_issue(given), FIRST)),
    "decide": decide,
    "fix": fix,
    "test": lambda given: plain(flow.test_step(*_issue(given), CheckPass.FIRST, _change(given))),
    "preview": lambda given: plain(flow.preview_when_checked(*_issue(given), DeployPass.PREVIEW, _change(given))),
    "ask": ask,
    "answer": answer,
    "release": release,
    "learn": learn,
    "merge": merge,
    "hand-over": lambda given: plain(flow.hand_over_step(*_issue(given), given.event, _last_said(given))),
}
