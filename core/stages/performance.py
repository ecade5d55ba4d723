"""The fix of a slowdown: the suspect commit's revert first, then the models, then edits of certain patterns.

Each is proved by the same benchmark (core/repair/speed). A person approves every fix of a slowdown.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlmodel import col, select

from core.db import store
from core.models import Analysis, Cause, Issue
from core.models.templates import Template
from core.repair.fixers.embedded import EmbeddedFixer
from core.repair.fixers.prompting import SUSPECT
from core.repair.speed.embedded import PatternFixer
from core.repair.speed.engine import Quickening
from core.repair.speed.slowdown import Slowdown, places
from core.repair.types import Fixer
from core.runtime import Runtime
from core.signals.analysis import suspects
from core.stages import fixer_chain, revert
from core.stages.ground import Ground
from core.stages.workspace import Clone

BY_A_PERSON = "a person approves every fix of a slowdown"
DIFF = 12_000  # characters of the suspect's diff that a model is told
FILES = 20  # files of the suspect change that are compared


def concerns(issue: Issue) -> bool:
    return issue.cause is Cause.PERFORMANCE


def fixers(rt: Runtime, issue: Issue, found: Clone, base: str, slow: Slowdown, code: Ground) -> list[Fixer]:
    """In order; only the revert, if a person asked for that. Raises revert.Unfit if that commit cannot be taken out."""
    if issue.reverts:
        return [revert.fixer(found, base, issue.reverts, code)]
    allowed = fixer_chain.ordered(rt.fixers, rt.policy.fix.order)
    models = [_for_speed(fixer) for fixer in allowed if not isinstance(fixer, EmbeddedFixer)]
    return [*_revert(found, base, slow.commit, code), *models, PatternFixer()]


def _revert(found: Clone, base: str, commit: str, code: Ground) -> list[Fixer]:
    """The revert of the suspect; the attempt says if later changes build on it, or if it is not the service's alone."""
    try:
        return [revert.fixer(found, base, commit, code)] if commit else []
    except revert.Unfit as reason:
        return [revert.RevertFixer(commit, "", {}, unfit=str(reason))]


def _for_speed(fixer: Any) -> Fixer:
    made = copy.copy(fixer)
    made.kind = Template.PERFORMANCE
    return made


def slowdown(issue: Issue, found: Clone, code: Ground, tree: Path) -> Slowdown:
    """What is known of the slowdown. ``tree`` is the service's folder in a checkout of what production serves."""
    with store.read() as session:
        newest = select(Analysis).where(Analysis.issue_id == issue.id).order_by(col(Analysis.id).desc()).limit(1)
        analysis = session.exec(newest).first()
    known = issue.reverts or (suspects.commit(analysis.evidence) if analysis else "")
    message = analysis.root_cause if analysis else issue.title
    sha, parent = found.commits(known, f"{known}^1") if known else ("", "")
    if not (sha and parent):
        return Slowdown(message)
    names = found.diff(parent, sha, "--no-renames", "--name-only", "-z").split("\0")[:-1][:FILES]
    inside = {name: inner for name in names if (inner := code.inner(name))}
    before, after = ({inner: found.text(at, name) for name, inner in inside.items()} for at in (parent, sha))
    subject = found.git("log", "-1", "--format=%s", "--end-of-options", sha).strip()
    diff = found.diff(parent, sha)[:DIFF]
    return Slowdown(message, sha, subject, diff, places(tree, before, after))


def told(slow: Slowdown) -> Sequence[str]:
    """The suspect change, as a model is told it."""
    return [f"{SUSPECT}{slow.subject}\n{slow.diff}"] if slow.diff else []


def work(slow: Slowdown) -> Quickening:
    return Quickening(slow)
