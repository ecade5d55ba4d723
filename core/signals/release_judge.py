"""The verdict on a release, look by look: harm, not cured, verified, not exercised, or a person's to decide.

release_look.py says what each fault and service shows; this module says when that is enough.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from core.models.counted import counted
from core.policy.sections import Watch
from core.signals.release import Count, Finding, FindingKind, Judgement, Scene, State
from core.signals.release_look import Look

EXPECTED = 6.0  # errors that the old rate would have brought: fewer are no test of the cure
PATIENCE = 2  # times rules.seconds that a watch may last


def judge(scene: Scene, rules: Watch) -> Judgement:
    """One look's verdict. WATCHING: look again. The watch ends by itself at ``PATIENCE`` times rules.seconds."""
    look = Look(scene, rules)
    findings = [found for _, found in look.faults] + list(_services(look))
    counts = (look.own.count, *(f.count for f in findings if f.kind is not FindingKind.CLEAR))
    if harm := _of(findings, FindingKind.HARM):
        named = _of([found for _, found in look.faults], FindingKind.HARM)
        return Judgement(State.HARM, _said(harm), counts, rates=() if named else tuple(f.count.name for f in harm))
    if look.uncured():
        return Judgement(State.UNCURED, look.own.count.message, counts)
    return _calm(look, findings, counts)


def _services(look: Look) -> Iterator[Finding]:
    for service in sorted(look.scene.touched):
        yield look.service(service)
        yield look.latency(service)
        yield look.traffic(service)


def _calm(look: Look, findings: Sequence[Finding], counts: tuple[Count, ...]) -> Judgement:
    """Nothing speaks against the release for certain: end early, at the bound, or look again."""
    rules, elapsed = look.rules, look.scene.elapsed
    doubts, suspects = _of(findings, FindingKind.DOUBT), _of(findings, FindingKind.SUSPECT)
    cured = look.own.odds > math.log(1 / rules.missed_harm)
    open_ = doubts or suspects
    if cured and not open_ and elapsed >= rules.earliest and not look.blind() and look.cleared():
        return Judgement(State.VERIFIED, look.own.count.message, counts)
    if elapsed < rules.seconds:
        return Judgement(State.WATCHING, _waits(look, open_), counts, open=_open(look, open_))
    return _at_bound(look, doubts, suspects, counts)


def _at_bound(look: Look, doubts: list[Finding], suspects: list[Finding], counts: tuple[Count, ...]) -> Judgement:
    own = look.own
    over = look.scene.elapsed >= look.rules.seconds * PATIENCE
    partly = own.now > 0 and own.odds < 0
    enough = look.requests() >= look.rules.minimum_requests
    if not over and (partly or suspects or not enough):
        return Judgement(State.WATCHING, _waits(look, suspects), counts, open=_open(look, suspects))
    if look.blind():
        return Judgement(State.UNSURE, "no metrics of the released services since the release", counts)
    if partly or doubts or suspects:
        risen = bool(doubts or suspects)
        return Judgement(State.UNSURE, _said(doubts or suspects) or own.count.message, counts, open=risen)
    if own.expected < EXPECTED:
        return Judgement(State.UNEXERCISED, f"not exercised: {own.count.message}", counts)
    return Judgement(State.VERIFIED, look.own.count.message, counts)


def _open(look: Look, risen: Sequence[Finding]) -> bool:
    return bool(risen) or look.blind() or look.requests() < look.rules.minimum_requests


def _waits(look: Look, open_: Sequence[Finding]) -> str:
    if look.requests() < look.rules.minimum_requests:
        return f"not enough traffic: {counted(look.requests(), 'request')} so far"
    return _said(open_) or look.own.count.message


def _of(findings: Sequence[Finding], kind: FindingKind) -> list[Finding]:
    return [f for f in findings if f.kind is kind]


def _said(findings: Sequence[Finding]) -> str:
    return "; ".join(f.count.message for f in findings)
