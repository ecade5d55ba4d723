"""What was seen at a preview: the smoke command, whose output is a stranger's text, and the names of its variables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from console.ui.markup import Safe, esc, span, tag
from console.ui.widgets import checks, code, table

SHOWN = ("preview", "production")


def found(judged: Mapping[str, Any]) -> Safe:
    """What the command was, how it ended, and its output; nothing where none ran."""
    ran = judged.get("smoke")
    if not ran:
        return esc("")
    took = f" ({span(ran['seconds'])})" if "seconds" in ran else ""
    output = tag("details", tag("summary", "Output"), code(ran["output"])) if ran.get("output") else ""
    ended = checks([(bool(ran["passed"]), f"{ran['says']}{took}")])
    return tag("div", tag("p", tag("code", ran["command"])), ended, output)


def variables(compared: Mapping[str, Mapping[str, str]]) -> Safe:
    """How each variable at the vendor compared with the policy, by environment. There are no values."""
    rows = ((tag("code", name), *(by.get(where, "-") for where in SHOWN)) for name, by in sorted(compared.items()))
    return table(("Variable", *SHOWN), rows)
