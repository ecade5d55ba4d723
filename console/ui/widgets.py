"""Badges, cards, tables, timeline and receipt, as safe HTML; ``draw`` puts them on the page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import streamlit as st

from console.ui.markup import Safe, esc, join, link, moment, percent, tag, when
from core.models import Impact, Issue, Severity, Status, Verdict
from core.policy.sections import Watch
from core.queries.issues import TimelineEvent

Look = tuple[str, str, str]  # tone, sign, words

STATUS: Mapping[Status, Look] = {
    Status.NEW: ("calm", "○", "new"),
    Status.ANALYZING: ("work", "◔", "analyzing"),
    Status.DECIDING: ("work", "◔", "deciding"),
    Status.SCHEDULED: ("wait", "◷", "scheduled"),
    Status.FIXING: ("work", "◑", "fixing"),
    Status.REVIEWING: ("work", "◑", "reviewing"),
    Status.TESTING: ("work", "◑", "testing"),
    Status.PREVIEWING: ("work", "◕", "preview"),
    Status.AWAITING_APPROVAL: ("person", "◆", "needs approval"),
    Status.QUEUED: ("wait", "◷", "queued"),
    Status.DEPLOYING: ("work", "◕", "deploying"),
    Status.WATCHING: ("work", "◉", "watching"),
    Status.ROLLING_BACK: ("bad", "↩", "rolling back"),
    Status.RESOLVED: ("ok", "✓", "resolved"),
    Status.ESCALATED: ("person", "◆", "escalated"),
    Status.DISMISSED: ("calm", "–", "dismissed"),
}
SEVERITY: Mapping[Severity, Look] = {
    Severity.LOW: ("calm", "▁", "low"),
    Severity.MEDIUM: ("wait", "▃", "medium"),
    Severity.HIGH: ("person", "▅", "high"),
    Severity.CRITICAL: ("bad", "▇", "critical"),
}
VERDICT: Mapping[str, Look] = {
    Verdict.AUTO_RESOLVE: ("ok", "▶", "resolve automatically"),
    Verdict.SCHEDULE_MAINTENANCE: ("wait", "◷", "wait for maintenance"),
    Verdict.ESCALATE_HUMAN: ("person", "◆", "escalate"),
}
RESULT: Mapping[str, Look] = {
    **dict.fromkeys(("ok", "verified", "ready", "approved", "fixed", "human", "sent", "merged"), ("ok", "✓", "")),
    **dict.fromkeys(("failed", "rejected", "refused", "unproved"), ("bad", "✕", "")),
    **dict.fromkeys(
        ("partial", "interrupted", "stale", "expired", "escalated", "pending", "superseded"), ("person", "◆", "")
    ),
    **dict.fromkeys(("running", "watching", "proposed"), ("work", "◑", "")),
    **dict.fromkeys(("waiting",), ("wait", "◷", "")),
    **dict.fromkeys(("proved", "reviewed", "deployed"), ("ok", "✓", "")),
    "rolled_back": ("bad", "↩", "rolled back"),
    "reverting": ("bad", "↩", "revert proposed"),
}


def badge(tone: str, sign: str, words: object) -> Safe:
    return tag("span", tag("i", sign, aria_hidden="true"), words, class_=f"d-badge d-{tone}")


def of(looks: Mapping, value, unknown: str = "unknown") -> Safe:
    """The badge of a status, severity, verdict or result."""
    tone, sign, words = looks.get(value, ("calm", "·", ""))
    return badge(tone, sign, words or value or unknown)


STEPS = {  # how many of the nine stages an issue has reached
    **dict.fromkeys((Status.NEW,), 1),
    **dict.fromkeys((Status.ANALYZING,), 2),
    **dict.fromkeys((Status.DECIDING, Status.SCHEDULED, Status.ESCALATED, Status.DISMISSED), 3),
    **dict.fromkeys((Status.FIXING,), 4),
    **dict.fromkeys((Status.REVIEWING,), 5),
    **dict.fromkeys((Status.TESTING,), 6),
    **dict.fromkeys((Status.PREVIEWING, Status.AWAITING_APPROVAL, Status.QUEUED, Status.DEPLOYING), 7),
    **dict.fromkeys((Status.WATCHING, Status.ROLLING_BACK), 8),
    **dict.fromkeys((Status.RESOLVED,), 9),
}


def progress(status: Status) -> Safe:
    """Nine small steps; those reached have the status's tone."""
    reached = STEPS[status]
    steps = (tag("i", class_="d-done" if place < reached else None) for place in range(9))
    return tag(
        "span",
        *steps,
        class_=f"d-steps d-{STATUS[status][0]}",
        title=f"stage {reached} of 9",
        role="img",
        aria_label=f"stage {reached} of 9",
    )


def draw(*parts: object) -> None:
    """Put safe HTML on the page; plain text is escaped."""
    st.html(join(parts) or "<span></span>")


