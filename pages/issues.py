"""Issues: the list with its filters, and with ?issue=12 the whole story of one."""

from __future__ import annotations

import streamlit as st

from console import story
from console.confirm import Offer, buttons
from console.markup import link, percent, when
from console.page import page, picked
from console.widgets import SEVERITY, STATUS, draw, empty, issue_link, of, table, tag, timeline
from core import store
from core.models import ENDED, Severity, Status
from core.views import issues


def body() -> None:
    number = picked("issue")
    if "issue" in st.query_params:
        one(number)
    else:
        listing()


def from_address(name: str, enum) -> list:
    """Values of ?status= or ?severity=, separated by commas; unknown ones are left out."""
    known = {member.value: member for member in enum}
    return [known[v] for v in st.query_params.get(name, "").split(",") if v in known]


def filters() -> issues.Filter:
    with store.read() as session:
        services = issues.services(session)
    with st.grid(columns=4, min_column_width=200):
        text = st.text_input("Search", key="issue_text", placeholder="title or service", type="search", live="300ms")
        statuses = st.multiselect(
            "Status",
            list(Status),
            default=from_address("status", Status),
            format_func=lambda s: STATUS[s][2],
            placeholder="any",
        )
        severities = st.multiselect(
            "Severity",
            list(Severity),
            default=from_address("severity", Severity),
            format_func=lambda s: s.value,
            placeholder="any",
        )
        service = st.selectbox("Service", ["", *services], format_func=lambda s: s or "any")
    return issues.Filter((text or "").strip(), tuple(statuses), tuple(severities), service or "")


def listing() -> None:
    wanted = filters()
    with store.read() as session:
        found = issues.count(session, wanted)
    if not found:
        none = wanted == issues.Filter()
        draw(
            empty("No issues yet", "Signals become issues in the next round.", "◔")
            if none
            else empty("No issue matches", "Widen the search or clear a filter.")
        )
        return
    last = -(-found // issues.PAGE)
    number = st.pagination(last, key=f"issue_page_{last}") if last > 1 else 1
    with store.read() as session:
        rows = issues.page(session, wanted, number)
    draw(
        tag("p", f"{found:,} issues, the latest first; {len(rows)} on this page.", class_="d-muted"),
        table(
            (
                "Issue",
                "Status",
                "Severity",
                "Service",
                "Occurrences",
                "Confidence",
                "Last error",
                "First error",
            ),
            (
                (
                    issue_link(i),
                    of(STATUS, i.status),
                    of(SEVERITY, i.severity),
                    i.service,
                    f"{i.occurrences:,}",
                    percent(i.confidence),
                    when(i.last_seen),
                    when(i.first_seen),
                )
                for i in rows
            ),
            (4, 5),
        ),
    )


def offers(told: issues.Story) -> list[Offer]:
    """What may be done with the issue as it stands."""
    issue, asked = told.issue, told.pending
    found = []
    if asked:
        found += [
            Offer("approve", asked.id, asked.asks, {"patch_hash": asked.patch_hash}),
            Offer("reject", asked.id, asked.asks),
        ]
    if issue.status not in ENDED:
        found += [Offer("escalate", issue.id, issue.title)]
    if issue.status in (Status.ESCALATED, Status.DISMISSED):
        found += [Offer("retry", issue.id, issue.title)]
    if issue.status == Status.ESCALATED:
        found += [Offer("resolve", issue.id, issue.title)]
    if issue.status not in (Status.RESOLVED, Status.DISMISSED):
        found += [Offer("dismiss", issue.id, issue.title)]
    return found


def one(number: int | None) -> None:
    draw(link("/issues", "← All issues"))
    with store.read() as session:
        told = issues.story(session, number) if number else None
    if told is None:
        draw(empty("Issue not found", "No issue has this number. It may be of another database.", "✕"))
        return
    draw(story.head(told), story.journey(told), story.figures(told))
    buttons(offers(told))
    parts = st.tabs([*story.PARTS, "Timeline"], key=f"part-{told.issue.id}")
    for tab, part in zip(parts, story.PARTS.values(), strict=False):
        with tab:
            draw(part(told))
    with parts[-1]:
        draw(timeline(issues.timeline(told)))


page("Issues", "One issue a cause: what was seen, decided and done about it.", body)
