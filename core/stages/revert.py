"""The fix that takes a commit out again, at a person's request: a candidate like any other, from one fixer.

It is judged, proved, reviewed and tested as every fix, and a person always approves it (core/stages/autonomy.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from core.decision.receipt import Receipt
from core.models import Crash, Issue, Verdict
from core.repair.judge.precision import REVERT
from core.repair.types import Candidate
from core.stages.ground import Ground
from core.stages.workspace import Clone
from core.vendors.command import CommandError

PERSON = 0  # the row of a decision that a person took


class Unfit(Exception):
    """The commit cannot be taken out; the message says why."""


@dataclass
class RevertFixer:
    """Proposes the files as they are without one commit; ``subject`` is the commit's, a stranger's text.

    ``unfit`` is why there are no such files: the refused attempt then says so.
    """

    commit: str
    subject: str
    files: Mapping[str, str]
    name: str = REVERT
    unfit: str = ""

    def propose(self, tree: Path, crash: Crash, feedback: Sequence[str] = ()) -> Iterator[Candidate]:
        message = self.unfit or f"Revert {self.commit[:10]}: {self.subject}"[:300]
        shown = (f"the program worked without {self.commit[:10]} until it was released",)
        yield Candidate("revert", self.files, message, shown, generator=REVERT)


def fixer(found: Clone, base: str, commit: str, stands: Ground) -> RevertFixer:
    """The fixer for a commit that ``base`` contains; paths are those of the service's folder. Raises Unfit."""
    sha, before = found.commits(commit, f"{commit}^1")
    if not sha or not found.contains(base, sha):
        raise Unfit(f"What production runs does not contain the commit {commit[:10]}.")
    if not before:
        raise Unfit(f"The commit {commit[:10]} is the first one, so there is nothing to go back to.")
    try:
        texts = found.without(base, sha)
    except CommandError:
        raise Unfit(f"Later changes build on the commit {commit[:10]}. Revert it by hand.") from None
    subject = found.git("log", "-1", "--format=%s", "--end-of-options", sha).strip()
    return RevertFixer(sha, subject, {_inner(path, text, stands): text or "" for path, text in texts.items()})


def _inner(path: str, text: str | None, stands: Ground) -> str:
    if text is None:
        raise Unfit(f"Without the commit, {path} would be deleted. Revert it by hand.")
    if not (inner := stands.inner(path)):
        raise Unfit(f"The commit also changed {path}, which does not belong to the service. Revert it by hand.")
    return inner


def decided(receipt: Receipt, issue: Issue) -> Receipt:
    """The decision of the person who asked for the revert, in place of the platform's; it needs an approval."""
    reason = f"{issue.requested_by} asked for the revert of {(issue.reverts or '')[:10]}"
    return replace(
        receipt,
        verdict=Verdict.AUTO_RESOLVE,
        needs_approval=True,
        row=PERSON,
        row_message=reason,
        flip=None,
        open_to_evidence=False,
    )
