"""The results of the steps, and how they are recorded.

The durable engine records a step as plain JSON, never as a pickled class: ``{"step": name, "version": 1, **fields}``.
A field that is None is left out. A record of another version may lack keys: those fields get their defaults, so every
field has a default. Unknown keys are ignored (docs/adding-a-step.md). ``message`` is recorded as ``says``
(core/models/recorded.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeVar

from core.models import recorded as recording
from core.ops.infrastructure import StepFault

VERSION = 1  # of the form of a record; a new field needs no new version


@dataclass(frozen=True)
class StepResult:
    """The base of all results. Fields hold plain JSON values; lists become tuples."""


Result = TypeVar("Result", bound=StepResult)


def record(result: StepResult | StepFault, step: str) -> dict[str, Any]:
    """The plain JSON that the durable engine stores."""
    if isinstance(result, StepFault):
        return result.record()
    return {"step": step, "version": VERSION, **plain(result)}


def read(kind: type[Result], recorded: Mapping[str, Any]) -> Result:
    """Read a result from a record of any version."""
    keys = {field.name: recording.key(field.name) for field in fields(kind)}
    return kind(**{name: _frozen(recorded[key]) for name, key in keys.items() if key in recorded})


def plain(result: StepResult) -> dict[str, Any]:
    """The fields of a result that are not None."""
    return {name: value for name, value in recording.plain(result).items() if value is not None}


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


# --- diagnosis -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class AnalysisResult(StepResult):
    analysis_id: int = 0


@dataclass(frozen=True)
class Diagnosis(StepResult):
    """The decision on one analysis. ``event`` is the reason of an escalation.

    ``uncorroborated``: an approval is needed only because nothing corroborates the report. ``diagnosis`` counts from 1.
    """

    verdict: str = "ESCALATE_HUMAN"
    needs_approval: bool = True
    message: str = ""
    uncorroborated: bool = False
    diagnosis: int = 1
    event: str = "escalated"


@dataclass(frozen=True)
class Corroborated(StepResult):
    """Whether metrics and logs corroborate the report now; ``seconds`` until the next look, 0 if there is none."""

    seconds: float = 0.0
    corroborated: bool = False


# --- the fix ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class FixAttempts(StepResult):
    """The maximum number of fixes that are written until one passes the review."""

    attempts: int = 1


@dataclass(frozen=True)
class Fix(StepResult):
    """A fix, or the reason why there is none. ``id`` is that of the change set.

    ``duplicate_of`` is the issue that has the same fix in progress; ``met`` is the issue whose fault the input hits
    after this fix.
    """

    ok: bool = False
    id: int = 0
    message: str = ""
    needs_approval: bool = True
    duplicate_of: int | None = None
    met: int | None = None


@dataclass(frozen=True)
class ReviewResult(StepResult):
    """``findings`` go back to the fixer. ``peer``: the flow must wait for CodeRabbit's review."""

    ok: bool = False
    peer: bool = False
    findings: tuple[str, ...] = ()
    needs_approval: bool = False


@dataclass(frozen=True)
class PeerReview(ReviewResult):
    """One look at CodeRabbit's review: waiting (look again in ``seconds``), or ended.

    ``asked`` is the number of times that a review was requested again.
    """

    state: str = "waiting"
    seconds: float = 0.0
    asked: int = 0


@dataclass(frozen=True)
class Checked(StepResult):
    """The result of the service's own tests.

    ``met`` is the issue whose fault the regression test hit: 0 if that fault has no issue, None if it hit no other
    fault.
    """

    ok: bool = False
    message: str = ""
    met: int | None = None


@dataclass(frozen=True)
class Rebased(StepResult):
    """The fix, rebased onto the commit that production runs now.

    ``moved``: it must be tested again. ``again``: then check again whether production changed. ``stale``: it no longer
    applies. ``seconds``: how long production must keep serving its deployment before that can be the baseline.
    """

    ok: bool = False
    moved: bool = False
    again: bool = False
    stale: bool = False
    seconds: float = 0.0
    message: str = ""


# --- the release -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Delivered(StepResult):
    """A deployment to the preview or to production.

    ``by_merge``: people release it by merging its pull request. ``seconds``: it is in progress; look again after that.
    """

    ok: bool = False
    message: str = ""
    by_merge: bool = False
    seconds: float = 0.0


@dataclass(frozen=True)
class MergeLook(StepResult):
    """One look at a pull request that people merge: open or merged (look again in ``seconds``), live, or refused."""

    state: str = "open"
    seconds: float = 0.0
    message: str = ""


@dataclass(frozen=True)
class ApprovalAsked(StepResult):
    """``seconds`` until the approval expires."""

    approval_id: int = 0
    patch_hash: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class ApprovalAnswer(StepResult):
    """A person's answer, or that there was none; ``event`` is the reason why it is not an approval."""

    ok: bool = False
    event: str = ""
    message: str = ""


@dataclass(frozen=True)
class Lane(StepResult):
    """The lane: the queue of the releases of ``repository``."""

    repository: str = ""


@dataclass(frozen=True)
class WatchResult(StepResult):
    """One look at a release: watching (look again in ``seconds``), healthy, failed, superseded, or over.

    ``asks``: a person must decide whether it stays. If superseded: ``ok`` if production still contains the fix,
    ``again`` if the release may be repeated.
    """

    state: str = "watching"
    seconds: float = 0.0
    message: str = ""
    asks: bool = False
    ok: bool = False
    again: bool = False
    event: str = ""


@dataclass(frozen=True)
class Rollback(StepResult):
    """Production after a rollback; ``late``: the vendor may still move it to the release."""

    ok: bool = False
    message: str = ""
    event: str = "rolled_back"
    late: bool = False


@dataclass(frozen=True)
class ReleaseResult(StepResult):
    """How a release ended. ``event`` says why it did not succeed.

    ``late``, ``stale``, ``again`` and ``met`` come from its rollback, rebase, watch and tests. ``waited``: inside the
    lane, it waited until production's own deployment could be its baseline.
    """

    ok: bool = False
    event: str = ""
    message: str = ""
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


# --- waits and facts -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Wait(StepResult):
    """``seconds`` until the next look; 0 when the wait is over."""

    seconds: float = 0.0
    message: str = ""


@dataclass(frozen=True)
class Awaited(Wait):
    """The end of a wait: ``ok`` if it succeeded. ``circle``: the other issue waits for this one."""

    ok: bool = False
    circle: bool = False


@dataclass(frozen=True)
class NewRun(StepResult):
    """Whether the issue has a new run."""

    begun: bool = False


@dataclass(frozen=True)
class Done(StepResult):
    ok: bool = False
