"""Issues: the list with its filters, and with ?issue=12 everything about one issue."""

from __future__ import annotations

from datetime import timedelta

import streamlit as st

from console.page import page, picked
from console.parts import family, filtering, issue_offers, panels, story, work
from console.parts import issue as narrative
from console.parts import suppressed as quiet
from console.ui.confirm import buttons
from console.ui.markup import link
from console.ui.widgets import draw, empty
from core.db import store
from core.models import now
from core.queries import issues, suppressed

ORDER = 30

PARTS = {"Story": narrative.told, **story.PARTS, "Steps": work.trace}


def body() -> None:
    number = picked("issue")
    if "issue" in st.query_params:
        one(number)
    else:
        listing()


def listing() -> None:
    found_issues()
    with store.read() as session:
        set_aside = suppressed.by_reason(session, now() - timedelta(days=1))
    draw(quiet.set_aside(set_aside))


def found_issues() -> None:
    with store.read() as session:
        services = issues.services(session)
    wanted = filtering.drawn(services)
    filtering.views(wanted)
    with store.read() as session:
        found = issues.count(session, wanted)
    if not found:
        none = not filtering.told(wanted)
        draw(
            empty("No issues yet", "The next collection cycle groups new signals into issues.", "◔")
            if none
            else empty("No issue matches", "Widen the search or clear a filter.")
        )
        return
    last = -(-found // issues.PAGE)
    number = st.pagination(last, key=f"issue_page_{last}") if last > 1 else 1
    with store.read() as session:
        rows = issues.page(session, wanted, number)
    draw(*panels.issue_list(found, rows, wanted.sort))


def one(number: int | None) -> None:
    draw(link("/issues", "← All issues"))
    with store.read() as session:
        told = issues.story(session, number) if number else None
        others = issues.mergeable(session, told.issue) if told else {}
    if told is None:
        draw(empty("Issue not found", "No issue has this number. It may belong to another database.", "✕"))
        return
    draw(story.head(told), story.journey(told), story.figures(told), family.drawn(told))
    buttons([*issue_offers.on_issue(told), *issue_offers.on_signals(told, others), *family.offers(told, others)])
    tabs = st.tabs(list(PARTS), key=f"part-{told.issue.id}", on_change="rerun")
    for tab, part in zip(tabs, PARTS.values(), strict=True):
        if tab.open:
            with tab:
                draw(part(told))


page("Issues", panels.LEADS["issues"], body)
