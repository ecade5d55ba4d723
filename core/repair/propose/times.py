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
    """A time without a zone meets one with a zone: UTC, where the code says so."""
    if "offset-naive and offset-aware" not in place.message:
        return
    said = told(place, r"\bUTC\b|time zone|Zulu")
    yield from _like_other(place)
    for node in failing(place, ast.Name, ast.Attribute, ast.Subscript, ast.Call):
        if isinstance(node, ast.Call) and called(node) in _PRESENT:
            yield from _now(place, node, said)
        elif place.kind(node) == "datetime" and "tzinfo" not in _repr(place, node):
            yield from _zoned(place, node, said)
            yield from _at_origins(place, node, said)


def _at_origins(place: Place, node: ast.expr, said: Said | None) -> Changes:
    """The zone put in where the time was made."""
    for at, origin in origins(place, node):
        if isinstance(origin, ast.Call) and called(origin) in _PRESENT:
            yield from _now(at, origin, said)
        elif isinstance(origin, ast.Call) and called(origin) in _MADE:
            yield from _zoned(at, origin, said)


def _like_other(place: Place) -> Changes:
    """The present in the zone of the time that it meets, which may also have none."""
    said = Said("", "the present is the same moment in every zone", Evidence.TYPE)
    for node in failing(place, ast.BinOp, ast.Compare):
        sides = [node.left, node.right] if isinstance(node, ast.BinOp) else [node.left, *node.comparators]
        other = next((s for s in sides if isinstance(s, ast.Name | ast.Attribute)), None)
        zone = place.source(other) if other is not None else ""
        for now in [s for s in sides if zone and isinstance(s, ast.Call) and _is_plain_now(s)]:
            text = place.replace(now, f"{place.source(now.func)}({zone}.tzinfo)")
            yield change(place, text, f"The present is taken in the zone of {zone}.", said)


def _is_plain_now(node: ast.Call) -> bool:
    return called(node) == "now" and not node.args and not node.keywords


def _repr(place: Place, node: ast.expr) -> str:
    return (place.frame.locals or {}).get(ast.unparse(node), "")


def _utc(place: Place) -> tuple[str, str]:
    """How the module says UTC, with the import line that it lacks."""
    if re.search(r"^import datetime\b", place.text, re.M):
        return "datetime.timezone.utc", ""
    if re.search(r"^from datetime import .*\bUTC\b", place.text, re.M):
        return "UTC", ""
    has = re.search(r"^from datetime import .*\btimezone\b", place.text, re.M)
    return "timezone.utc", "" if has else "from datetime import timezone"


def _now(place: Place, node: ast.Call, said: Said | None) -> Changes:
    utc, line = _utc(place)
    owner = receiver(node)
    if owner is None:
        return
    sure = (
        Said("", "utcnow() is UTC, and the other time has a zone", Evidence.TYPE) if called(node) == "utcnow" else None
    )
    why = said or sure or Said("", "the moment is the same in every zone", Evidence.TYPE)
    text = with_import(place, line, place.replace(node, f"{place.source(owner)}.now({utc})"))
    yield change(place, text, "The present is taken with its zone.", why)


def _zoned(place: Place, node: ast.expr, said: Said | None) -> Changes:
    """Where the time has no zone of its own, UTC."""
    utc, line = _utc(place)
    text = place.source(node)
    says = f"{text} is in UTC where it has no zone of its own."
    if isinstance(node, ast.Name | ast.Attribute):
        new = f"({text} if {text}.tzinfo else {text}.replace(tzinfo={utc}))"
        yield change(place, with_import(place, line, place.replace(node, new)), says, said, 1)
        return
    for statement in [n for n in nodes(place.scope, ast.Assign) if n.value is node]:
        if name := identifier(statement.targets[0]):
            lines = (f"if {name}.tzinfo is None:", f"    {name} = {name}.replace(tzinfo={utc})")
            yield change(place, with_import(place, line, place.after(statement, *lines)), says, said)
    if isinstance(node, ast.Call) and called(node) == "strptime" and "%z" not in text:
        yield change(place, with_import(place, line, place.replace(node, f"{text}.replace(tzinfo={utc})")), says, said)
