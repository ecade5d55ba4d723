"""What repair speaks in. A candidate is whole new file texts: nothing here runs or writes anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import Protocol

from core.models import Crash
from core.vendors.command import Completed


class Evidence(IntEnum):
    """What shows that a change gives the intended behaviour, from the weakest to the strongest."""

    NONE = 0
    STYLE = 1  # the file does such things elsewhere
    SIBLING = 2  # sibling code does the same in the same situation
    CALLER = 3  # a caller relies on this result
    TYPE = 4  # a type or an annotation allows or asks for it
    TEST = 5  # a test of the repository expects it
    DOCUMENTED = 6  # the documentation of this very thing says so


@dataclass(frozen=True)
class Candidate:
    """A possible change. ``files`` maps a path in the repository to the file's new text.

    ``grade`` is the strongest evidence that the new behaviour is the intended one; ``evidence`` says it in sentences.
    ``far`` counts the steps from the evidence to the change; of one grade, the nearest is preferred.
    ``raises``: the documented exception that the crashing input is to meet instead (import lines, then its name).
    """

    template: str
    files: Mapping[str, str]
    rationale: str
    evidence: Sequence[str] = ()
    grade: Evidence = Evidence.NONE
    far: int = 0
    raises: str = ""
    generator: str = "embedded"
    tokens: int = 0
    cost_usd: float = 0.0
    seconds: float = 0.0


@dataclass(frozen=True)
class RegressionTest:
    """A new test file that raises the reported exception in the reported frame on the old code."""

    path: str
    code: str
    reproduces: str = ""


@dataclass(frozen=True)
class Proof:
    """The proof of fix. Complete only when all four hold; ``says`` has a line for each run.

    ``slow``: the whole suite could not be run, and the related tests alone speak for the older ones. ``open``: the new
    test asserts no result, because nothing says which is right.
    """

    fails_before: bool = False
    passes_after: bool = False
    fails_reverted: bool = False
    older_tests_pass: bool = False
    says: Sequence[str] = ()
    slow: bool = False
    open: bool = False

    @property
    def complete(self) -> bool:
        return self.fails_before and self.passes_after and self.fails_reverted and self.older_tests_pass


@dataclass(frozen=True)
class Attempt:
    """What became of one candidate; ``reason`` is why it was refused, empty for the one chosen.

    ``further``: the exception, file and function of another crash to which it led the reported input.
    """

    candidate: Candidate
    reason: str = ""
    further: tuple[str, str, str] | None = None


@dataclass(frozen=True)
class FixResult:
    """``decision`` is fix or escalate. On fix, the tree holds candidate and test, uncommitted.

    ``confidence`` is the measured precision of the candidate's class, 0 where none was measured. ``behaviours``: what
    the surviving candidates make of the reported input, where they disagree. ``final``: the cause is not code, so no
    other fixer is asked. An escalated ``candidate`` is a proposal that was not proved.
    """

    decision: str
    reason: str
    cause: str = "code"  # a core.models.Cause value
    next_step: str = ""
    candidate: Candidate | None = None
    test: RegressionTest | None = None
    proof: Proof = field(default_factory=Proof)
    confidence: float = 0.0
    attempts: Sequence[Attempt] = ()
    behaviours: Sequence[str] = ()
    final: bool = False


class Fixer(Protocol):
    """Writes candidates, best first. ``feedback`` holds what was wrong with earlier attempts."""

    name: str

    def propose(self, tree: Path, crash: Crash, feedback: Sequence[str] = ()) -> Iterator[Candidate]: ...


class Runner(Protocol):
    """Runs repository or generated code with no network, no secrets, and nothing writable but ``tree``."""

    @property
    def name(self) -> str: ...

    def run(self, argv: Sequence[str], tree: Path, timeout: float = 120) -> Completed: ...
