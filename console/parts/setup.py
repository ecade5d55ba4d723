"""The frame of the setup's steps: their state, their jobs with progress, and what a step found."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from console import access
from console.ui.markup import Safe, plain, tag
from console.ui.widgets import badge, draw, facts, table
from core.access.rights import Actor, Forbidden, Refused
from core.policy.reader import ConfigurationError
from core.setup.jobs import Job, Work, jobs
from core.setup.results import SetupFinding, failed

NEW = "New service"
FEW = 6  # facts that fit one row
KEYS = "setup-field-"  # of the widgets, by the key of platform.toml


def given(name: str) -> str:
    """What a field of the form holds now."""
    return str(st.session_state.get(KEYS + name) or "").strip()


def act(work: Callable[[Actor], str]) -> None:
    """Run ``work`` as the signed-in admin, whose right is asked for again; the page shows the result or the error."""
    try:
        message = work(access.require(access.ADMINISTER))
    except (Refused, ConfigurationError, ValueError, access.SignedOut) as refusal:
        st.session_state["answer"] = (False, str(refusal) or "Your session has ended. Nothing changed.")
    else:
        st.session_state["answer"] = (True, message)


def start(name: str, prepare: Callable[[Actor], Work]) -> None:
    """Start the job of a step. ``prepare`` reads the form; what it refuses is the step's result."""
    try:
        work = prepare(access.require(access.ADMINISTER))
    except (Forbidden, access.SignedOut) as refusal:
        st.session_state["answer"] = (False, str(refusal) or "Your session has ended. Nothing changed.")
        return
    except (Refused, ValueError, ConfigurationError) as fault:
        refused = failed(fault)
        work = lambda _: refused  # noqa: E731
    jobs.drop(name)
    jobs.start(name, work)


def outcome(name: str) -> SetupFinding | None:
    """Draw how far a job is or what it found; the result once there is one."""
    job = jobs.get(name)
    if job is None:
        return None
    if job.result is None:
        _running(job)
        return None
    found(name, job.result)
    return job.result


def _running(job: Job) -> None:
    """Drawn again each second until the job has ended; then the page is."""

    @st.fragment(run_every=1.0)
    def look() -> None:
        if job.result is not None:
            st.rerun()
        st.progress(min(0.95, job.seconds / 60), f"{job.activity} ({job.seconds:.0f} s)")

    look()


def found(name: str, result: SetupFinding) -> None:
    sign = badge("ok", "✓", "works") if result.ok else badge("bad", "✕", "not yet")
    draw(
        tag("p", sign, " ", result.message),
        tag("p", tag("b", "What to do: "), result.fix) if result.fix else "",
        confirmations(result) if result.facts else "",
    )
    if result.offers:
        with st.container(horizontal=True):
            for offer in result.offers:
                args = (name, result.field, offer)
                st.button(f"Use {plain(offer)}", key=f"{name}-offer-{offer}", on_click=_use, args=args)


def confirmations(result: SetupFinding) -> Safe:
    few = len(result.facts) <= FEW
    return facts(result.facts) if few else table(("What", "What was found"), result.facts)


def _use(name: str, field: str, offer: str) -> None:
    st.session_state[KEYS + field] = offer
    jobs.drop(name)
