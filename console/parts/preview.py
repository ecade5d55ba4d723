"""The effect of a policy change: the diff of its text, and a replay of past decisions."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from console.ui.diff import side_by_side
from console.ui.markup import Safe, link, when
from console.ui.widgets import RESULT, badge, of, stat, stats, table, tag
from core.db import store
from core.decision import replay
from core.models import Verdict
from core.policy.reader import ConfigurationError, parse_policy
from core.queries import decisions

PAGE = 25
BOLDNESS = {Verdict.AUTO_RESOLVE: 2, Verdict.SCHEDULE_MAINTENANCE: 1, Verdict.ESCALATE_HUMAN: 0}
TONES = {
    Verdict.AUTO_RESOLVE: ("ok", "▶"),
    Verdict.SCHEDULE_MAINTENANCE: ("wait", "◷"),
    Verdict.ESCALATE_HUMAN: ("person", "◆"),
}


def difference(before: str, after: str) -> Safe:
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), "a/platform.toml", "b/platform.toml", lineterm=""
    )
    return side_by_side("\n".join(lines))


@lru_cache(maxsize=4)
def _past(_store: str, days: int, newest: int) -> list[replay.PastDecision]:
    with store.read() as session:
        return decisions.past(session, datetime.now(UTC) - timedelta(days=days))


@lru_cache(maxsize=32)
def _replayed(where: str, days: int, newest: int, text: str, in_force: str) -> replay.Replay:
    try:
        today = parse_policy(in_force, "platform.toml")
    except ConfigurationError:
        today = None
    return replay.replay(_past(where, days, newest), parse_policy(text, "platform.toml"), today)


def replayed(text: str, in_force: str, days: int) -> replay.Replay:
    """The replay of the last ``days``, computed once for the same text and the same past."""
    with store.read() as session:
        newest = decisions.newest(session)
    return _replayed(str(store.engine().url), days, newest, text, in_force)


def _boldness(verdict: Verdict, needs_approval: bool) -> float:
    return BOLDNESS[verdict] - (0.5 if needs_approval else 0)


def _is_bolder(flip: replay.Flip) -> bool:
    past = flip.past
    return _boldness(flip.verdict, flip.needs_approval) > _boldness(past.verdict, past.needs_approval)


def summary(found: replay.Replay) -> Safe:
    """Totals of the changed decisions: safer or bolder, and the real outcomes they would have affected."""
    bolder = [*filter(_is_bolder, found.flips)]
    safer = [flip for flip in found.flips if not _is_bolder(flip)]
    outcomes = Counter(flip.past.outcome for flip in safer)
    held, harmed = outcomes["fixed"], outcomes["rolled_back"] + outcomes["failed"]
    left_out = f"{found.unreadable:,} skipped: inputs not recorded" if found.unreadable else ""
    if found.judged + found.unreadable >= decisions.LIMIT:
        left_out = f"the latest {decisions.LIMIT:,} of the period. {left_out}"
    return stats(
        stat(f"{found.judged:,}", "Decisions replayed", left_out),
        stat(f"{len(found.flips):,}", "Would change", _already(found), "work" if found.flips else ""),
        stat(f"{len(bolder):,}", "Bolder: fewer left to people", tone="person" if bolder else ""),
        stat(f"{len(safer):,}", "Safer: more left to people"),
        stat(f"{held:,}", "Fixes that held and would now wait", tone="person" if held else ""),
        stat(f"{harmed:,}", "Fixes that failed and would now wait", tone="ok" if harmed else ""),
    )


def _already(found: replay.Replay) -> str:
    same = sum(f.already for f in found.flips)
    return f"{same:,} of them also under the current policy" if same else ""


def _verdict(verdict: Verdict, needs_approval: bool) -> Safe:
    tone, sign = TONES[verdict]
    return badge(tone, sign, replay.words(verdict, needs_approval))


def flips(found: Sequence[replay.Flip]) -> Safe:
    return table(
        ("Issue", "Service", "Decided", "Decision then", "Decision now", "Reason", "Outcome"),
        (
            (
                link(
                    f"/issues?issue={f.past.issue_id}",
                    tag("b", f"#{f.past.issue_id}"),
                    " ",
                    f.past.title,
                    class_="d-clip",
                ),
                f.past.service,
                when(f.past.at),
                _verdict(f.past.verdict, f.past.needs_approval),
                _verdict(f.verdict, f.needs_approval),
                tag("span", f.message, class_="d-clip", title=f.message),
                of(RESULT, f.past.outcome) if f.past.outcome else "",
            )
            for f in found
        ),
    )
