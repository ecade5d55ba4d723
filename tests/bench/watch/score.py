"""Sit a judge through situations as the product does, and count what it got wrong.

A release that is confirmed early is looked at on (core/stages/watch/late.py): harm that is found then is rolled back
late, and so is a good release that is condemned then. What a judge says of a look becomes the product's verdict by its
own rules (core/stages/watch/look.py): harm in figures alone counts at the second look in a row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from core.policy.sections import Watch
from core.signals.release import Judgement, Scene, State
from core.stages.watch.look import again, settled
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
    late: State | None = None  # how the looks after an early confirmation ended; None without any

    @property
    def late_rollback(self) -> bool:
        """Was it confirmed, and rolled back by a later look?"""
        return self.late in BACK

    @property
    def wrong_rollback(self) -> bool:
        return self.truth == "good" and (self.state in BACK or self.late_rollback)

    @property
    def passed(self) -> bool:
        return self.state in PASSED and not self.late_rollback

    @property
    def missed(self) -> bool:
        return self.truth == "harm" and self.passed

    @property
    def uncured_passed(self) -> bool:
        return self.truth == "uncured" and self.passed

    @property
    def asked(self) -> bool:
        """A person was asked where an expert would not have."""
        return State.UNSURE in (self.state, self.late) and not self.ambiguous_ok

    @property
    def right(self) -> bool:
        return not (self.wrong_rollback or self.missed or self.uncured_passed or self.asked or self.undecided)

    @property
    def undecided(self) -> bool:
        return self.state is State.WATCHING


@dataclass(frozen=True)
class Sight:
    """One look: what the judge said, and what the product makes of it (``state``)."""

    scene: Scene
    said: Judgement
    state: State


def sights(situation: Situation, judge: Judge) -> Iterator[Sight]:
    """Look after look, until the recording ends; there, what the judge says stands."""
    rates: Sequence[str] = ()
    scenes = list(situation.looks())
    for scene in scenes:
        said = judge(scene, situation.rules)
        found = settled(again(said, rates), scene.elapsed, situation.rules, (), ())
        rates = said.rates
        yield Sight(scene, said, said.state if scene is scenes[-1] else found.state)


def sit(situation: Situation, judge: Judge) -> tuple[Result, Scene, Judgement]:
    """The watch from look to look until it ends, and its late watch; with the last scene and the last judgement."""
    looks = sights(situation, judge)
    end = _ended(looks, lambda sight: sight.state is not State.WATCHING)
    early = end.state is State.VERIFIED and end.scene.elapsed < situation.rules.seconds
    last = _ended(looks, lambda sight: over(sight, situation.rules), end) if early else end
    result = Result(
        situation.family, situation.truth, situation.ambiguous_ok, end.state, end.scene.elapsed,
        situation.world.rps, last.scene.elapsed <= situation.harm_shows, last.state if early else None,
    )  # fmt: skip
    return result, last.scene, last.said


def _ended(looks: Iterator[Sight], ends: Callable[[Sight], bool], sight: Sight | None = None) -> Sight:
    """The first look that ends a watch, or the last one."""
    for sight in looks:  # noqa: B020 - the last one is the answer where none ends it
        if ends(sight):
            break
    if sight is None:
        raise ValueError("a situation without looks")
    return sight


def over(sight: Sight, rules: Watch) -> bool:
    """Does this look end a late watch? The rule of core/stages/watch/late.py."""
    return sight.state in BACK or not (sight.scene.elapsed < rules.seconds or sight.state is State.WATCHING)


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
    late_harm: int = 0  # harm that was rolled back after an early confirmation: not missed
    late_uncured: int = 0
    late_wrong: int = 0  # of the wrong rollbacks

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
        excused=sum(State.UNSURE in (row.state, row.late) and row.ambiguous_ok for row in rows),
        unexercised=sum(row.state is State.UNEXERCISED for row in of["good"]),
        undecided=sum(row.undecided for row in rows),
        late_harm=sum(row.late_rollback for row in of["harm"]),
        late_uncured=sum(row.late_rollback for row in of["uncured"]),
        late_wrong=sum(row.late_rollback for row in of["good"]),
    )


def speed(results: Iterable[Result]) -> list[tuple[str, int, float | None]]:
    """Of good fixes that were verified: (traffic, how many, median seconds to the verdict)."""
    rows = [row for row in results if row.truth == "good" and row.state is State.VERIFIED]
    spans = [(f"{low:g} to {high:g}", [r.seconds for r in rows if low <= r.rps < high]) for low, high in TRAFFIC]
    spans.append(("all", [row.seconds for row in rows]))
    return [(name, len(seconds), median(seconds) if seconds else None) for name, seconds in spans]
