"""The result of a review gate, and which lines belong to a change."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from core.models import recorded
from core.models.counted import counted as with_noun
from core.models.patterns import NUMBER

CAPABILITIES = "capabilities"  # the gate on the new capabilities of a patch
HUNK = re.compile(rf"^@@ -{NUMBER}(?:,(?P<old>{NUMBER}))? \+(?P<first>{NUMBER})(?:,(?P<new>{NUMBER}))? @@")
Changed = dict[str, set[int]]


@dataclass(frozen=True)
class GateFinding:
    gate: str
    path: str
    line: int
    message: str
    severity: str = "error"  # "note": shown to people, but not a fault of the change


@dataclass(frozen=True)
class Gate:
    """``value`` and ``limit`` are in the gate's own unit: findings, complexity, a ratio, or a share 0..1.

    Not ``done``: the gate could not run, or a person must judge its findings; ``message`` gives the reason. If it does
    not pass for that reason, a person's approval is required instead.
    """

    gate: str
    passed: bool
    message: str
    value: float | None = None
    limit: float | None = None
    findings: tuple[GateFinding, ...] = ()
    done: bool = True

    def as_json(self) -> dict:
        return {key: value for key, value in recorded.plain(self).items() if key != "findings"}


def newly(gates: Sequence[dict], findings: Sequence[dict]) -> tuple[dict | None, list[tuple[bool, dict]]]:
    """The stored gate on new capabilities, and its rows, each with whether it needs a person.

    None for a review that is older than this gate. The rows that need a person come first; the gate's value is their
    number.
    """
    gate = next((g for g in gates if g.get("gate") == CAPABILITIES), None)
    asks = int((gate or {}).get("value") or 0)
    rows = [f for f in findings if f.get("gate") == CAPABILITIES]
    return gate, [(place < asks, row) for place, row in enumerate(rows)]


def headers(diff: str) -> Iterator[str]:
    """The headers of the files and hunks of a unified diff, without the lines of their content.

    The numbers of a hunk's header say which lines are content: a changed line ``++ b/other.py`` looks like the header
    of another file. Only a line feed ends a line, as in git.
    """
    old = new = 0  # lines of content that are left in the hunk
    for line in diff.split("\n"):
        if old > 0 or new > 0:
            old, new = old - (line[:1] in "- "), new - (line[:1] in "+ ")
            continue
        if hunk := HUNK.match(line):
            old, new = int(hunk["old"] or 1), int(hunk["new"] or 1)
        yield line


def changed_lines(diff: str, suffix: str = ".py") -> Changed:
    """Added or changed line numbers of each file with the suffix, in a unified diff made with -U0."""
    changed: Changed = {}
    path = ""
    for line in headers(diff):
        if line.startswith("+++ "):
            path = line[6:] if line.startswith("+++ b/") else ""
        elif (hunk := HUNK.match(line)) and path.endswith(suffix):
            start, count = int(hunk["first"]), int(hunk["new"] or 1)
            changed.setdefault(path, set()).update(range(start, start + count))
    return changed


def counted(gate: str, findings: Iterable[GateFinding], changed: Changed, what: str) -> Gate:
    """A gate that passes if no finding is on a line that the change touched; ``what`` names one finding."""
    own = tuple(f for f in findings if f.line in changed.get(f.path, ()))
    message = f"{with_noun(len(own), what) if own else f'no {what}s'} on changed lines"
    return Gate(gate, not own, message, float(len(own)), 0.0, own)
