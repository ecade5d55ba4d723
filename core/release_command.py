"""``python -m core stop``, ``start``, ``lift``, ``release-anyway``, ``start-now`` and ``restart``: what a person does
about releases, as the person of PLATFORM_TOKEN.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from uuid import uuid4

from core import owner, release_actions, release_again, restart, settings, store, wiring
from core.deeds import Receipt
from core.models import Issue
from core.rights import Actor, Refused


def main(argv: Sequence[str]) -> int:
    given = _parser().parse_args(list(argv))
    configured = settings.load()
    store.open_store(configured.database)
    wiring.build(configured)
    try:
        print(given.work(given, owner.actor(configured)).says)
    except Refused as refusal:
        print(refusal, file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m core", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, work, says: str, reason: bool | None = None) -> argparse.ArgumentParser:
        """``reason``: is it required, optional (False), or not asked for (None)?"""
        added = commands.add_parser(name, help=says, description=says)
        added.set_defaults(work=work)
        if reason is not None:
            added.add_argument("--reason", required=reason, default="")
        return added

    command("stop", stop, "stop all releases; rollbacks still happen", reason=False)
    command("start", start, "start releases again")
    command("lift", lift, "lift the brake of a repository", reason=False).add_argument("--repository", required=True)
    for name, work, says, reason in (
        ("release-anyway", release_anyway, "release a patch that was rolled back, or whose question expired", True),
        ("start-now", start_now, "start a scheduled issue without its maintenance window", None),
        ("restart", restart_from, "restart an issue from a step; without --step, list the steps", False),
    ):
        added = command(name, work, says, reason)
        added.add_argument("--issue", type=int, required=True)
        if name == "restart":
            added.add_argument("--step", type=int)
    return parser


def _key() -> str:
    return f"command-{uuid4().hex}"


def stop(given, who: Actor) -> Receipt:
    return release_actions.stop(actor=who, reason=given.reason, key=_key())


def start(_given, who: Actor) -> Receipt:
    return release_actions.start(actor=who, key=_key())


def lift(given, who: Actor) -> Receipt:
    return release_actions.lift(given.repository, actor=who, reason=given.reason, key=_key())


def start_now(given, who: Actor) -> Receipt:
    return release_actions.start_now(given.issue, actor=who, key=_key())


def release_anyway(given, who: Actor) -> Receipt:
    with store.read() as session:
        issue = session.get(Issue, given.issue)
        change = issue and release_again.releasable(session, issue)
    patch = change.patch_hash if change else ""
    return release_actions.release_anyway(given.issue, actor=who, patch_hash=patch, reason=given.reason, key=_key())


def restart_from(given, who: Actor) -> Receipt:
    if given.step is None:
        return Receipt(False, _listed(given.issue))
    return release_actions.restart_from(given.issue, actor=who, step=given.step, reason=given.reason, key=_key())


def _listed(issue_id: int) -> str:
    with store.read() as session:
        issue = session.get(Issue, issue_id)
    found = [step for step in restart.steps(issue.workflow_id) if step.stage] if issue else []
    return "\n".join(f"{step.number:>4} {step.stage}" for step in found) or "there is no step to restart from"
