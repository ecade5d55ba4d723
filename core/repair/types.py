"""The shared types of repair. A candidate consists of complete new file texts; nothing here runs or writes anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import Protocol

from core.models import Crash
from core.vendors.command import Completed


class Evidence(IntEnum):
    """The evidence that a change gives the intended behaviour, from the weakest grade to the strongest."""

    NONE = 0
    STYLE = 1  # the file does something similar elsewhere
    SIBLING = 2  # sibling code does the same in the same situation
    CALLER = 3  # a caller relies on this result
    TYPE = 4  # a type or an annotation allows or requires it
    TEST = 5  # a test of the repository expects it
    DOCUMENTED = 6  # the documentation states it for exactly this case


@dataclass(frozen=True)
class Candidate:
    """A possible change. ``files`` maps a path in the repository to the file's new text.

    ``grade`` is the strongest evidence that the new behaviour is the intended one; ``evidence`` says it in sentences.
    ``far`` counts the steps from the evidence to the change; within a grade, the nearest is preferred.
    ``raises``: the documented exception that the crashing input must raise instead (import lines, then its name).
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
    plan: str = ""  # what the fixer said before its first edit
    transcript: Sequence[dict[str, str]] = ()  # what it said and did; strangers' text, redacted and bounded


@dataclass(frozen=True)
class RegressionTest:
    """A new test file that raises the reported exception in the reported frame on the old code."""

    path: str
    code: str
    reproduces: str = ""


@dataclass(frozen=True)
class Proof:
    """The proof of a fix. Complete only if all four conditions hold; ``messages`` has one line for each run.

    ``slow``: the whole suite could not be run, so only the related tests were. ``open``: the new test asserts no
    result, because the right one is unknown.
    """

    fails_before: bool = False
    passes_after: bool = False
    fails_reverted: bool = False
    older_tests_pass: bool = False
    messages: Sequence[str] = ()
    slow: bool = False
    open: bool = False

    @property
    def complete(self) -> bool:
        return self.fails_before and self.passes_after and self.fails_reverted and self.older_tests_pass


@dataclass(frozen=True)
class Attempt:
    """The result of one candidate; ``reason`` is why it was refused, empty for the chosen one.

    ``further``: exception, file and function of another crash that the reported input hits with this candidate.
    """

    candidate: Candidate
    reason: str = ""
    further: tuple[str, str, str] | None = None


@dataclass(frozen=True)
class FixResult:
    """``decision`` is fix or escalate. On fix, the tree holds candidate and test, uncommitted.

    ``confidence`` is the measured precision (0..1) of the candidate's class, 0 if it was not measured. ``behaviours``:
    the outcomes of the reported input with the surviving candidates, if they disagree. ``final``: the cause is not
    code, so no other fixer runs. The ``candidate`` of an escalation is an unproved proposal. ``benchmark``: the figures
    of a fix that makes code faster (core/repair/speed/benchmark.py).
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
    benchmark: Mapping[str, object] = field(default_factory=dict)


class Fixer(Protocol):
    """Proposes candidates, best first. ``feedback`` has the reasons for which earlier attempts were refused."""

    name: str

    def propose(self, tree: Path, crash: Crash, feedback: Sequence[str] = ()) -> Iterator[Candidate]: ...


class Runner(Protocol):
    """Runs repository or generated code without network and secrets; only ``tree`` is writable."""

    @property
    def name(self) -> str: ...

    def run(self, argv: Sequence[str], tree: Path, timeout: float = 120) -> Completed: ...
