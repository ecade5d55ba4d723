"""How each connector fares, and what to do about one that fails: for Pipeline and Settings."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime

from console.ui.markup import Safe, clock, number, span, tag, when
from console.ui.widgets import badge, table
from core.models import Connector

ADVICE = (  # the first whose pattern is in the error
    (r"\b429\b|rate limit|too many requests", "The vendor limits the calls: nothing to do, it is asked again later."),
    (r"\b401\b|unauthorized|bad.?api.?key|invalid token", "The key is not accepted: make a new one and set it."),
    (r"\b403\b|forbidden", "The key lacks a right, or the site or region is another one."),
    (r"\b404\b|not found", "The organisation, project or account is not there: check its name."),
    (r"timed? ?out|timeout|still reading", "The vendor answers slowly; it is read again in the next round."),
    (r"connect|resolve|network|dns|refused", "The address cannot be reached from here: check URL, proxy and firewall."),
    (r"certificate|ssl|tls", "The address shows a certificate that is not trusted here."),
    (r"\b5\d\d\b|server error", "The fault is the vendor's: nothing to do, it is asked again."),
    (r"toml|policy", "Mend platform.toml; until then the last good one is used."),
)


def advice(error: str | None) -> str:
    """What a person may do about the error; "" when there is none."""
    if not error:
        return ""
    found = (says for pattern, says in ADVICE if re.search(pattern, error, re.IGNORECASE))
    return next(found, "`python -m core doctor` asks every connector and says what is missing.".replace("`", ""))


def sentence(text: str) -> str:
    return text if not text or text.endswith((".", "!", "?")) else f"{text}."


def _state(c: Connector, now: datetime) -> Safe:
    if not c.failures and not c.error:
        return tag("span", badge("ok", "✓", "works"), tag("small", c.note) if c.note else "")
    rests = f" Rests until {clock(c.open_until)}." if c.open_until and c.open_until > now else ""
    failed = f"failed {c.failures}× in a row" if c.failures else "has a fault"
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
    """Every connector with what its budget and its vendor's limit still allow."""
    now = datetime.now(UTC)
    heads = ("Source", "State", "Last success", "Lag", "Calls left this round", "Left at the vendor", "Records")
    return table(heads, (_row(c, now) for c in connectors), (3, 4, 5, 6))


def short(connectors: Iterable[Connector]) -> Safe:
    """What a narrow card has room for."""
    now = datetime.now(UTC)
    return table(("Source", "State", "Last success", "Lag"), (_row(c, now)[:4] for c in connectors), (3,))