def growth(watch: Watch) -> str:
    """The growth of the 95th percentile that the watch allows, in words."""
    return f"{watch.latency_factor:g}× or {watch.latency_floor_ms:g} ms, whichever is greater"


def facts(pairs: Iterable[tuple[str, object]]) -> Safe:
    """A definition list of names and values."""
    return tag("dl", *(tag("div", tag("dt", name), tag("dd", value)) for name, value in pairs), class_="d-facts")


def stat(value: object, counts: str, hint: object = "", tone: str = "") -> Safe:
    """One large number with its label."""
    return tag(
        "div",
        tag("b", value),
        tag("span", counts),
        tag("small", hint) if hint else "",
        class_=f"d-stat d-{tone}" if tone else "d-stat",
    )


def stats(*cells: Safe, five: bool = False) -> Safe:
    """Numbers side by side; with ``five``, up to five in a row."""
    return tag("div", *cells, class_="d-stats d-five" if five else "d-stats")


def card(title: object, *inner: object, aside: object = "", tone: str = "", heading: str = "h3") -> Safe:
    """``heading`` is h2 where the card follows the title of the page, so that no level is left out."""
    head = tag("header", tag(heading, title), tag("span", aside)) if title else ""
    return tag("section", head, *inner, class_=f"d-card d-edge-{tone}" if tone else "d-card")


def empty(title: str, text: str, sign: str = "○") -> Safe:
    """The empty state of a page: why it is empty, and what happens next."""
    return tag("div", tag("i", sign, aria_hidden="true"), tag("b", title), tag("p", text), class_="d-empty")


def table(heads: Sequence[str], rows: Iterable[Sequence[object]], numeric: Sequence[int] = ()) -> Safe:
    """A plain table; columns in ``numeric`` are aligned right. On a phone each cell names its column."""

    def cells(row):
        return (
            tag("td", tag("div", value), data_head=heads[i], class_="d-num" if i in numeric else None)
            for i, value in enumerate(row)
        )

    head = tag(
        "tr",
        *(tag("th", name, scope="col", class_="d-num" if i in numeric else None) for i, name in enumerate(heads)),
    )
    body = (tag("tr", *cells(row)) for row in rows)
    return tag(
        "div",
        tag("table", tag("thead", head), tag("tbody", *body)),
        class_="d-table",
        tabindex="0",
        role="group",
        aria_label=f"Table: {heads[0]}",
    )


def issue_link(issue: Issue) -> Safe:
    return link(f"/issues?issue={issue.id}", tag("b", f"#{issue.id}"), " ", issue.title, class_="d-clip")


def cut(shown: int, limit: int, text: str) -> Safe:
    """A note under a list that has reached its limit; otherwise nothing."""
    return tag("p", text, class_="d-muted") if shown >= limit else esc("")


def bar(share: float | None, words: object = "", tone: str = "work") -> Safe:
    """A share as a bar with its figure; a dash if it is unknown."""
    if share is None:
        return tag("span", "–", class_="d-muted")
    return tag(
        "span",
        tag("span", tag("span", style=f"width:{max(0, min(1, share)):.0%}"), class_=f"d-bar d-{tone}"),
        words or percent(share),
        class_="d-share",
    )


def timeline(events: Sequence[TimelineEvent]) -> Safe:
    signs = {"ok": "✓", "bad": "✕", "person": "◆", "wait": "◷", "work": "◑", "calm": "·"}
    return tag(
        "ol",
        *(
            tag(
                "li",
                tag("i", signs[e.tone], aria_hidden="true"),
                tag(
                    "div",
                    tag("b", e.what),
                    tag("span", e.by, class_="d-muted"),
                    tag("p", e.message) if e.message else "",
                ),
                tag("span", moment(e.at), when(e.at), class_="d-time"),
                class_=f"d-{e.tone}",
            )
            for e in events
        ),
        class_="d-timeline",
    )


def code(text: str, limit: int = 20_000) -> Safe:
    cut = "" if len(text) <= limit else f"\n… {len(text) - limit} more characters not shown"
    return tag("pre", tag("code", text[:limit] + cut), class_="d-code", tabindex="0")


CHECKS: Mapping[object, tuple[str, str]] = {True: ("ok", "✓"), False: ("bad", "✕")}


def check(passed: object, words: object) -> Safe:
    """A gate or a guard: a sign and words, never only a colour."""
    tone, sign = CHECKS.get(passed, ("calm", "·"))
    return tag("li", tag("i", sign, aria_hidden="true"), tag("span", words), class_=f"d-{tone}")


def checks(items: Iterable[tuple[object, object]]) -> Safe:
    return tag("ul", *(check(passed, words) for passed, words in items), class_="d-checks")


def impact(value: Impact | None) -> Safe:
    return esc(f"{value.value} impact" if value else "impact unknown")
