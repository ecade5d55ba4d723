"""Times: ISO 8601 in its forms, zones, ends of months, moments and days."""

from __future__ import annotations

import ast
import re
from datetime import date, datetime

from core.repair.localize.dataflow import origins
from core.repair.localize.locate import Place
from core.repair.localize.sources import called
from core.repair.localize.syntax import identifier, nodes, receiver
from core.repair.propose.base import Changes, change
from core.repair.propose.documentation import Said
from core.repair.propose.idioms import told
from core.repair.propose.imports import with_import
from core.repair.propose.registry import template
from core.repair.propose.suspects import failing


@template("ValueError")
def iso_time(place: Place) -> Changes:
    """A fixed format that meets another form of ISO 8601."""
    if not re.search(r"does not match format|unconverted data remains|Invalid isoformat", place.message):
        return
    said = told(place, r"ISO", 0.88)
    for node in [n for n in failing(place, ast.Call) if called(n) == "strptime" and len(n.args) == 2]:
        form, owner = ast.unparse(node.args[1]), receiver(node)
        if owner is not None and re.search(r"%Y-%m-%d[T ]%H:%M", form):
            new = f"{place.source(owner)}.fromisoformat({place.source(node.args[0])})"
            yield change(place, place.replace(node, new), "Any form of ISO 8601 is read.", said)
            zulu = form.rstrip("'").endswith("Z") and str(place.value(node.args[0])).endswith("Z")
            naive = said if zulu or told(place, "naive|without (a )?(time )?zone") else None
            text = place.replace(node, f"{new}.replace(tzinfo=None)")
            yield change(place, text, "Any form of ISO 8601 is read, without its zone.", naive)


_PRESENT = ("now", "utcnow", "today")


_MADE = ("fromisoformat", "strptime", "datetime", "fromtimestamp")


@template("TypeError")
def aware(place: Place) -> Changes:
    """A time without a zone meets one with a zone: UTC, where the code says so."""
    if "offset-naive and offset-aware" not in place.message:
        return
    said = told(place, r"\bUTC\b|time zone|Zulu", 0.9)
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
    said = Said("", "the present is the same moment in every zone", 0.85)
    for node in failing(place, ast.BinOp, ast.Compare):
        sides = [node.left, node.right] if isinstance(node, ast.BinOp) else [node.left, *node.comparators]
        other = next((s for s in sides if isinstance(s, ast.Name | ast.Attribute)), None)
        for now in filter(_is_plain_now, sides if other is not None else ()):
            text = place.replace(now, f"{place.source(now.func)}({place.source(other)}.tzinfo)")
            yield change(place, text, f"The present is taken in the zone of {place.source(other)}.", said)


def _is_plain_now(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and called(node) == "now" and not node.args and not node.keywords


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
    sure = Said("", "utcnow() is UTC, and the other time has a zone", 0.9) if called(node) == "utcnow" else None
    why = said or sure or Said("", "the moment is the same in every zone", 0.86)
    text = with_import(place, line, place.replace(node, f"{place.source(owner)}.now({utc})"))
    yield change(place, text, "The present is taken with its zone.", why)


def _zoned(place: Place, node: ast.expr, said: Said | None) -> Changes:
    """Where the time has no zone of its own, UTC."""
    utc, line = _utc(place)
    text = place.source(node)
    says = f"{text} is in UTC where it has no zone of its own."
    if isinstance(node, ast.Name | ast.Attribute):
        new = f"({text} if {text}.tzinfo else {text}.replace(tzinfo={utc}))"
        yield change(place, with_import(place, line, place.replace(node, new)), says, said, less=0.01)
        return
    for statement in [n for n in nodes(place.scope, ast.Assign) if n.value is node]:
        if name := identifier(statement.targets[0]):
            lines = (f"if {name}.tzinfo is None:", f"    {name} = {name}.replace(tzinfo={utc})")
            yield change(place, with_import(place, line, place.after(statement, *lines)), says, said)
    if isinstance(node, ast.Call) and called(node) == "strptime" and "%z" not in text:
        yield change(place, with_import(place, line, place.replace(node, f"{text}.replace(tzinfo={utc})")), says, said)


@template("ValueError")
def month_end(place: Place) -> Changes:
    """29 February in another year, the 31st in another month: the month's last day, when that is documented."""
    if not re.search(r"day is out of range for month|day must be in", place.message):
        return
    said = told(place, r"last day|end of (the )?month|28(th)? (of )?Feb\w*|Feb\w* 28|clamp|shorter month", 0.92)
    for node in failing(place, ast.Call):
        if new := _clamped(place, node):
            text = with_import(place, "import calendar", place.replace(node, new))
            yield change(place, text, "The month's last day is taken where it is shorter.", said)


def _clamped(place: Place, node: ast.Call) -> str:
    """The call with a day that the month has; empty where the call makes no date."""
    if called(node) in ("date", "datetime") and len(node.args) >= 3:
        year, month, day, *rest = map(place.source, node.args)
        last = f"calendar.monthrange({year}, {month})[1]"
        return f"{place.source(node.func)}({', '.join([year, month, f'min({day}, {last})', *rest])})"
    parts = {k.arg: place.source(k.value) for k in node.keywords}
    owner = receiver(node)
    if owner is None or called(node) != "replace" or "day" in parts:
        return ""
    day = place.source(owner)
    last = f"calendar.monthrange({parts.get('year', f'{day}.year')}, {parts.get('month', f'{day}.month')})[1]"
    return f"{place.source(node)[:-1].rstrip().rstrip(',')}, day=min({day}.day, {last}))"


_DAY_AND_MOMENT = (
    r"can't compare datetime.datetime to datetime.date|'datetime.date' and 'datetime.datetime'|"
    r"'datetime.datetime' and 'datetime.date'"
)


_TEXT_AND_TIME = re.compile(
    r"'str' and 'datetime\.(date|datetime)'|'datetime\.(date|datetime)' and 'str'|"
    r"must be (?:a )?datetime\.(date|datetime), not str|argument must be a (date|datetime)"
)


@template("TypeError")
def from_text(place: Place) -> Changes:
    """A date that came as text, in ISO 8601, where the other side is a date."""
    match = _TEXT_AND_TIME.search(place.message)
    if not match:
        return
    kind = next((g for g in match.groups() if g), "")
    for node in failing(place, ast.Name, ast.Attribute, ast.Subscript, ast.Call):
        value = place.value(node)
        if isinstance(value, str) and _reads(kind, value):
            said = Said("", f"{place.source(node)} is a text such as {value!r}, the other side a {kind}", 0.86)
            whole = re.search(r"^import datetime\b", place.text, re.M)
            owner, line = (f"datetime.{kind}", "") if whole else (kind, f"from datetime import {kind}")
            text = place.replace(node, f"{owner}.fromisoformat({place.source(node)})")
            yield change(place, with_import(place, line, text), f"{place.source(node)} is read as a {kind}.", said)


def _reads(kind: str, value: str) -> bool:
    try:
        return bool({"date": date, "datetime": datetime}[kind].fromisoformat(value))
    except ValueError:
        return False


@template("TypeError")
def dates(place: Place) -> Changes:
    """A moment compared with a day: its day."""
    if not re.search(_DAY_AND_MOMENT, place.message):
        return
    for node in failing(place, ast.Name, ast.Attribute, ast.Subscript, ast.Call):
        if place.kind(node) == "datetime":
            text = place.source(node)
            new = place.replace(node, f"{text}.date()")
            yield change(place, new, f"The day of {text} is compared.", Said("", "the other side is a day", 0.84))
