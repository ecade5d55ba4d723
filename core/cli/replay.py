"""``python -m core replay --policy FILE``: which past decisions another platform.toml would change."""

from __future__ import annotations

import argparse
import json
from datetime import timedelta
from pathlib import Path

from core import settings as configuration
from core.cli.terminal import shown
from core.db import store
from core.decision.replay import Replay, replay, words
from core.models import now
from core.models.counted import counted
from core.policy.reader import ConfigurationError, Policy, read_policy
from core.queries import decisions


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m core replay", description=__doc__)
    parser.add_argument("--policy", type=Path, required=True, help="the platform.toml to replay with")
    parser.add_argument("--days", type=float, default=30, help="days to look back (default: 30)")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args(argv)
    settings = configuration.load()
    store.open_store(settings.database)
    with store.read() as session:
        pasts = decisions.past(session, now() - timedelta(days=arguments.days))
    found = replay(pasts, read_policy(arguments.policy), _in_force(settings))
    print(json.dumps(found.as_json(), default=str) if arguments.json else shown(report(found)))
    return 0


def _in_force(settings: configuration.Settings) -> Policy | None:
    try:
        return settings.policy
    except ConfigurationError:
        return None


def report(found: Replay) -> str:
    lines = [f"{counted(found.judged, 'decision')} replayed, {len(found.flips)} would change"]
    if found.unreadable:
        lines.append(f"{found.unreadable} skipped: their receipts lack the inputs")
    lines += [f"{n:>5}  {before} -> {after}" for (before, after), n in found.kinds().items()]
    for flip in found.flips:
        past = flip.past
        lines.append(
            f"#{past.issue_id} {past.at:%Y-%m-%d %H:%M} {past.service}: {words(past.verdict, past.needs_approval)}"
            f" -> {words(flip.verdict, flip.needs_approval)} ({flip.message})"
            + (f"; outcome: {past.outcome}" if past.outcome else "")
            + ("; the current policy decides the same" if flip.already else "")
        )
    return "\n".join(lines)
