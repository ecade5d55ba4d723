"""Decides whether more evidence could change an escalation, and whether new evidence does. Pure."""

from __future__ import annotations

from dataclasses import replace

from core.decision.rules import judge
from core.decision.situation import Situation
from core.models import Cause, Verdict
from core.policy.reader import Policy

MANY = 1_000_000  # occurrences


def open_to_more(case: Situation, policy: Policy) -> bool:
    """Is the case escalated, and would the best evidence that reports can give change that?

    A known cause other than the code does not change: more reports confirm it.
    """
    best = replace(case, analysis=1.0, occurrences=MANY)
    if case.cause is Cause.UNKNOWN:
        best = replace(best, cause=Cause.CODE, simplicity=1.0)
    return escalated(case, policy) and not escalated(best, policy)


def changes(case: Situation, grown: Situation, policy: Policy) -> bool:
    """Is the case escalated, and the same case with the grown evidence not?"""
    return escalated(case, policy) and not escalated(grown, policy)


def escalated(case: Situation, policy: Policy) -> bool:
    return judge(case, policy)[0] is Verdict.ESCALATE_HUMAN
