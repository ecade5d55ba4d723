"""Settings: connectors and what to do about them, the sandbox, workers, messages, windows, variables."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import streamlit as st

from console import access, process
from console.page import NEEDS, page
from console.parts import connectors, suppressed, system
from console.ui.confirm import Offer, buttons
from console.ui.widgets import badge, cut, draw, empty, table, tag
from core.db import store
from core.models import Status
from core.queries import health, pipeline
from core.repair.sandbox.runner import runner
from core.signals import triage_rules
from core.vendors import registry


def body() -> None:
    now = datetime.now(UTC)
    settings, (policy, fault) = process.settings(), process.policy()
    if fault:
        st.error(f"platform.toml cannot be used; the engine keeps the last good policy. {fault}")
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
    if access.current().may(access.ADMINISTER):
        people()
        draw(system.environment(settings))


def sources(found) -> None:
    st.header("Connectors", anchor=False)
    if found:
        draw(connectors.drawn(found))
    else:
        draw(empty("No connector has been read yet", "Set one vendor's variables, see below; a round reads it.", "◔"))
    missing = [name for name in registry.BUILDERS if name not in process.connected()]
    with st.container(horizontal=True, vertical_alignment="center"):
        asked = st.button("Ask every connector now", key="checks", shortcut="K")
        if missing:
            draw(tag("p", "Not connected: ", ", ".join(missing), ". Their variables are below.", class_="d-muted"))
    if asked:
        ask()
    if told := st.session_state.get("checks_told"):
        draw(table(("Connector", "Answer", "What it says", "What to do"), told))


def ask() -> None:
    """Ask each vendor whether it would work; slow ones are seen one by one."""
    access.require(access.OPERATE)
    told, place = [], st.empty()
    for name, check in registry.checks(process.settings()):
        place.progress(len(told) / len(registry.BUILDERS), f"{name} has answered")
        off = check.says.startswith(registry.OFF)
        state = (
            badge("ok", "✓", "works") if check.ok else badge("calm", "–", "off") if off else badge("bad", "✕", "fault")
        )
        told.append((tag("b", name), state, check.says, check.fix))
    place.empty()
    st.session_state["checks_told"] = told


def silences() -> None:
    """What opens no issue now or soon, each with its end; and the fields of a new one."""
    st.header("Silences and planned maintenance", anchor=False)
    with store.read() as session:
        standing = triage_rules.standing(session)
    if not standing:
        draw(empty("Nothing is silenced", "Silence one issue on its page, or a service and title here.", "◔"))
    for row in standing:
        draw(suppressed.silence(row))
        buttons([Offer("end_silence", row.id, row.reason)], shortcuts=False)
    draw(cut(len(standing), triage_rules.LISTED, f"The {triage_rules.LISTED} that end first are listed."))
    if access.current().may(access.OPERATE):
        new_silence()


def new_silence() -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        service = st.text_input("Service", "*", key="silence_service", max_chars=200, help="* and ? stand for anything")
        title = st.text_input("Title", "*", key="silence_title", max_chars=300, help="of the signal; * for every one")
        start = st.datetime_input("Maintenance from (UTC)", None, key="silence_start", help="empty: silent from now on")
    starts = start.replace(tzinfo=UTC).isoformat() if start else ""
    about = f"{service} {title}" + (f", from {start:%Y-%m-%d %H:%M} UTC" if start else "")
    more = {"service": service, "title": title, "starts": starts}
    buttons([Offer("silence", None, about, more, name="new")], shortcuts=False)


def people() -> None:
    with store.read() as session:
        found = health.people(session)
    draw(system.people(found))


page("Settings", "What is connected, how it fares, and what to do about it.", body, NEEDS["settings"])
