"""Repairs operations on times with and without a time zone, which cannot be compared or subtracted."""

from __future__ import annotations

import ast
import re

from core.repair.localize.dataflow import origins
from core.repair.localize.locate import Place
from core.repair.localize.sources import called
from core.repair.localize.syntax import identifier, nodes, receiver
from core.repair.propose.base import Changes, Clue, change, failing
from core.repair.propose.documentation import stated
from core.repair.propose.imports import with_import
from core.repair.propose.registry import operator
from core.repair.types import Evidence

_PRESENT = ("now", "utcnow", "today")
_MADE = ("fromisoformat", "strptime", "datetime", "fromtimestamp")


@operator("TypeError")
def aware(place: Place) -> Changes:
    """Get the current time with its zone; treat another time without a zone as UTC, if documented."""
    if "offset-naive and offset-aware" not in place.message:
        return
    clue = stated(place, r"\bUTC\b|time zone|Zulu")
    for node in failing(place, ast.Name, ast.Attribute, ast.Subscript, ast.Call):
        naive = place.kind(node) == "datetime" and "tzinfo" not in (place.frame.locals or {}).get(ast.unparse(node), "")
        for here, origin in [(place, node), *origins(place, node)]:
            name = called(origin) if isinstance(origin, ast.Call) else ""
            if name in _PRESENT:
                yield from _now(here, origin, clue)
            elif naive and (origin is node or name in _MADE):
                yield from _zoned(here, origin, clue)


def _utc(place: Place) -> tuple[str, str]:
    """(the module's expression for UTC, the missing import line)."""
    if re.search(r"^import datetime\b", place.text, re.M):
        return "datetime.timezone.utc", ""
    if re.search(r"^from datetime import .*\bUTC\b", place.text, re.M):
        return "UTC", ""
    has = re.search(r"^from datetime import .*\btimezone\b", place.text, re.M)
    return "timezone.utc", "" if has else "from datetime import timezone"


def _now(place: Place, node: ast.expr, clue: Clue | None) -> Changes:
    utc, line = _utc(place)
    owner = receiver(node) if isinstance(node, ast.Call) else None
    if owner is not None:
        why = clue or Clue("", "the moment is the same in every zone", Evidence.TYPE)
        text = with_import(place, line, place.replace(node, f"{place.source(owner)}.now({utc})"))
        yield change(place, text, "The present is taken with its zone.", why)


def _zoned(place: Place, node: ast.expr, clue: Clue | None) -> Changes:
    """Set UTC on a time without a zone: in the expression, or after the assignment of the time."""
    (utc, line), text = _utc(place), place.source(node)
    rationale = f"{text} is in UTC where it has no zone of its own."
    if isinstance(node, ast.Name | ast.Attribute):
        new = f"({text} if {text}.tzinfo else {text}.replace(tzinfo={utc}))"
        yield change(place, with_import(place, line, place.replace(node, new)), rationale, clue, 1)
    for name in [identifier(n.targets[0]) for n in nodes(place.scope, ast.Assign) if n.value is node]:
        statement = next(n for n in nodes(place.scope, ast.Assign) if n.value is node)
        lines = (f"if {name}.tzinfo is None:", f"    {name} = {name}.replace(tzinfo={utc})")
        yield change(place, with_import(place, line, place.after(statement, *lines)), rationale, clue)
    if isinstance(node, ast.Call) and called(node) == "strptime" and "%z" not in text:
        zoned = place.replace(node, f"{text}.replace(tzinfo={utc})")
        yield change(place, with_import(place, line, zoned), rationale, clue)
