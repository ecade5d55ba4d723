"""What each step returns, and how it is recorded.

The durable engine records a step as plain JSON, never as a pickled class: ``{"step": name, "version": 1, **fields}``.
A field that is None is left out. A record of another version may have fewer keys: those fields have their defaults, so
every field has one. It may have more: they are ignored (docs/adding-a-step.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, TypeVar

from core.ops.infrastructure import StepFault

VERSION = 1  # of the form of a record; a new field needs no new version


@dataclass(frozen=True)
class StepResult:
    """What a step returns. Its fields are plain JSON; a list is a tuple here."""


Result = TypeVar("Result", bound=StepResult)


def record(result: StepResult | StepFault, step: str) -> dict[str, Any]:
    """The plain JSON that the durable engine keeps."""
    if isinstance(result, StepFault):
        return result.record()
    return {"step": step, "version": VERSION, **plain(result)}


def read(kind: type[Result], recorded: Mapping[str, Any]) -> Result:
    """The result in a record of any version."""
    known = {field.name for field in fields(kind)} & recorded.keys()
    return kind(**{name: _frozen(recorded[name]) for name in known})


def plain(result: StepResult) -> dict[str, Any]:
    """The fields of a result that are not None."""
    return {name: value for name, value in asdict(result).items() if value is not None}


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


# --- diagnosis -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class AnalysisResult(StepResult):
    analysis_id: int = 0


@dataclass(frozen=True)
class Diagnosis(StepResult):
    """The decision on one analysis. ``event`` says why a person takes over where that is the verdict.

    ``uncorroborated``: an approval is needed only because nothing corroborates the report. ``diagnosis`` counts from 1.
    """

    verdict: str = "ESCALATE_HUMAN"
    needs_approval: bool = True
    says: str = ""
    uncorroborated: bool = False
    diagnosis: int = 1
    event: str = "escalated"


@dataclass(frozen=True)
class Corroborated(StepResult):
    """Whether metrics and logs corroborate the report by now; ``seconds`` to the next look, 0 when there is none."""

    seconds: float = 0.0
    corroborated: bool = False


# --- the fix ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class FixAttempts(StepResult):
    """How many fixes are written at most until one passes the review."""

    attempts: int = 1


@dataclass(frozen=True)
class Fix(StepResult):
    """A fix that was written, or why there is none. ``id`` is the change set's.

    ``twin`` is the issue that has the same fix under way, ``met`` the issue whose fault this fix leads on to.
    """

    ok: bool = False
    id: int = 0
    says: str = ""
    needs_approval: bool = True
    twin: int | None = None
    met: int | None = None


@dataclass(frozen=True)
class ReviewResult(StepResult):
    """``findings`` go back to the fixer. ``peer``: CodeRabbit's review is to be waited for."""

    ok: bool = False
    peer: bool = False
    findings: tuple[str, ...] = ()
    needs_approval: bool = False


@dataclass(frozen=True)
class PeerReview(ReviewResult):
    """One look at CodeRabbit's review: waiting (look again in ``seconds``), or ended.

    ``asked`` says how often a review was asked for again.
    """

    state: str = "waiting"
    seconds: float = 0.0
    asked: int = 0


@dataclass(frozen=True)
class Checked(StepResult):
    """How the service's own tests ended.

    ``met`` is the issue whose fault the regression test met, 0 where no issue tells of it, None where it met none.
    """

    ok: bool = False
    says: str = ""
    met: int | None = None


@dataclass(frozen=True)
class Rebased(StepResult):
    """The fix on top of what production runs now.

    ``moved``: test it once more. ``again``: then look again whether production moved on. ``stale``: it no longer
    applies. ``seconds``: so long what production serves has to go on, before it can be compared with.
    """

    ok: bool = False
    moved: bool = False
    again: bool = False
    stale: bool = False
    seconds: float = 0.0
    says: str = ""


# --- the release -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Delivered(StepResult):
    """A deployment to the preview or to production.

    ``by_merge``: people release it by merging its pull request. ``seconds``: it is in progress, look again then.
    """

    ok: bool = False
    says: str = ""
    by_merge: bool = False
    seconds: float = 0.0


@dataclass(frozen=True)
class MergeLook(StepResult):
    """One look at a pull request that people merge: open or merged (look again in ``seconds``), live, or refused."""

    state: str = "open"
    seconds: float = 0.0
    says: str = ""


@dataclass(frozen=True)
class ApprovalAsked(StepResult):
    """``seconds`` until the question expires."""

    approval_id: int = 0
    patch_hash: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class ApprovalAnswer(StepResult):
    """A person's answer, or the lack of one; ``event`` says why it is no approval."""

    ok: bool = False
    event: str = ""
    says: str = ""


@dataclass(frozen=True)
class Lane(StepResult):
    """The queue of the releases of ``repository``."""

    repository: str = ""


@dataclass(frozen=True)
class WatchResult(StepResult):
    """One look at a release: watching (look again in ``seconds``), healthy, failed, superseded, or over.

    ``asks``: a person has to say whether it stays. Superseded: ``ok`` when production still has the fix, ``again``
    when the release may go out once more.
    """

    state: str = "watching"
    seconds: float = 0.0
    says: str = ""
    asks: bool = False
    ok: bool = False
    again: bool = False
    event: str = ""


@dataclass(frozen=True)
class Rollback(StepResult):
    """Production after a rollback; ``late``: the vendor may still move it to the release."""

    ok: bool = False
    says: str = ""
    event: str = "rolled_back"
    late: bool = False


@dataclass(frozen=True)
class ReleaseResult(StepResult):
    """How a release ended. ``event`` says why it did not succeed.

    ``late``, ``stale``, ``again`` and ``met`` are those of its rollback, rebase, watch and tests. ``waited``: it
    waited inside the lane for production to be comparable.
    """

    ok: bool = False
    event: str = ""
    says: str = ""
    late: bool = False
    stale: bool = False
    again: bool = False
    met: int | None = None
    waited: bool = False


@dataclass(frozen=True)
class Learned(StepResult):
    """``outstanding``: the pull request is not merged yet."""

    ok: bool = False
    outstanding: bool = False


# --- waits and plain facts -------------------------------------------------------------------------


@dataclass(frozen=True)
class Wait(StepResult):
    """``seconds`` until the next look; 0 when there is nothing to wait for any more."""

    seconds: float = 0.0
    says: str = ""


@dataclass(frozen=True)
class Awaited(Wait):
    """A wait that may be in vain: ``ok`` unless it was. ``circle``: what it waits for waits for it in its turn."""

    ok: bool = False
    circle: bool = False


@dataclass(frozen=True)
class NewRun(StepResult):
    """Whether the issue has a new run."""

    begun: bool = False


@dataclass(frozen=True)
class Done(StepResult):
    ok: bool = False
