"""Pipeline: what fails now, what needs a person, and the workflow of all issues."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import streamlit as st

from console import process
from console.page import page
from console.parts import connectors as sources
from console.parts import demo, holding, messages, panels, usual
from console.parts import failing as now_failing
from console.ui import diagram
from console.ui.confirm import Offer, buttons
from console.ui.drawing import drawing
from console.ui.markup import clock, due, link, percent, span, tag, when
from console.ui.widgets import RESULT, SEVERITY, STATUS, bar, card, draw, empty, facts, issue_link, of, progress, table
from core.db import store
from core.models import Status
from core.queries import approvals as people
from core.queries import failing, pipeline
from core.queries import messages as inbox_messages
from core.repair.sandbox.runner import runner
from core.stages.deliver import holds

ORDER = 10

DAY = timedelta(days=1)
SHOWN = 5  # of each kind that needs a person; a link leads to the others
ROUNDS = JOURNEYS = 8


def body() -> None:
    now = datetime.now(UTC)
    policy, fault = process.policy()
    if fault:
        st.error(f"platform.toml is invalid; the engine keeps using the last valid policy. {fault}")
    with store.read() as session:
        failures, others = failing.failing(session, policy, now)
        given_up = people.escalated(session, SHOWN)
        by, day = pipeline.by_status(session), pipeline.totals(session, now - DAY)
        taken, journeys = pipeline.arrows(session, now - DAY), pipeline.journeys(session, JOURNEYS)
        asked, rounds = pipeline.approvals(session, SHOWN), pipeline.rounds(session, ROUNDS)
        connectors, workers = pipeline.connectors(session), pipeline.workers(session, now)
        merges = pipeline.reviews(session)
        used, notes = holds.places_taken(session, now), inbox_messages.for_all(session, now - DAY)
    weak_sandbox(policy)
    demo.story()
    st.header(now_failing.TITLE, anchor=False)
    drawing(now_failing.section(failures, bool(connectors), usual.rates(policy, now)), key="failing")
    needs_you(asked, merges, given_up, by)
    draw(panels.headline(by, day))
    holding.controls()
    st.header(panels.FLOW, anchor=False)
    drawing(diagram.flow(by, taken), key="flow")
    demo.panel(others, usual.rates(policy, now), "" if failures else policy.watch.source)
    st.header("Issues in progress", anchor=False)
    draw(journey_table(journeys), journeys_cut(len(journeys)), messages.drawn(notes, messages.ALL))
    limits = limits_card(policy, used, by, workers, rounds)
    aside = tag("div", connectors_card(connectors), limits, class_="d-stack")
    draw(tag("div", rounds_card(rounds), aside, class_="d-three"))


def weak_sandbox(policy) -> None:
    """Warn on the first page when repository code runs in a weaker sandbox, or not at all."""
    found = runner(policy.fix)
    if found is None:
        st.error("No sandbox is available, so no fixes are written. Install bubblewrap (see Settings).")
    elif weaker := getattr(found, "weaker_because", ""):
        st.warning(f"Weaker sandbox: {weaker}. Install bubblewrap (see Settings).")


def journeys_cut(shown: int):
    """A note on which issues the table shows."""
    if shown < JOURNEYS:
        return ""
    return tag(
        "p", f"Showing {JOURNEYS} issues, those in progress first. ", link("/issues", "All issues"), class_="d-muted"
    )


def needs_you(asked, merges, given_up, by) -> None:
    """Approvals with their buttons, merges, and the issues that the platform gave up."""
    if not (asked or merges or given_up):
        return
    st.header(panels.NEEDS, anchor=False)
    approvals(asked, by.get(Status.AWAITING_APPROVAL, 0) - len(merges))
    draw(panels.review_list(merges))
    draw(now_failing.people(given_up, by.get(Status.ESCALATED, 0) - len(given_up)))


def approvals(asked, waiting: int) -> None:
    for number, (approval, issue, change_set) in enumerate(asked):
        with st.container(border=True, key=f"approval-{approval.id}"):
            draw(*panels.question(approval, issue, change_set))
            buttons(
                [
                    Offer("approve", approval.id, issue.title, {"patch_hash": approval.patch_hash}),
                    Offer("reject", approval.id, issue.title),
                ],
                shortcuts=number == 0,
            )
    if waiting > len(asked):
        more = f"Showing {len(asked)} of {waiting:,}, oldest first. "
        draw(tag("p", more, link("/approvals", "All that needs you"), class_="d-muted"))


def journey_table(journeys):
    if not journeys:
        return empty(
            "No issues yet",
            f"A collection cycle runs every {span(process.settings().round_seconds)} and groups signals into issues. "
            "Production is quiet, or no connector is configured.",
        )
    return table(
        (
            "Issue",
            "Status",
            "Progress",
            "Severity",
            "Service",
            "Confidence",
            "Reason",
            "First error",
        ),
        (
            (
                issue_link(i),
                of(STATUS, i.status),
                progress(i.status),
                of(SEVERITY, i.severity),
                i.service,
                percent(i.confidence),
                tag("span", i.reason, class_="d-clip"),
                when(i.first_seen),
            )
            for i in journeys
        ),
        (5,),
    )


def rounds_card(rounds):
    if not rounds:
        wait = span(process.settings().round_seconds)
        return card("Collection cycles", empty("No cycles yet", f"The first starts within {wait}.", "◔"))
    return card(
        f"Last {len(rounds)} collection cycles" if len(rounds) >= ROUNDS else "Collection cycles",
        table(
            ("Started", "Result", "Records", "Issues", "Duration"),
            (
                (
                    tag("span", clock(r.started_at), title=r.worker),
                    of(RESULT, r.result),
                    f"{r.records:,}",
                    f"{r.issues:,}",
                    span((r.ended_at - r.started_at).total_seconds()) if r.ended_at else "…",
                )
                for r in rounds
            ),
            (2, 3, 4),
        ),
    )


def connectors_card(connectors):
    if not connectors:
        return card(
            "Connectors",
            empty(
                "No connector has delivered data yet",
                "Set the variables of one vendor. Run python -m core doctor to see which are missing.",
            ),
        )
    return card("Connectors", sources.short(connectors), aside=link("/settings", "Settings"))


def limits_card(policy, used, by, workers, rounds):
    limit = policy.guards.deployments_per_hour
    alive = [w for w, beats in workers if beats]
    said = facts(
        [
            (
                "Automatic deployments, last hour",
                bar(used / limit if limit else None, f"{used} of {limit}", "bad" if used >= limit else "work"),
            ),
            ("Issues queued for deployment", by.get(Status.QUEUED, 0)),
            ("Issues waiting for maintenance", by.get(Status.SCHEDULED, 0)),
            (
                "Live workers",
                ", ".join(f"{w.role} {w.executor_id}" for w in alive) or "none seen in the last 90 s",
            ),
            ("Collection interval", span(process.settings().round_seconds)),
            ("Next cycle", next_round(rounds, alive)),
        ]
    )
    return card("Queue and limits", said)


def next_round(rounds, alive):
    """When the next cycle is due; it needs a live worker."""
    if not alive:
        return "none; no worker is running"
    return due(rounds[0].started_at + timedelta(seconds=process.settings().round_seconds) if rounds else None)


page("Pipeline", panels.LEADS["pipeline"], body)
