"""The service's own smoke or end-to-end command, run against the preview of a fix (``[repositories.NAME.smoke]``).

It runs in the sandbox, where it reaches the preview and nothing else, from a checkout of the commit that is repaired:
a fix must not influence how it is judged. ``Deployment.judged["smoke"]`` of the preview keeps its result: ``passed``,
``says``, ``command``, ``seconds``, ``requests`` and the end of its output without secrets.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from core.models import ChangeSet, Deployment, storable
from core.models.counted import counted
from core.policy.delivery import SmokeRules
from core.policy.services import Repository
from core.repair.sandbox import reaching
from core.repair.sandbox.runner import BubblewrapRunner
from core.runtime import Runtime
from core.stages import workspace
from core.stages.deliver import rows
from core.stages.ground import ground
from core.vendors.command import Completed
from core.vendors.preview_relay import PreviewRelay, serving
from core.vendors.redact import Redactor

SMOKE = "smoke"  # key in Deployment.judged
KEPT = 8_000  # characters of the output
NO_SANDBOX = "the smoke command needs the full sandbox (bubblewrap); see the sandbox line of python -m core doctor"


def fault(rt: Runtime, name: str, repository: Repository, change: ChangeSet, row: Deployment, url: str) -> str:
    """Why the preview failed its smoke command, which runs once; empty if it passed or there is none."""
    if not repository.smoke.command:
        return ""
    known = row.judged.get(SMOKE)
    if known is None:
        known = _ran(rt, name, repository, change, url)
        row.judged = {**row.judged, SMOKE: known}
        rows.update(row.key, judged=row.judged, url=url)
    return "" if known["passed"] else f"The smoke command failed against the preview: {known['says']}"


def _ran(rt: Runtime, name: str, repository: Repository, change: ChangeSet, url: str) -> dict[str, Any]:
    rules = repository.smoke
    found = workspace.clone_with(rt, name, repository, change)
    with rt.workbench, workspace.tree(rt, found, f"smoke-{change.id}", change.base_sha) as root:
        code = ground(rt, name, repository, found, change.base_sha)
        if not isinstance(code.runner, BubblewrapRunner):
            return _result(rules.command, False, NO_SANDBOX)
        done, relay = against(code.runner, code.within(root), rules, url)
    seen = {"seconds": round(done.seconds, 2), "requests": relay.sent, "output": end_of(done.stdout + done.stderr)}
    return _result(rules.command, done.ok, _words(done, relay, rules)) | seen


def end_of(output: str) -> str:
    """The end of an output without secrets; it is cut last, because half of a secret has no known form."""
    return storable(Redactor()(output)[-KEPT:])


def against(runner: BubblewrapRunner, tree: Path, rules: SmokeRules, url: str) -> tuple[Completed, PreviewRelay]:
    """Run the command in a checkout against the preview at ``url``; the relay says what was requested."""
    relay = PreviewRelay(url, rules.requests, reaching.URL)
    with tempfile.TemporaryDirectory(prefix="smoke-") as way_out, serving(relay, Path(way_out, "socket")):
        done = reaching.run(runner, rules.command, tree, Path(way_out), rules.variable, rules.seconds)
    return done, relay


def _result(command: Sequence[str], passed: bool, message: str) -> dict[str, Any]:
    return {"command": " ".join(command), "passed": passed, "says": message}


def _words(done: Completed, relay: PreviewRelay, rules: SmokeRules) -> str:
    how = f"it ran longer than {rules.seconds:g} s" if done.timed_out else f"it ended with {done.code}"
    first = f"it passed, with {counted(relay.sent, 'request')} to the preview" if done.ok else done.stopped or how
    about = [("refused", relay.refused), ("not answered", relay.failed)]
    more = [f"{counted(len(rows), 'request')} {what} ({rows[-1][:200]})" for what, rows in about if rows]
    return storable("; ".join([first, *more]))
