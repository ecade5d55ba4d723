"""A page's first paint with its real figures, in index.html itself: visible before any script has loaded.

It is outside Streamlit's root, which stays hidden until its own page is drawn; then the first paint is removed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from console import process
from console.page import NEEDS, PAGES, counted_title, visible
from console.parts import failing as now_failing
from console.parts import kpis, panels, periods, usual
from console.ui import diagram
from console.ui.markup import ZONE, Safe, join, tag
from console.ui.widgets import stats
from core.access import preferences, sessions
from core.access.rights import VIEW, Actor
from core.db import store
from core.queries import approvals, failing, families, issues, outcomes, pipeline

log = logging.getLogger(__name__)
SEEN = 16  # rows of a list that fit on a large screen; the page draws the rest


def _pipeline() -> Safe:
    at, policy = datetime.now(UTC), process.policy()[0]
    with store.read() as session:
        failures, _ = failing.failing(session, policy, at)
        by, totals = pipeline.by_status(session), pipeline.totals(session, at - timedelta(days=1))
        asked, taken = pipeline.approvals(session, 1), pipeline.arrows(session, at - timedelta(days=1))
        connected = bool(pipeline.connectors(session))
    fails = [tag("h2", now_failing.TITLE), now_failing.section(failures, connected, usual.rates(policy, at))]
    waiting = (
        [tag("h2", panels.NEEDS), *(tag("div", *panels.question(*a), class_="d-question") for a in asked)]
        if asked
        else []
    )
    flow = tag("h2", panels.FLOW), diagram.flow(by, taken)
    return join([*fails, *waiting, panels.headline(by, totals), *flow])


def _issues() -> Safe:
    with store.read() as session:
        found, rows = issues.count(session), issues.page(session)
        explainers = families.explainers(session, rows[:SEEN])
    pages = tag("div", class_="d-room") if found > len(rows) else ""
    held = (
        _held("Search", "Status", "Severity", "Service", "Order", row="d-filters"),
        tag("div", tag("i"), class_="d-holds d-view"),
    )
    return join([*held, pages, *panels.issue_list(found, rows[:SEEN], explainers)])


def _held(*labels: str, row: str = "") -> Safe:
    """Placeholders for widgets, with their labels."""
    return tag("div", *(tag("span", label, tag("i")) for label in labels), class_=f"d-holds {row}")


def _kpis() -> Safe:
    until, policy = datetime.now(UTC), process.policy()[0]
    since = until - timedelta(days=7)
    with store.read() as session:
        tally = outcomes.tally(session, since, until, policy.value.baseline)
        now = outcomes.figures(session, policy.watch.source, policy.value, since, until, tally)
    tiles = (kpis.tile(f, b) for f, b in zip(now, periods.before(policy, since, 7), strict=True))
    return join([_held("Period", row="d-row"), kpis.period(since, until, 7, tally.runs), stats(*tiles, five=True)])


BODIES: Mapping[str, Callable[[], Safe]] = {"pipeline": _pipeline, "issues": _issues, "kpis": _kpis}


def html(path: str, query: str, session: str) -> str:
    """The HTML before Streamlit's root for this address and session; "" without one of them or without a database.

    An address with a query selects one item or a filter, which its page draws itself.
    """
    name = path.strip("/") or "pipeline"
    try:
        person = sessions.actor(session)
        if person is None or not person.may(NEEDS.get(name, VIEW)):
            return ""
        ZONE.set(preferences.of(session).tzinfo)
        return _drawn(name, person, BODIES[name]() if name in BODIES and not query else Safe(""))
    except (SQLAlchemyError, RuntimeError):
        log.warning("no first paint: the database is not responding")
        return ""


def _drawn(name: str, person: Actor, body: Safe) -> str:
    foot = tag(
        "div", panels.person(person), *panels.foot(process.settings(), process.policy()[0].environment), class_="d-foot"
    )
    here = {name: "page"}
    with store.read() as session:
        number = approvals.needs(session)
    links = (
        tag(
            "a",
            counted_title(other, number),
            href=f"/{'' if other == 'pipeline' else other}",
            aria_current=here.get(other),
        )
        for other in visible(person)
    )
    aside = tag("aside", Safe('<img src="/logo.svg" alt="DevOps Intelligence" width="152" height="28">'), *links, foot)
    lead = tag("p", panels.LEADS[name], class_="d-lead") if name in panels.LEADS else ""
    main = tag("main", tag("h1", PAGES[name]), lead, body)
    first = tag("div", aside, main, id="first", class_="stApp", data_testid="stHtml")
    return f'<style id="first-look">{_own("first_paint.css")}</style>{first}<script>{_own("first_paint.js")}</script>'


@lru_cache(maxsize=8)
def _own(name: str) -> str:
    """The text of a file next to this module."""
    return (Path(__file__).parent / name).read_text(encoding="utf-8")
