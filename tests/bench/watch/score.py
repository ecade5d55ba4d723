"""Sit a judge through situations, and count what it got wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from statistics import median

from core.signals.release import Judgement, Scene, State
from tests.bench.watch.situations import Situation

Judge = Callable[..., Judgement]
BACK = (State.HARM, State.UNCURED)
PASSED = (State.VERIFIED, State.UNEXERCISED)
TRAFFIC = ((0.0, 0.2), (0.2, 2.0), (2.0, 20.0), (20.0, float("inf")))  # requests a second of the service


@dataclass(frozen=True)
class Result:
    """How one watch ended. ``state`` is WATCHING when it did not end within the bound; ``seconds`` of the last look."""

    family: str
    truth: str
    ambiguous_ok: bool
    state: State
    seconds: float
    rps: float
    unseen: bool = False  # it ended before the harm could show

    @property
    def wrong_rollback(self) -> bool:
        return self.truth == "good" and self.state in BACK

    @property
    def missed(self) -> bool:
        return self.truth == "harm" and self.state in PASSED

    @property
    def uncured_passed(self) -> bool:
        return self.truth == "uncured" and self.state in PASSED

    @property
    def asked(self) -> bool:
        """A person was asked where an expert would not have."""
        return self.state is State.UNSURE and not self.ambiguous_ok

    @property
    def right(self) -> bool:
        return not (self.wrong_rollback or self.missed or self.uncured_passed or self.asked or self.undecided)

    @property
    def undecided(self) -> bool:
        return self.state is State.WATCHING


def sit(situation: Situation, judge: Judge) -> tuple[Result, Scene, Judgement]:
    """The watch from look to look until it ends; with the last scene and the last judgement."""
    for scene in situation.looks():
        judgement = judge(scene, situation.rules)
        if judgement.state is not State.WATCHING:
            break
    result = Result(
        situation.family, situation.truth, situation.ambiguous_ok, judgement.state, scene.elapsed,
        situation.world.rps, scene.elapsed <= situation.harm_shows,
    )  # fmt: skip
    return result, scene, judgement


@dataclass(frozen=True)
class Totals:
    """Counts over all situations. Shares have their own denominator: good, harm or uncured situations."""

    good: int
    harm: int
    uncured: int
    wrong_rollbacks: int
    missed: int
    missed_unseen: int  # of those missed: the watch ended before the harm could show
    uncured_passed: int
    asked_good: int
    asked_harm: int
    asked_uncured: int
    excused: int  # asks where an expert would ask too
    unexercised: int  # of the good
    undecided: int

    @property
    def aims(self) -> dict[str, tuple[float, float]]:
        """By aim: the share found, the share allowed."""
        return {
            "wrong rollbacks": (share(self.wrong_rollbacks, self.good), 0.02),
            "missed harm": (share(self.missed, self.harm), 0.02),
            "uncured passed": (share(self.uncured_passed, self.uncured), 0.02),
            "asks on good": (share(self.asked_good, self.good), 0.10),
            "undecided": (float(self.undecided), 0.0),
        }

    @property
    def met(self) -> bool:
        return all(found <= allowed for found, allowed in self.aims.values())


def share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def total(results: Iterable[Result]) -> Totals:
    rows = list(results)
    of = {truth: [row for row in rows if row.truth == truth] for truth in ("good", "harm", "uncured")}
    return Totals(
        *(len(of[truth]) for truth in of),
        wrong_rollbacks=sum(row.wrong_rollback for row in rows),
        missed=sum(row.missed for row in rows),
        missed_unseen=sum(row.missed and row.unseen for row in rows),
        uncured_passed=sum(row.uncured_passed for row in rows),
        asked_good=sum(row.asked for row in of["good"]),
        asked_harm=sum(row.asked for row in of["harm"]),
        asked_uncured=sum(row.asked for row in of["uncured"]),
        excused=sum(row.state is State.UNSURE and row.ambiguous_ok for row in rows),
        unexercised=sum(row.state is State.UNEXERCISED for row in of["good"]),
        undecided=sum(row.undecided for row in rows),
    )


def speed(results: Iterable[Result]) -> list[tuple[str, int, float | None]]:
    """Of good fixes that were verified: (traffic, how many, median seconds to the verdict)."""
    rows = [row for row in results if row.truth == "good" and row.state is State.VERIFIED]
    spans = [(f"{low:g} to {high:g}", [r.seconds for r in rows if low <= r.rps < high]) for low, high in TRAFFIC]
    spans.append(("all", [row.seconds for row in rows]))
    return [(name, len(seconds), median(seconds) if seconds else None) for name, seconds in spans]
