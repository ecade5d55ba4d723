"""The fingerprint of a signal: a stable key, its parts, and a description for people.

The key of a crash covers its service, type, the program's own calls (file and function, no line numbers),
the failed operation and its subject, and the type of its root cause. Without a crash, the key covers the log
template or the monitor.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from core.models import Crash, Kind, Record
from core.models.patterns import Linear
from core.signals.grouping import stack
from core.signals.grouping.masking import mask

CALLS = 3  # innermost calls that count: the entry point may differ, the failing place may not

# (in the message, pattern's second word); the first match wins, for all vendors
OPERATIONS = [
    (re.compile(p), kind)
    for p, kind in (
        (
            r"'NoneType' object has no attribute|of (null|undefined)|because (?:(?!because ).)* is null",
            "none-attribute",
        ),
        (r"has no attribute|is not a function", "attribute"),
        (r"'NoneType' object is not|object of type 'NoneType'|and 'NoneType'|'NoneType' and", "none-value"),
        (r"object is not (subscriptable|iterable|callable)|does not support item", "wrong-type"),
        (r"unsupported operand|not supported between|can only concatenate|must be str, not", "operand"),
        (r"positional argument|keyword argument|takes \d|missing \d", "arguments"),
        (r"invalid literal|could not convert|does not match format|unconverted data", "parse"),
        (r"Expecting (value|property)|Unexpected token", "parse"),
        (r"unpack", "unpack"),
        (r"division|modulo by zero", "division"),
        (r"changed size during iteration", "iteration"),
        (r"codec can't|encode|decode", "decode"),
        (r"[Cc]onnection (refused|reset|aborted)|ECONNREFUSED|ECONNRESET", "connection"),
        (r"timed? ?out|ETIMEDOUT|deadline", "timeout"),
        (r"No such file|ENOENT", "missing-file"),
    )
]
BY_TYPE = {
    "KeyError": "subscript",
    "IndexError": "subscript",
    "ZeroDivisionError": "division",
    "AttributeError": "attribute",
    "NameError": "name",
    "UnboundLocalError": "name",
    "ImportError": "import",
    "ModuleNotFoundError": "import",
    "UnicodeDecodeError": "decode",
    "UnicodeEncodeError": "decode",
    "RecursionError": "recursion",
    "StopIteration": "iteration",
    "AssertionError": "assertion",
    "TimeoutError": "timeout",
    "ConnectionRefusedError": "connection",
    "FileNotFoundError": "missing-file",
    "JSONDecodeError": "parse",
    "MemoryError": "memory",
}
SUBJECTS = (  # what a message names as being at fault; the first match wins
    re.compile(r"has no attribute '(\w+)'|reading '(\w+)'"),
    re.compile(r"No module named '([\w.]+)'|cannot import name '(\w+)'|name '(\w+)' is not defined|variable '(\w+)'"),
    re.compile(r"(?:missing|unexpected) (?:(?!missing |unexpected )[^'])*argument:? '(\w+)'"),
    re.compile(r"host='([\w.-]+)'|//([A-Za-z][\w.-]*)"),
    re.compile(r"(?:host|server|database|to|with|from|by|at) \"?([a-z][\w-]*\.[\w.-]*\w)"),
    re.compile(r"(?:relation|table|column):? [\"']?(\w+)"),
    Linear(
        r"[Nn]o such (?:file|table|column)[^'\"/]*[:'\" ]+(?:[^'\"\s]*/)?([\pL\pN_.-]+)",
        needs=("o such ",),
    ),
)
DIGITS = re.compile(r"\d+")
PROGRAM_OWN = re.compile(r"^\s*raise\b|^\s*throw\b")


@dataclass(frozen=True)
class Fingerprint:
    """``pattern`` is the key of learning (type and operation, in any service)."""

    key: str
    parts: tuple[str, ...]
    because: str
    pattern: str
    type: str = ""
    subject: str = ""  # the key, attribute, host, file ... named as being at fault
    calls: tuple[str, ...] = ()  # outermost first
    code: str = ""  # the statement that failed
    root: str = ""  # type of the root cause, if another exception led to this one
    crash: Crash | None = field(default=None, compare=False, repr=False)


def fingerprint(record: Record, template: Callable[[str], str] = mask) -> Fingerprint:
    """The fingerprint of a record. ``template`` turns a log line into its template."""
    if record.kind in (Kind.EXCEPTION, Kind.LOG, Kind.REPORT) and (crash := stack.crash_of(record)):
        return of_crash(crash, record.service, template)
    if record.kind in (Kind.ALERT, Kind.METRIC):
        return _of_alert(record, template)
    if record.kind is Kind.SECURITY:
        return _of_finding(record)
    message = template(record.message or record.title)
    because = f'same message of {record.service or "a service"}: "{message[:120]}"'
    return _make((record.kind, record.service, message), because, f"{record.kind}/{message[:60]}")


def of_crash(crash: Crash, service: str = "", template: Callable[[str], str] = mask) -> Fingerprint:
    """The fingerprint of a crash; without frames, the message's template replaces the place."""
    kind, calls = crash.exception.type, stack.calls(crash.frames)
    code = " ".join(crash.frames[-1].code.split()) if crash.frames else ""
    root = crash.chain[-1].type if crash.chain else ""
    place = calls[-CALLS:] or (service, template(crash.exception.message))
    subject = _subject(crash, code)
    because = f"same {kind}{subject and ' (' + subject + ')'}"
    because += f" in {' ← '.join(reversed(place))}" if calls else f' with the message "{place[1][:100]}"'
    because += f", caused by {root}" if root else ""
    pattern = f"{kind}/{operation(crash)}"
    parts = (service.lower(), kind, operation(crash), *place, subject, root)
    return _make(parts, because, pattern, type=kind, subject=subject, calls=calls, code=code, root=root, crash=crash)


