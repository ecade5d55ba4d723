"""Chooses between candidates by their behaviour on inputs similar to the crash."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.models import Crash
from core.models.counted import counted
from core.repair.judge.precision import EMBEDDED
from core.repair.localize.fixability import deepest_in_app
from core.repair.reproduce.reproduce import is_crash
from core.repair.sandbox.probe import ProbeOutcome
from core.repair.types import Candidate, Evidence

_ACCIDENTS = {"TypeError", "AttributeError"}  # raised by the interpreter on values of an unexpected type
DECIDES = Evidence.SIBLING  # the weakest grade that chooses between behaviours; the style of a file suits many changes
_OF_ANY_TEXT = {"JSONDecodeError", "Error"}  # have the same message for every invalid text


@dataclass(frozen=True)
class Judged:
    """A candidate with its outcomes on the bench's inputs; ``crash_like`` are those of inputs that crashed before.

    ``shown``: index of the crashing input on which the candidate works.
    """

    candidate: Candidate
    crash_like: tuple[ProbeOutcome, ...]
    shown: int = 0
    now: ProbeOutcome = ProbeOutcome()


def difference(before: Sequence[ProbeOutcome], after: Sequence[ProbeOutcome], crash: Crash) -> str | None:
    """What the candidate changed besides the crash; None if nothing.

    Inputs that worked must give the same result, and errors must keep their type, except for the crash itself and for
    accidental errors on its line: there, an input may have a second fault that a new guard precedes.
    """
    if len(after) < len(before) or any(map(_endless, before, after)):
        return "it does not end on inputs that ended before"
    pairs = [(old, new) for old, new in zip(before, after, strict=False) if not _on_its_line(old, crash)]
    changes = (_changed(old, new) for old, new in pairs if not is_crash(old, crash))
    return next((reason for reason in changes if reason), None)


def _endless(old: ProbeOutcome, new: ProbeOutcome) -> bool:
    return new.error == "Late" and old.error != "Late"


def _on_its_line(outcome: ProbeOutcome, crash: Crash) -> bool:
    frame = deepest_in_app(crash)
    place = (outcome.file, outcome.function, outcome.line)
    if frame is None or outcome.deliberate:
        return False
    return place == (frame.file, frame.function, frame.line)


def _changed(old: ProbeOutcome, new: ProbeOutcome) -> str | None:
    if "<coroutine object" in old.result:
        return None  # a coroutine that was not awaited has no value that could change
    if old.result:
        same = old.result == new.result
        return None if same else f"a result changed from {old.result[:60]} to {(new.result or new.error)[:60]}"
    accident = old.error in _ACCIDENTS and not old.deliberate or "partially initialized module" in old.text
    return None if accident or old.error == new.error else f"an input that raised {old.error} no longer does"


def mended(after: Sequence[ProbeOutcome], hits: int, candidate: Candidate) -> int | None:
    """Index of the first crashing input that now gives a result or the documented exception; None if there is none."""
    named = candidate.raises.split("\n")[-1].rpartition(".")[2]
    for position, outcome in enumerate(after[:hits]):
        if outcome.result or (named and outcome.error == named and outcome.deliberate):
            return position
    return None


def uncured(before: Sequence[ProbeOutcome], after: Sequence[ProbeOutcome], crash: Crash) -> str | None:
    """Why the candidate fixes only the reported input; None if it does not.

    Of similar inputs with the same error on the same line, it must cure three in four, or half if another value of the
    line may be the wrong one; the rest may lack the value that the fix uses instead.
    """
    reported = (before[0].text, before[0].line)
    pairs = zip(before, after, strict=False)
    near = [new for old, new in pairs if is_crash(old, crash) and (old.text, old.line) == reported]
    left = sum(is_crash(new, crash) and new.text == before[0].text for new in near)
    most = len(near) // (2 if before[0].error in _ACCIDENTS else 4)
    if before[0].error in _OF_ANY_TEXT or left <= most:
        return None
    return f"{left} of {len(near)} inputs like the reported one still crash"


def crash_like(before: Sequence[ProbeOutcome], after: Sequence[ProbeOutcome], crash: Crash) -> tuple[ProbeOutcome, ...]:
    return tuple(new for old, new in zip(before, after, strict=False) if is_crash(old, crash))


def choose(judged: Sequence[Judged]) -> tuple[Judged | None, str]:
    """The best of the only behaviour, or of that with the strongest evidence; else a model's, or None; and why.

    ``behaviours`` tells the caller that candidates disagree: then a person decides, whatever was chosen.
    """
    groups = sorted(clusters(judged), key=lambda group: _rank(_first(group)), reverse=True)
    if not groups:
        return None, "No candidate survived."
    best = _first(groups[0])
    if any(_rivals(best, _first(group)) for group in groups[1:]):
        why = f"{len(groups)} fixes behave differently, and nothing in the code shows which behaviour is intended."
        return _of_a_model(groups), why
    if len(groups) > 1:
        return best, "Evidence chose between fixes."
    return best, f"{len(judged)} candidates agree." if len(judged) > 1 else "1 candidate survived."


def _rivals(best: Judged, other: Judged) -> bool:
    """Does evidence leave it open which behaviour is intended?

    Two changes for the very same reason contradict each other only where both give a result. Where one of them still
    crashes, it leaves more as it was: then the smaller change is taken (Mechtaev et al. 2015, "DirectFix").
    """
    if best.candidate.grade < DECIDES:
        return True
    one_reason = best.candidate.evidence == other.candidate.evidence
    contradict = any(map(_contradict, best.crash_like, other.crash_like))
    return _evidence(best) == _evidence(other) and (contradict or not one_reason)


def _contradict(one: ProbeOutcome, other: ProbeOutcome) -> bool:
    answered = all(outcome.result or outcome.deliberate for outcome in (one, other))
    return answered and (one.result, one.error) != (other.result, other.error)


def _of_a_model(groups: Sequence[Sequence[Judged]]) -> Judged | None:
    """The proposal of most models, among the groups that evidence does not distinguish; None without a model.

    A model has read the program around the crash. The embedded repairer's changes without evidence are guesses: the
    person who decides sees them, but they do not replace a model's fix.
    """
    best = _first(groups[0])
    weak = best.candidate.grade < DECIDES
    alike = [g for g in groups if weak or _evidence(_first(g)) == _evidence(best)]
    models = [[one for one in group if one.candidate.generator != EMBEDDED] for group in alike]
    most = max(models, key=len)
    return _first(most) if most else None


def _first(group: Sequence[Judged]) -> Judged:
    return max(group, key=_rank)


def clusters(judged: Sequence[Judged]) -> list[list[Judged]]:
    """Groups of candidates with the same outcomes on all inputs that crashed before, the largest group first."""
    groups: dict[tuple, list[Judged]] = {}
    for one in judged:
        groups.setdefault(tuple((o.result, o.error) for o in one.crash_like), []).append(one)
    return sorted(groups.values(), key=len, reverse=True)


def behaviours(judged: Sequence[Judged]) -> list[str]:
    """If candidates disagree: the outcome of the reported input in each group, with the group's size."""
    found = clusters(judged)
    return [_told(group) for group in found] if len(found) > 1 else []


def _told(group: Sequence[Judged]) -> str:
    outcome = group[0].crash_like[group[0].shown] if group[0].crash_like else ProbeOutcome()
    gives = f"raises {outcome.error}" if outcome.error else f"gives {outcome.result.partition(' | ')[0][:120]}"
    by = ", ".join(sorted({one.candidate.generator for one in group}))
    return f"{counted(len(group), 'candidate')} ({by}): the reported input {gives}"


def _evidence(judged: Judged) -> tuple[int, int]:
    """The grade of the evidence, then its nearness to the change."""
    return judged.candidate.grade, -judged.candidate.far


def _rank(judged: Judged) -> tuple[tuple[int, int], int]:
    """Evidence, then the shorter text."""
    return _evidence(judged), -sum(map(len, judged.candidate.files.values()))
