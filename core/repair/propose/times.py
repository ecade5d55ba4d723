"""Times with and without a zone, which the language does not compare or subtract."""

from __future__ import annotations

import ast
import re

from core.repair.localize.dataflow import origins
from core.repair.localize.locate import Place
from core.repair.localize.sources import called
from core.repair.localize.syntax import identifier, nodes, receiver
from core.repair.propose.base import Changes, Said, change, failing
from core.repair.propose.documentation import told
from core.repair.propose.imports import with_import
from core.repair.propose.registry import operator
from core.repair.types import Evidence

_PRESENT = ("now", "utcnow", "today")
_MADE = ("fromisoformat", "strptime", "datetime", "fromtimestamp")


@operator("TypeError")
def aware(place: Place) -> Changes:
    """The present is taken with its zone; another time is in UTC where it has none, as documented."""
    if "offset-naive and offset-aware" not in place.message:
        return
    said = told(place, r"\bUTC\b|time zone|Zulu")
    for node in failing(place, ast.Name, ast.Attribute, ast.Subscript, ast.Call):
        naive = place.kind(node) == "datetime" and "tzinfo" not in (place.frame.locals or {}).get(ast.unparse(node), "")
        for here, origin in [(place, node), *origins(place, node)]:
            name = called(origin) if isinstance(origin, ast.Call) else ""
            if name in _PRESENT:
                yield from _now(here, origin, said)
            elif naive and (origin is node or name in _MADE):
                yield from _zoned(here, origin, said)


def _utc(place: Place) -> tuple[str, str]:
    """How the module says UTC, with the import line that it lacks."""
    if re.search(r"^import datetime\b", place.text, re.M):
        return "datetime.timezone.utc", ""
    if re.search(r"^from datetime import .*\bUTC\b", place.text, re.M):
        return "UTC", ""
    has = re.search(r"^from datetime import .*\btimezone\b", place.text, re.M)
    return "timezone.utc", "" if has else "from datetime import timezone"


def _now(place: Place, node: ast.expr, said: Said | None) -> Changes:
    utc, line = _utc(place)
    owner = receiver(node) if isinstance(node, ast.Call) else None
    if owner is not None:
        why = said or Said("", "the moment is the same in every zone", Evidence.TYPE)
        text = with_import(place, line, place.replace(node, f"{place.source(owner)}.now({utc})"))
        yield change(place, text, "The present is taken with its zone.", why)


def _zoned(place: Place, node: ast.expr, said: Said | None) -> Changes:
    """Where the time has no zone of its own, UTC: in its place, or below the assignment that makes it."""
    (utc, line), text = _utc(place), place.source(node)
    rationale = f"{text} is in UTC where it has no zone of its own."
    if isinstance(node, ast.Name | ast.Attribute):
        new = f"({text} if {text}.tzinfo else {text}.replace(tzinfo={utc}))"
        yield change(place, with_import(place, line, place.replace(node, new)), rationale, said, 1)
    for name in [identifier(n.targets[0]) for n in nodes(place.scope, ast.Assign) if n.value is node]:
        statement = next(n for n in nodes(place.scope, ast.Assign) if n.value is node)
        lines = (f"if {name}.tzinfo is None:", f"    {name} = {name}.replace(tzinfo={utc})")
        yield change(place, with_import(place, line, place.after(statement, *lines)), rationale, said)
    if isinstance(node, ast.Call) and called(node) == "strptime" and "%z" not in text:
        zoned = place.replace(node, f"{text}.replace(tzinfo={utc})")
        yield change(place, with_import(place, line, zoned), rationale, said)
