"""Infrastructure failures as results of a step, and how long a step is retried.

A step with such a failure does not raise, because an exception is not restored unchanged after a restart. It returns a
``StepFault``, which is recorded as ``{"state": "infrastructure", "kind": ..., "says": ...}``, and the workflow retries
with durable waits.
"""

from __future__ import annotations

import itertools
import logging
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from dbos import error as engine
from filelock import Timeout

from core.db import outages
from core.vendors.base import VendorError
from core.vendors.command import CommandError, Unreachable

log = logging.getLogger(__name__)
STATE = "infrastructure"
FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0  # seconds between two attempts, doubling each time
PASSING, REFUSED, BROKEN = "passing", "refused", "broken"
Result = TypeVar("Result")


class GaveUp(Exception):
    """A step failed for longer than its retry limit. The message is for a person."""


def kind(error: BaseException) -> str:
    if isinstance(error, VendorError):
        return REFUSED if error.permanent else PASSING
    if isinstance(error, CommandError):
        passes = isinstance(error, Unreachable) or "No space left on device" in str(error)
        return PASSING if passes else REFUSED
    passing = isinstance(error, Timeout) or outages.of_database(error) or outages.of_machine(error)
    return PASSING if passing else BROKEN


def words(error: BaseException) -> str:
    """The failure in plain words, without SQL and without names of the durable engine."""
    if outages.of_database(error):
        return "the platform's database did not respond"
    if isinstance(error, engine.DBOSMaxStepRetriesExceeded) and error.errors:
        return words(error.errors[-1])
    if isinstance(error, engine.DBOSException) or str(error).startswith("DBOS Error"):
        return "a stage failed several times in a row; the platform's log has the cause"
    if outages.of_machine(error):
        return f"the platform's machine failed: {getattr(error, 'strerror', None) or error}"
    if isinstance(error, VendorError | CommandError | GaveUp):
        return str(error)
    return f"the platform failed ({type(error).__name__}: {str(error)[:300]}); its log has the details"


@dataclass(frozen=True)
class StepFault:
    """The failure that a step returns instead of its result.

    ``kind`` is passing (retry), refused (a vendor refused, or another program failed permanently) or broken (our own
    bug).
    """

    kind: str
    message: str

    def record(self) -> dict[str, str]:
        return {"state": STATE, "kind": self.kind, "says": self.message}


def fault_of(recorded: Mapping[str, Any]) -> StepFault | None:
    """The failure in a step's record, if it contains one."""
    return StepFault(recorded["kind"], recorded["says"]) if recorded.get("state") == STATE else None


def answered(work: Callable[[], Result], everything: bool) -> Result | StepFault:
    """The result of ``work``, or its failure. Our own bugs are raised unless ``everything``."""
    try:
        return work()
    except Exception as error:
        found = kind(error)
        if found == BROKEN and not everything:
            raise
        log.warning("a step failed (%s)", found, exc_info=error)
        return StepFault(found, words(error))


@dataclass(frozen=True)
class Patience:
    """For how many seconds each kind of failure is retried; after that, ``end`` turns the last failure into a result.

    ``broken`` is None if our own bugs are raised. ``guards`` means that production may serve an unverified build
    meanwhile, so people are alerted.
    """

    passing: float = math.inf
    refused: float = math.inf
    broken: float | None = None
    guards: bool = False
    end: Callable[[StepFault], Any] | None = None

    def over(self, fault: StepFault, waited: float) -> bool:
        return waited >= {PASSING: self.passing, REFUSED: self.refused, BROKEN: self.broken}[fault.kind]

    def at_once(self) -> Patience:
        """For a caller with its own retries (Kestra); a deployment that may be live is guarded in any case."""
        return self if self.guards else replace(self, passing=0.0, refused=0.0)

    def ended(self, fault: StepFault, waited: float) -> Any:
        if self.end:
            return self.end(fault)
        tried = f" (retried for {waited / 3600:.1f} h)" if waited >= LONGEST_WAIT else ""
        raise GaveUp(fault.message + tried)


HOURS = 6 * 3600.0
BEFORE = Patience(passing=HOURS, refused=0.0)  # nothing is in production yet
AFTER = Patience()  # results that must be recorded in any case


def pause(number: int) -> float:
    """Seconds to wait after the attempt with this number, from 0."""
    return min(FIRST_WAIT * 2 ** min(number, 16), LONGEST_WAIT)


def insist(
    attempt: Callable[[], Result | StepFault],
    patience: Patience,
    rest: Callable[[float], None],
    alarm: Callable[[str], object],
) -> Result:
    """The first result of ``attempt`` that is not a failure. Raises GaveUp. Deterministic: DBOS replays it."""
    waited = 0.0
    for number in itertools.count():
        answer = attempt()
        if not isinstance(answer, StepFault):
            return answer
        if patience.over(answer, waited):
            return patience.ended(answer, waited)
        if patience.guards and (answer.kind != PASSING or waited >= LONGEST_WAIT):
            alarm(answer.message)
        rest(pause(number))
        waited += pause(number)
    raise AssertionError("unreachable")
