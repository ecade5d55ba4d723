"""Text to HTML. Every text goes through ``esc``, because signals and issues are untrusted.

``Safe`` marks our own HTML; ``tag`` escapes everything else.
"""

from __future__ import annotations

import re
from contextvars import ContextVar
from datetime import UTC, datetime, tzinfo
from functools import cache
from html import escape

SPECIAL = re.compile("[&<>\"']")
ZONE: ContextVar[tzinfo] = ContextVar("zone", default=UTC)  # of the person who sees the page


class Safe(str):
    """HTML built by this package."""


def esc(text: object) -> Safe:
    """Escaped text; None becomes empty."""
    return text if isinstance(text, Safe) else Safe("" if text is None else _escaped(str(text)))


def _escaped(text: str) -> str:
    """Most texts have nothing to escape, which one search tells faster than five replacements."""
    return escape(text) if SPECIAL.search(text) else text


def plain(text: str) -> str:
    """Text for Streamlit's messages, which read Markdown: links, images, code and directives of it stay text."""
    return re.sub(r"([\\`*_\[\]<>$~]|:(?=\w))", r"\\\1", text)


def tag(name: str, *inner: object, **attributes: object) -> Safe:
    """One element. ``class_`` and ``data_x`` become class and data-x; None omits an attribute."""
    shown = "".join(
        [f' {_attribute(key)}="{_escaped(str(value))}"' for key, value in attributes.items() if value is not None]
    )
    return Safe(f"<{name}{shown}>{''.join([esc(part) for part in inner])}</{name}>")


@cache
def _attribute(key: str) -> str:
    return key.strip("_").replace("_", "-")


def join(parts, between: str = "") -> Safe:
    return Safe(between.join(map(esc, parts)))


def link(href: str, *inner: object, class_: str | None = None) -> Safe:
    """A link inside the console: live.py turns its click into a page switch without a reload."""
    return tag("a", *inner, href=href, target="_self", data_nav="", class_=class_)


SPANS = ((60, 1, "s"), (3600, 60, "min"), (86400, 3600, "h"), (float("inf"), 86400, "d"))


def span(seconds: float | None) -> str:
    """A length of time in its natural unit: 41 s, 3.5 min, 2 h, 4 d; a dash if it is unknown."""
    if seconds is None:
        return "–"
    unit, name = next((unit, name) for limit, unit, name in SPANS if abs(seconds) < limit)
    return f"{round(seconds / unit, 1 if seconds / unit < 10 and unit > 1 else 0):g} {name}"


def when(at: datetime | None) -> Safe:
    """How long ago, with the exact time and its zone in the title; live.py keeps it up to date."""
    if at is None:
        return tag("span", "never", class_="d-muted")
    seconds = (datetime.now(UTC) - at).total_seconds()
    text = f"{span(seconds)} ago" if seconds >= 0 else f"in {span(-seconds)}"
    return tag("time", text, datetime=at.isoformat(), title=moment(at), data_ago="")


def due(at: datetime | None) -> Safe:
    """How long until then; "due now" once it has come, also on a page that stays open."""
    ahead = (at - datetime.now(UTC)).total_seconds() if at else 0
    if at is None or ahead <= 0:
        return esc("due now")
    return tag("time", f"in {span(ahead)}", datetime=at.isoformat(), title=moment(at), data_ago="due now")


def clock(at: datetime | None) -> str:
    return f"{at.astimezone(ZONE.get()):%H:%M:%S %Z}" if at else "–"


def moment(at: datetime | None) -> str:
    return f"{at.astimezone(ZONE.get()):%Y-%m-%d %H:%M:%S %Z}" if at else "–"


def percent(share: float | None, digits: int = 0) -> str:
    return "–" if share is None else f"{share:.{digits}%}".replace("%", " %")


def number(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}"
