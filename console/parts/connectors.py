"""The state of each connector, and advice for a failing one, for Pipeline and Settings."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime

from console.ui.markup import Safe, clock, number, span, tag, when
from console.ui.widgets import badge, table
from core.models import Connector
from core.models.counted import counted
from core.models.inputs import NOTHING

ADVICE = (  # the first pattern found in the error wins
    (
        r"\b429\b|rate limit|too many requests",
        "The vendor limits our requests. No action needed; the platform retries.",
    ),
    (r"\b401\b|unauthorized|bad.?api.?key|invalid token", "The vendor rejected the key. Create a new key and set it."),
    (r"\b403\b|forbidden", "The key lacks a permission, or the site or region is wrong."),
    (r"\b404\b|not found", "The organisation, project or account does not exist. Check its name."),
    (r"timed? ?out|timeout|still reading", "The vendor is slow. The next collection cycle tries again."),
    (r"connect|resolve|network|dns|refused", "The address is unreachable. Check the URL, proxy and firewall."),
    (r"certificate|ssl|tls", "This machine does not trust the certificate of the address."),
    (r"\b5\d\d\b|server error", "The vendor has an outage. No action needed; the platform retries."),
    (r"toml|policy", "Fix platform.toml. Until then, the last valid policy applies."),
)


def advice(error: str | None) -> str:
    """What a person can do about the error; "" without an error."""
    if not error:
        return ""
    found = (message for pattern, message in ADVICE if re.search(pattern, error, re.IGNORECASE))
    return next(found, "Run python -m core doctor to check every connector.")


def sentence(text: str) -> str:
    return text if not text or text.endswith((".", "!", "?")) else f"{text}."


def _state(c: Connector, now: datetime) -> Safe:
    if not c.failures and not c.error and c.note.startswith(NOTHING):
        return tag("span", badge("wait", "…", "waiting"), tag("small", sentence(c.note)))
    if not c.failures and not c.error:
        return tag("span", badge("ok", "✓", "works"), tag("small", c.note) if c.note else "")
    return _broken(c, now)


def _broken(c: Connector, now: datetime) -> Safe:
    rests = f" Paused until {clock(c.open_until)}." if c.open_until and c.open_until > now else ""
    failed = f"{counted(c.failures, 'failure')} in a row" if c.failures else "error"
    return tag(
        "span",
        badge("bad", "✕", failed),
        tag("small", sentence(c.error or ""), rests),
        tag("small", tag("b", "What to do: "), advice(c.error)) if c.error else "",
    )


def _row(c: Connector, now: datetime) -> tuple:
    return (
        tag("b", c.name),
        _state(c, now),
        when(c.last_success),
        span(c.lag_seconds),
        number(c.calls_left),
        number(c.vendor_left),
        number(c.records),
    )


def drawn(connectors: Iterable[Connector]) -> Safe:
    """Every connector with the remaining call budget and vendor quota."""
    now = datetime.now(UTC)
    heads = ("Source", "State", "Last success", "Lag", "Calls left this cycle", "Vendor quota left", "Records")
    return table(heads, (_row(c, now) for c in connectors), (3, 4, 5, 6))


def short(connectors: Iterable[Connector]) -> Safe:
    """Only the columns that fit on a narrow card."""
    now = datetime.now(UTC)
    return table(("Source", "State", "Last success", "Lag"), (_row(c, now)[:4] for c in connectors), (3,))
