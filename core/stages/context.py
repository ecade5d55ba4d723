"""What a step is given: one context, and then its own arguments."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from core.ops.stage_log import Entry
from core.runtime import Runtime


@dataclass(frozen=True)
class StepContext:
    """The context of a step in the run of an issue."""

    runtime: Runtime
    issue_id: int
    run: int


@dataclass(frozen=True)
class StageContext(StepContext):
    """The context of a step that is a stage, with its line in the stage log.

    Issue, run, stage and ``attempt`` identify that line. Attempts count from 1. Where the passes of a stage differ in
    meaning, their numbers have names (below).
    """

    attempt: int
    log: Entry


# The numbers are stored with each line of the stage log: none ever changes.
FIRST = 1  # of a stage that has one pass


class FixPass(IntEnum):
    """Fixes are counted from 1."""

    REBASE = 0


class CheckPass(IntEnum):
    FIRST = 1
    AFTER_REBASE = 2


class DeployPass(IntEnum):
    PREVIEW = 1
    PRODUCTION = 2
    PREVIEW_AFTER_REBASE = 3


class VerifyPass(IntEnum):
    WATCH = 1
    ROLLBACK = 2
