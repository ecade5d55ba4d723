"""The filter of the issue list. The address contains it, so it can be shared; it can be saved under a name."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from urllib.parse import parse_qsl, urlencode

import streamlit as st

from console import access
from console.ui.widgets import STATUS, cut, draw
from core.db import store
from core.models import Severity, Status
from core.queries import counting, saved_views
from core.queries.issues import SORTS, IssueFilter

NAMES = ("text", "status", "severity", "service", "sort")


def _members(text: str, enum) -> tuple:
    """Comma-separated values; unknown ones are omitted."""
    known = {member.value: member for member in enum}
    return tuple(known[v] for v in text.split(",") if v in known)


def read(query: Mapping[str, str]) -> IssueFilter:
    """The filter in an address; unknown values are omitted."""
    sort = query.get("sort", "newest")
    return IssueFilter(
        query.get("text", "")[:200].strip(),
        _members(query.get("status", ""), Status),
        _members(query.get("severity", ""), Severity),
        query.get("service", "")[:200],
        sort if sort in SORTS else "newest",
    )


def as_query(wanted: IssueFilter) -> dict[str, str]:
    """The URL query of a filter; empty fields are omitted."""
    values = {
        "text": wanted.text,
        "status": ",".join(wanted.statuses),
        "severity": ",".join(wanted.severities),
        "service": wanted.service,
        "sort": wanted.sort if wanted.sort != "newest" else "",
    }
    return {name: value for name, value in values.items() if value}


def _arrival() -> tuple[int, IssueFilter]:
    """How many addresses were opened that this page did not write, and the last one's filter.

    Each such address creates new widgets with its values; while a person filters, the widgets stay.
    """
    here = {name: st.query_params[name] for name in NAMES if name in st.query_params}
    number, seed, written = st.session_state.get("filter", (0, None, None))
    if here != written:
        number, seed = number + 1, read(here)
    st.session_state["filter"] = (number, seed, here)
    return number, seed


def _phone() -> bool:
    """Is this a phone, by its User-Agent? There the list comes first, and the filters open on demand."""
    return "Mobile" in (st.context.headers.get("User-Agent") or "")


def drawn(services: list[str]) -> IssueFilter:
    """Draw the filter's widgets; the address follows them."""
    number, seed = _arrival()

    def key(name: str) -> str:
        return f"filter-{number}-{name}"

    with st.container(key="filters"):  # a grid in style.css: st.grid measures itself while the page is drawn
        text = st.text_input(
            "Search", seed.text, key=key("text"), placeholder="title or service", type="search", live="300ms"
        )
        given = {"status": seed.statuses, "severity": seed.severities, "service": seed.service}
        chosen = sum(bool(st.session_state.get(key(name), value)) for name, value in given.items())
        label = f"Filters ({chosen})" if chosen else "Filters"
        with st.popover(label, key="more") if _phone() else nullcontext():
            statuses = st.multiselect(
                "Status", list(Status), seed.statuses, lambda s: STATUS[s][2], key=key("status"), placeholder="any"
            )
            severities = st.multiselect(
                "Severity", list(Severity), seed.severities, lambda s: s.value, key=key("severity"), placeholder="any"
            )
            known = ["", *dict.fromkeys([*services, *filter(None, [seed.service])])]  # an address may name any service
            at = known.index(seed.service)
            more = f"Showing the first {counting.LISTED} by name. Use the search to find others."
            service = st.selectbox("Service", known, at, lambda s: s or "any", key=key("service"),
                                   help=more if len(services) >= counting.LISTED else None)  # fmt: skip
            order = st.selectbox("Order", list(SORTS), list(SORTS).index(seed.sort), key=key("sort"))
    wanted = IssueFilter((text or "").strip(), tuple(statuses), tuple(severities), service or "", order)
    query = as_query(wanted)
    if query != {name: st.query_params[name] for name in NAMES if name in st.query_params}:
        st.query_params.from_dict(query)
        st.session_state["filter"] = (number, seed, query)
    return wanted


def views(wanted: IssueFilter) -> None:
    """The person's saved views as buttons, and the form that saves this one."""
    owner, query = access.current().name, urlencode(as_query(wanted))
    with store.read() as session:
        found = saved_views.views(session, owner)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        for view in found:
            kind = "primary" if view.query == query else "secondary"
            st.button(view.name, key=f"view-{view.id}", type=kind, on_click=_open, args=(view.query,))
        with st.popover("Save this view" if query else "Saved views", key="views"):
            _keep(owner, query)
            for view in found:
                st.button(f"Delete {view.name}", key=f"forget-{view.id}", on_click=_forget, args=(owner, view.id))
            draw(
                cut(
                    len(found),
                    saved_views.LISTED,
                    f"Showing the first {saved_views.LISTED} by name.",
                )
            )


def _keep(owner: str, query: str) -> None:
    if not query:
        st.markdown("Filter the list first. A saved view stores the filter, search and order under a name.")
        return
    name = st.text_input("Name of the view", key="view_name", max_chars=60)
    st.button(
        "Save", key="view_keep", type="primary", disabled=not (name or "").strip(), on_click=_store, args=(owner, query)
    )


def _store(owner: str, query: str) -> None:
    with store.write() as session:
        saved_views.keep(session, owner, st.session_state.get("view_name", ""), query)
    st.session_state["view_name"] = ""


def _forget(owner: str, view_id: int) -> None:
    with store.write() as session:
        saved_views.forget(session, owner, view_id)


def _open(query: str) -> None:
    st.query_params.from_dict(dict(parse_qsl(query)))