def operation(crash: Crash) -> str:
    """The failed operation in one word, taken from the message first, so that all vendors agree."""
    message = crash.exception.message
    if not crash.exception.type.endswith("KeyError"):  # its message is data
        for found, word in OPERATIONS:
            if found.search(message):
                return word
    if crash.exception.type in BY_TYPE:
        return BY_TYPE[crash.exception.type]
    return "raise" if crash.frames and PROGRAM_OWN.match(crash.frames[-1].code) else "other"


def _subject(crash: Crash, code: str) -> str:
    """The name at fault, if it appears in the code; a key that is data would split one bug into many."""
    message = crash.exception.message
    if crash.exception.type == "KeyError" and len(message) > 2 and message[0] in "'\"":
        return message if message in code or f'"{message[1:-1]}"' in code else ""
    found = next(filter(None, (pattern.search(message) for pattern in SUBJECTS)), None)
    name = next(filter(None, found.groups())) if found else ""
    return "" if any(c.isdigit() for c in name) and "." not in name.strip(".") else DIGITS.sub("*", name)


def _of_alert(record: Record, template: Callable[[str], str]) -> Fingerprint:
    names = ("monitor_id", "alarm_name", "alarm", "condition_id", "policy", "metric", "name")
    monitor = next((str(record.attributes[n]) for n in names if record.attributes.get(n)), "")
    name = monitor or template(record.title)
    because = f'same {record.kind} of {record.service or record.source}: "{name[:120]}"'
    return _make((record.kind, record.service, name), because, f"{record.kind}/{template(record.title)[:60]}")


def _of_finding(record: Record) -> Fingerprint:
    """By the package, or the statement and its weakness, in one repository (core/signals/security/finding.py)."""
    key, details = str(record.attributes.get("key")), record.attributes.get("details")
    named = details if isinstance(details, dict) else {}
    what = str(named.get("package") or f"{named.get('path')} {named.get('code')}")[:120]
    return _make((Kind.SECURITY, key), f"same finding: {what}", f"security/{named.get('rule') or 'upgrade'}"[:80])


def _make(parts: tuple[str, ...], because: str, pattern: str, **more) -> Fingerprint:
    key = hashlib.sha256("\x1f".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return Fingerprint(key, tuple(map(str, parts)), because, pattern, **more)
