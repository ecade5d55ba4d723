"""The fix of an unsafe line: a certain edit, else a model's, proved by a test of the unsafe input."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from core.models import Cause
from core.repair.types import FixResult

if TYPE_CHECKING:
    from core.stages.security.fix import Bench


def repair(bench: Bench, details: Sequence[Mapping[str, Any]]) -> FixResult:
    return FixResult("escalate", "No edit of this line is certain.", Cause.SECURITY, "Change it by hand.", final=True)
