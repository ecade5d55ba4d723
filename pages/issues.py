"""Issues: the list with its filters, and with ?issue=12 everything about one issue."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial

import streamlit as st

from console import access, process
from console.page import page, picked
from console.parts import beside as around_it
from console.parts import family, filtering, issue_offers, panels, story, surroundings, work
from console.parts import issue as story_text
from console.parts import suppressed as quiet
from console.ui.confirm import buttons
from console.ui.markup import Safe, join, link
from console.ui.widgets import draw, empty
from core.actions import following
from core.db import store
from core.models import now
from core.queries import around, beside, families, issues, post_mortem, suppressed

ORDER = 30


def parts(found: around.IssueSurroundings, figures: beside.Beside) -> dict[str, Callable[[issues.Story], Safe]]:
    """The tabs of one issue."""
    evidence = partial(story.evidence, links=found.links)
    narrate = partial(story_text.narrative, unknown=found.unknown)
    return {"Story": narrate, **story.PARTS, "Evidence": lambda one: join([evidence(one), around_it.logs(figures)]),
            "Steps": work.trace}  # fmt: skip


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
        none = not filtering.as_query(wanted)
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
        explainers = families.explainers(session, rows)
    draw(*panels.issue_list(found, rows, explainers, wanted.sort))


def one(number: int | None) -> None:
    draw(link("/issues", "← All issues"))
    policy, api = process.policy()[0], process.settings().github_url
    with store.read() as session:
        issue_story = issues.story(session, number) if number else None
        others = issues.mergeable(session, issue_story.issue) if issue_story else {}
        found = around.around(session, api, policy, issue_story, now()) if issue_story else None
        owners = following.owners(session, policy)
        figures = beside.beside(session, policy, issue_story, now()) if issue_story else None
    if issue_story is None or found is None or figures is None:
        draw(empty("Issue not found", "No issue has this number. It may belong to another database.", "✕"))
        return
    people = surroundings.people(issue_story, "email" in process.connected())
    draw(
        story.head(issue_story),
        people,
        story.journey(issue_story),
        surroundings.figures(issue_story, found),
        family.drawn(issue_story),
    )
    around_it.chart(figures, issue_story.issue.id)
    buttons(
        [
            *issue_offers.on_issue(issue_story),
            *issue_offers.on_signals(issue_story, others),
            *family.offers(issue_story, others),
        ]
    )
    with st.container(horizontal=True, gap="small"):
        buttons(issue_offers.of_people(issue_story, access.shown_to().name, owners))
        download(issue_story, found)
    suspect(issue_story)
    shown = parts(found, figures)
    tabs = st.tabs(list(shown), key=f"part-{issue_story.issue.id}", on_change="rerun")
    for tab, part in zip(tabs, shown.values(), strict=True):
        if tab.open:
            with tab:
                draw(part(issue_story))


def suspect(story: issues.Story) -> None:
    """The suspect change, and the button that proposes its revert."""
    draw(story_text.suspect(story.analyses[-1].evidence) if story.analyses else "")
    buttons(issue_offers.on_suspect(story))


def download(story: issues.Story, found: around.IssueSurroundings) -> None:
    text, name = partial(post_mortem.markdown, story, found.unknown), f"post-mortem-issue-{story.issue.id}.md"
    st.download_button("Post-mortem", text, name, "text/markdown", on_click="ignore")


page("Issues", panels.LEADS["issues"], body)
