"""A crash's root cause in plain words: which operation failed on which value, and where that value came from.

Sentences are built from the failing statement's text and the frame's locals. Both are untrusted: they are
truncated and only quoted.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from core.models import Frame, Raised
from core.signals.grouping.stack import normal_file

NONE = ("None", "null", "undefined")
CODE = 500  # characters of a statement that are searched
NAME = r"[A-Za-z_][\w.]*(?:\[[^\]]*\]|\([^()]*\))*"


def explain(raised: Raised, frames: tuple[Frame, ...], operation: str) -> str:
    """One or two sentences, from the program's own innermost frame."""
    own = [frame for frame in frames if frame.in_app]
    if not own:
        return f"{raised.type}: {_cut(raised.message, 200)}" if raised.message else raised.type
    frame = own[-1]
    what = WORDS.get(operation, _other)(raised, frame)
    return " ".join(filter(None, (f"In {place(frame)}, {what}.", _origin(own, _culprit(frame, operation)))))


def place(frame: Frame) -> str:
    return f"{normal_file(frame.file)}:{frame.line} ({frame.function})"


def _none_attribute(raised: Raised, frame: Frame) -> str:
    attribute = re.search(r"attribute '(\w+)'|reading '(\w+)'", raised.message)
    name = next(filter(None, attribute.groups())) if attribute else "something"
    return f"`.{name}` is asked of {_quoted(_before(frame.code, name))}, which is None"


def _attribute(raised: Raised, frame: Frame) -> str:
    return f"`{_cut(frame.code)}` asks for an attribute that is not there: {_cut(raised.message, 160)}"


def _none_value(raised: Raised, frame: Frame) -> str:
    names = [name for name, value in (frame.locals or {}).items() if value in NONE and name in frame.code]
    holder = f"`{names[0]}`, which is None" if names else "a value that is None"
    return f"`{_cut(frame.code)}` uses {holder}: {_cut(raised.message, 160)}"


def _subscript(raised: Raised, frame: Frame) -> str:
    holder = _container(frame.code)
    held = (frame.locals or {}).get(holder, "")
    holds = f", which holds {_cut(held, 100)}" if held else ""
    if raised.type == "IndexError":
        return f"`{_cut(frame.code)}` reaches past the end of {_quoted(holder)}{holds}"
    return f"the key {_cut(raised.message, 80)} is not in {_quoted(holder)}{holds}"


def _division(_raised: Raised, frame: Frame) -> str:
    zero = _zero(frame)
    return f"`{_cut(frame.code)}` divides by {f'`{zero}`, which is 0' if zero else 'zero'}"


def _other(raised: Raised, frame: Frame) -> str:
    names = _names(frame.code)
    values = [f"{name} = {_cut(value, 60)}" for name, value in (frame.locals or {}).items() if name in names]
    note = f" with {', '.join(values[:3])}" if values else ""
    return f"`{_cut(frame.code)}` raises {raised.type} ({_cut(raised.message, 160)}){note}"


WORDS: dict[str, Callable[[Raised, Frame], str]] = {
    "none-attribute": _none_attribute,
    "attribute": _attribute,
    "none-value": _none_value,
    "subscript": _subscript,
    "division": _division,
}


def _culprit(frame: Frame, operation: str) -> str:
    """The local name whose value is at fault, if known."""
    if operation == "division":
        return _zero(frame)
    if operation == "subscript":
        return _container(frame.code)
    wrong = [name for name, value in (frame.locals or {}).items() if value in NONE]
    return next((name for name in wrong if name in _names(frame.code)), "")


def _origin(own: list[Frame], name: str) -> str:
    """Where the value came from: the outermost of the nearest callers that pass on a value with that name."""
    if not name or len(own) < 2 or name not in (own[-1].locals or {}):
        return ""
    caller = own[-2]
    if not caller.code:
        return ""
    return f"`{name}` came from {place(caller)}: `{_cut(caller.code)}`."


def _before(code: str, attribute: str) -> str:
    found = re.search(rf"({NAME})\??\.{attribute}\b", code[:CODE]) if attribute.isidentifier() else None
    return found[1] if found else ""


def _container(code: str) -> str:
    found = re.search(r"([A-Za-z_][\w.]*)\[|([A-Za-z_][\w.]*)\.pop\(", code[:CODE])
    return next(filter(None, found.groups())) if found else ""


def _zero(frame: Frame) -> str:
    zero = [name for name, value in (frame.locals or {}).items() if value in ("0", "0.0", "Decimal('0')")]
    divisor = re.search(r"(?://?|%)\s*+(?:\(\s*+)?([A-Za-z_]\w*)", frame.code)
    if divisor and divisor[1] in zero:
        return divisor[1]
    return next((name for name in zero if name in _names(frame.code)), "")


def _names(code: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", code))


def _quoted(name: str) -> str:
    return f"`{_cut(name)}`" if name else "a value"


def _cut(text: str, most: int = 120) -> str:
    text = " ".join(text[: 20 * most].split()).replace("`", "'")
    return text if len(text) <= most else text[: most - 1] + "…"
