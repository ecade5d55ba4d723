"""The demo's panel: the shop's error rate, and buttons that ship a fault."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import streamlit as st

from console import process
from console.parts import tour
from console.ui.drawing import drawing, rate_chart
from console.ui.markup import percent, tag
from console.ui.widgets import card, draw, empty, table
from core.queries.failing import ServiceChart


def sandbox():
    """The remote control of the demo's shop: status(), break_(name), restore(name)."""
    from core.vendors.demo import Sandbox

    return Sandbox(process.settings())


def panel(rates: Mapping[str, ServiceChart], usual: Mapping[str, float], source: str) -> None:
    """Error rates of the services that do not fail now and, in the demo, the buttons that break the shop.

    In each chart the ``usual`` rates are shaded. ``source`` is whose measurements are waited for, if there are none of
    any service.
    """
    in_demo = bool(process.settings().sandbox_url)
    if rates:
        st.header("Other services, error rate, last 30 min", anchor=False)
        charts(rates, usual)
    elif in_demo and source:
        draw(empty("No measurements yet", f"{source} delivers them in the next collection cycle.", "◔"))
    if in_demo:
        faults()


def charts(rates: Mapping[str, ServiceChart], usual: Mapping[str, float]) -> None:
    with st.grid(columns=3, min_column_width=260):
        for service, (points, marks) in rates.items():
            _, requests, errors = points[-1]
            now = errors / requests if requests else None
            with st.container(border=True, key=f"rate-{service}"):
                rate = tag("b", percent(now, 1), " of requests fail")
                draw(tag("div", tag("b", service), rate, class_="d-between"))
                drawing(rate_chart(points, marks, usual.get(service)), key=f"rate-svg-{service}")


def faults() -> None:
    from core.vendors.base import VendorError

    try:
        status = sandbox().status()
    except VendorError as error:
        draw(card("Break the shop", tag("p", f"The demo vendors do not respond: {error}. Start them with make demo.")))
        return
    begin_story(status)
    agents(status)
    with st.expander("Break the shop: ship a real bug to production", icon=None):
        st.markdown(
            "**Simulated vendors, real shop.** Each button commits a real bug to the shop's repository and "
            "deploys it. The next collection cycle detects its errors."
        )
        with st.grid(columns=4, min_column_width=180):
            for name, words in status.get("faults", {}).items():
                with st.container(gap="small"):
                    buttons_of(name, str(words), name in status.get("broken", {}))


KINDS = {"simulated": "Simulated", "real": "Real", "off": "Not connected"}


def agents(status: Mapping) -> None:
    """Which AI agents the demo has, and whether each is the real one."""
    if not (found := status.get("agents")):
        return
    off = any(one.get("kind") == "off" for one in found)
    rows = [(tag("b", one["name"]), KINDS.get(one["kind"], one["kind"]), one["says"]) for one in found]
    more = [tag("p", "Connect them with: python -m core demo --agents", class_="d-muted")] if off else []
    draw(card("Agents of this demo", table(("Agent", "Here", "What it is"), rows), *more))


def story() -> None:
    """The story that is told now; nothing outside of the demo."""
    from core.vendors.base import VendorError

    if not (process.settings().sandbox_url and tour.NAME in st.query_params):
        return
    try:
        details = sandbox().status().get("details", {})
    except VendorError:
        return  # the panel below tells it
    if found := tour.current(details):
        tour.panel(*found, details[found[0]])


def begin_story(status: Mapping) -> None:
    details, broken = status.get("details", {}), status.get("broken", {})
    if details and tour.NAME not in st.query_params:
        hint = "Ships a real bug and shows, step by step, what the platform does about it. It takes about a minute."
        st.button("Tell the story", key="tell-story", type="primary", help=hint, on_click=_tell, args=(details, broken))


def _tell(details: Mapping, broken: Mapping) -> None:
    from core.vendors.base import VendorError

    try:
        tour.begin(sandbox(), details, broken)
    except VendorError as error:
        st.session_state["answer"] = (False, str(error))


def buttons_of(name: str, words: str, broken: bool) -> None:
    """Break, and beside it restore while the fault is in the shop."""
    st.button(name, key=f"break-{name}", help=words, on_click=_break, args=(name,), width="stretch")
    if broken:
        text = f"Take {name} back, as the shop's team would."
        st.button(f"Restore {name}", key=f"restore-{name}", help=text, on_click=_restore, args=(name,), width="stretch")


def _break(name: str) -> None:
    _change(lambda: sandbox().break_(name), f"{name} is live in the shop. Watch the error rate.", name)


def _restore(name: str) -> None:
    _change(lambda: sandbox().restore(name), f"{name} is taken back.", name)


def _change(work: Callable[[], dict], message: str, name: str) -> None:
    from core.vendors.base import VendorError

    try:
        work()
        st.session_state["answer"] = (True, message)
    except VendorError as error:
        st.session_state["answer"] = (False, f"{name}: {error}")
