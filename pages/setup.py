"""Setup: from an empty platform to a first service, step by step. For admins."""

from __future__ import annotations

import streamlit as st

from console import process
from console.page import page
from console.parts import people, setup, setup_steps
from console.parts import policy as policy_view
from console.ui.widgets import badge, draw, tag
from core.db import store
from core.setup.progress import SetupStep, progress

ORDER = 95
RIGHT = "administer"

STEPS = {
    SetupStep.REPOSITORY: setup_steps.repository_step,
    SetupStep.ENVIRONMENT: setup_steps.environment_step,
    SetupStep.SOURCE: setup_steps.source_step,
    SetupStep.DELIVERY: setup_steps.delivery_step,
    SetupStep.EVENT: setup_steps.event_step,
}


def body() -> None:
    settings, (policy, fault) = process.settings(), process.policy()
    if fault and settings.platform_file.exists():
        st.error(f"platform.toml is invalid. Correct it first. {fault}")
        return
    people.once()
    if chosen := st.session_state.pop("setup-next", None):
        st.session_state["setup-service"] = chosen
    names = [*policy.services, setup.NEW]
    service = st.selectbox("Service", names, key="setup-service") if policy.services else setup.NEW
    name = "" if service == setup.NEW else service
    setup_steps.prefill(policy, name)
    with store.read() as session:
        done = progress(session, settings, policy, name)
    current = next((step for step, is_done in done.items() if not is_done), None)
    for number, (step, draw_step) in enumerate(STEPS.items(), 1):
        sign = "✓" if done[step] else "○"
        opened = step is current  # in the key, so that the next step opens once this one is done
        key = f"setup-{name}-{step.name}-{opened}"
        with st.expander(f"{sign} {number}. {step.value}", expanded=opened, key=key):
            if name or step is SetupStep.REPOSITORY:
                draw_step(policy, name)
            else:
                draw(tag("p", "Save the repository first.", class_="d-muted"))
    if current is None:
        draw(tag("p", badge("ok", "✓", "complete"), f" {name} is connected. Its errors become issues."))
    draw(tag("p", f"Everything is written to {settings.platform_file} and, for secrets, to .env beside it.",
             class_="d-muted"), policy_view.notes(policy))  # fmt: skip


page("Setup", "Connect a service: its repository, environment, source and way to production.", body, RIGHT)
