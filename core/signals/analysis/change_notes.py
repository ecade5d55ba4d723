"""What GitHub tells about the changes before an issue: red workflow runs, merges without review, open pull requests.

A note belongs to the commit of a change. Pure; every text is a stranger's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from core.models import Record
from core.models.enums import PENDING
from core.signals.grouping.stack import normal_file

RED = frozenset({"failure", "timed_out", "startup_failure"})  # conclusions of a workflow run
SHOWN = 80  # characters of an untrusted name


@dataclass(frozen=True)
class ChangeNotes:
    """``red``: a workflow run of the commit failed."""

    says: Sequence[str] = field(default_factory=list)
    red: bool = False


def of_commits(changes: Sequence[Record]) -> Mapping[str, ChangeNotes]:
    """The notes by commit."""
    says: dict[str, set[str]] = defaultdict(set)
    red: set[str] = set()
    for change in changes:
        sha = str(change.attributes.get("sha") or "")
        if not sha:
            continue
        says[sha] |= set(_says(change))
        red |= {sha} if is_red(change) else set()
    return {sha: ChangeNotes(sorted(texts), sha in red) for sha, texts in says.items()}


def is_red(change: Record) -> bool:
    return "run" in change.attributes and change.attributes.get("conclusion") in RED


def _says(change: Record) -> Iterator[str]:
    values = change.attributes
    if is_red(change):
        yield f"its workflow run {change.title[:SHOWN]!r} failed"
    if values.get("merged") is True and isinstance(values.get("approvals"), int):
        number, objections = values.get("pull_request"), values.get("objections") or 0
        if not values["approvals"]:
            yield f"pull request {number} was merged without an approval"
        if objections:
            yield f"pull request {number} was merged although a review asked for changes"


def is_pending(change: Record) -> bool:
    """Production does not have it yet."""
    return change.level == PENDING


def pending(changes: Sequence[Record], files: Collection[str]) -> list[str]:
    """The open pull requests that touch one of the files, each once, by its latest state; newest first."""
    found: dict[object, str] = {}
    for change in sorted(filter(is_pending, changes), key=lambda c: c.at, reverse=True):
        number = (change.attributes.get("repository"), change.attributes.get("pull_request"))
        if number not in found and (shared := touched(change, files)):
            found[number] = f"{change.title[: 2 * SHOWN]} touches {', '.join(shared[:3])}{_review(change)}"
    return list(found.values())


def _review(change: Record) -> str:
    if change.attributes.get("objections"):
        return "; a review asks for changes"
    return "; it is approved" if change.attributes.get("approvals") else ""


def touched(change: Record, files: Collection[str]) -> list[str]:
    """The files of the change that are among ``files``, in whichever folder."""
    given = change.attributes.get("files")
    names = {normal_file(f) for f in given if isinstance(f, str)} if isinstance(given, (list, tuple)) else set()
    return sorted(n for n in names if any(n == f or n.endswith("/" + f) or f.endswith("/" + n) for f in files))
