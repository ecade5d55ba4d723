"""Settings: connectors and advice, the sandbox, workers, notifications, maintenance windows, variables."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import streamlit as st

from console import access, process
from console.page import page
from console.parts import connectors, suppressed, system
from console.ui.confirm import Offer, buttons
from console.ui.widgets import badge, cut, draw, empty, table, tag
from core.db import store
from core.models import Status
from core.queries import health, pipeline
from core.repair.sandbox.runner import runner
from core.signals import triage_rules
from core.vendors import registry

ORDER = 90
RIGHT = "operate"


def body() -> None:
    now = datetime.now(UTC)
    settings, (policy, fault) = process.settings(), process.policy()
    if fault:
        st.error(f"platform.toml is invalid; the engine keeps using the last valid policy. {fault}")
    with store.read() as session:
        found = pipeline.connectors(session)
        workers = pipeline.workers(session, now)
        sent, failed = health.messages(session, now - timedelta(days=1)), health.last_failure(session)
        last, waiting = health.last_runner(session), pipeline.by_status(session).get(Status.SCHEDULED, 0)
    sources(found)
    draw(
        tag(
            "div",
            system.runner(runner(policy.fix), last),
            system.workers(workers, settings.round_seconds),
            class_="d-three",
        ),
        tag(
            "div",
            system.routes(policy.routes, process.connected(), sent, failed),
            system.maintenance(policy.maintenance, waiting),
            class_="d-three",
        ),
    )
    silences()
    if access.shown_to().may(access.ADMINISTER):
        people()
        draw(system.environment(settings))


def sources(found) -> None:
    st.header("Connectors", anchor=False)
    if found:
        draw(connectors.drawn(found))
    else:
        draw(
            empty(
                "No connector has delivered data yet",
                "Set the variables of one vendor (see below). The next collection cycle reads it.",
                "◔",
            )
        )
    missing = [name for name in registry.CONNECTORS if name not in process.connected()]
    with st.container(horizontal=True, vertical_alignment="center"):
        asked = st.button("Check all connectors", key="checks", shortcut="K")
        if missing:
            draw(
                tag("p", "Not connected: ", ", ".join(missing), ". Set their variables (see below).", class_="d-muted")
            )
    if asked:
        ask()
    if rows := st.session_state.get("check_results"):
        draw(table(("Connector", "State", "Details", "What to do"), rows))


def ask() -> None:
    """Check each vendor in turn and show the progress."""
    access.require(access.OPERATE)
    rows, place = [], st.empty()
    for name, check in registry.checks(process.settings()):
        place.progress(len(rows) / len(registry.CONNECTORS), f"{name} checked")
        off = check.message.startswith(registry.OFF)
        state = (
            badge("ok", "✓", "works") if check.ok else badge("calm", "–", "off") if off else badge("bad", "✕", "error")
        )
        rows.append((tag("b", name), state, check.message, check.fix))
    place.empty()
    st.session_state["check_results"] = rows


def silences() -> None:
    """Current and planned silences, each with its end, and the form for a new one."""
    st.header("Silences and planned maintenance", anchor=False)
    with store.read() as session:
        standing = triage_rules.standing(session)
    if not standing:
        draw(empty("No silences", "Silence one issue on its page, or a service and title here.", "◔"))
    for row in standing:
        draw(suppressed.silence(row))
        buttons([Offer("end_silence", row.id, row.reason)], shortcuts=False)
    draw(cut(len(standing), triage_rules.LISTED, f"Showing the {triage_rules.LISTED} that end first."))
    if access.shown_to().may(access.OPERATE):
        new_silence()


def new_silence() -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        service = st.text_input(
            "Service", "*", key="silence_service", max_chars=200, help="* matches any text, ? matches one character"
        )
        title = st.text_input(
            "Title", "*", key="silence_title", max_chars=300, help="Title of the signal; * matches all"
        )
        start = st.datetime_input("Maintenance from (UTC)", None, key="silence_start", help="Leave empty to start now")
    starts = start.replace(tzinfo=UTC).isoformat() if start else ""
    about = f"{service} {title}" + (f", from {start:%Y-%m-%d %H:%M} UTC" if start else "")
    more = {"service": service, "title": title, "starts": starts}
    buttons([Offer("silence", None, about, more, name="new")], shortcuts=False)


def people() -> None:
    with store.read() as session:
        found = health.people(session)
    draw(system.people(found))


page("Settings", "Connectors, sandbox, workers, notifications and variables.", body, RIGHT)
