"""Deployments: the timeline, health before and after, and rollback."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import streamlit as st

from console import process
from console.page import page, picked
from console.parts import smoke, story, watching
from console.ui.confirm import Offer, buttons
from console.ui.drawing import drawing, rate_chart, strip
from console.ui.markup import link, moment, percent, span, tag, when
from console.ui.widgets import RESULT, badge, card, checks, cut, draw, empty, facts, growth, issue_link, of, table
from core.db import store
from core.models import ServiceHealth
from core.models.counted import counted
from core.queries import counting, deployments, pipeline, team
from core.stages.deliver import release_words

ORDER = 50

AROUND = timedelta(minutes=15)
RECENT = timedelta(days=14)
LONGEST = timedelta(hours=6)  # of the curves
HEADS = ("Deployment", "Issue", "Result", "Environment", "Commit", "Errors before → after", "Started", "Duration")
KINDS = {"Production": "production", "Preview": "preview", "All": ""}


def body() -> None:
    if "deployment" in st.query_params:
        one(picked("deployment"))
    else:
        listing()


def listing() -> None:
    kind = KINDS[st.segmented_control("Environment", list(KINDS), default="Production", required=True)]
    with store.read() as session:
        found = deployments.count(session, kind)
    if not found:
        theirs = teams_own(kind, datetime.now(UTC) - RECENT)
        draw(listed([], theirs) if theirs else "")
        draw(
            empty(
                "No deployments of the platform yet" if theirs else "No deployments yet",
                "A reviewed and tested change is deployed to a preview first, then to production, where it is watched.",
                "◔",
            )
        )
        return
    timeline()
    last = -(-min(found, counting.MOST) // deployments.PAGE)
    number = st.pagination(last, key=f"deployment_page_{last}_{kind}") if last > 1 else 1
    with store.read() as session:
        rows = deployments.page(session, kind, number)
    theirs = teams_own(kind, rows[-1][0].started_at, None if number == 1 else rows[0][0].started_at) if rows else []
    text = f"{counting.with_noun(found, 'deployment')} of the platform, newest first"
    text += f", among {counted(len(theirs), 'change')} of the team in the same time." if theirs else "."
    draw(tag("p", text, class_="d-muted"), listed(rows, theirs))


def teams_own(kind: str, since: datetime, until: datetime | None = None) -> list[team.TeamChange]:
    """The team's deployments and commits in the span; none for previews."""
    if kind == "preview":
        return []
    with store.read() as session:
        return team.between(session, process.policy()[0], since, until or datetime.now(UTC))


def listed(rows, theirs: list[team.TeamChange]):
    """The platform's deployments and the team's changes in one table, newest first."""
    both = [*((made[0].started_at, row(made)) for made in rows), *((one.at, team_row(one)) for one in theirs)]
    return table(HEADS, [cells for _, cells in sorted(both, key=lambda pair: pair[0], reverse=True)], (7,))


def team_row(one: team.TeamChange) -> tuple:
    commit = tag("code", one.commit[:10])
    if one.url.startswith(("https://", "http://")):
        commit = tag("a", commit, href=one.url, target="_blank", rel="noopener noreferrer")
    text = f"{one.title} by {one.author}" if one.author else one.title
    return (
        one.repository or "unknown repository",
        tag("span", text, class_="d-clip"),
        badge("calm", "○", "the team's"),
        f"reported by {one.source}",
        commit,
        "–",
        tag("span", moment(one.at), " ", when(one.at)),
        "–",
    )


def timeline() -> None:
    """The deployments and the team's changes of the last two weeks, each as a mark."""
    until = datetime.now(UTC)
    since = until - timedelta(days=14)
    with store.read() as session:
        marks = deployments.marks(session, since)
        theirs = team.between(session, process.policy()[0], since, until)
    if not marks:
        return
    changes = [(one.at, f"{one.repository} {one.commit[:10]}: {one.title[:80]}") for one in theirs]
    drawing(strip(marks, since, until, changes), key="strip")
    text = "✕ marks a failed or rolled-back deployment. Select a mark to open its deployment."
    more = cut(len(marks), deployments.MARKS, f"Showing the last {deployments.MARKS} deployments.")
    draw(tag("p", text, class_="d-muted"), more)


def error_change(before, after, service: str) -> str:
    """The error rate of the issue's service before, and after."""
    sides = [ServiceHealth.model_validate(side[service]) if service in side else None for side in (before, after)]
    rates = [side.error_rate if side else None for side in sides]
    return f"{percent(rates[0], 1)} → {percent(rates[1], 1)}" if rates != [None, None] else "no data"


def row(found) -> tuple:
    made, issue, _ = found
    took = span((made.ended_at - made.started_at).total_seconds()) if made.ended_at else "…"
    return (
        link(f"/deployments?deployment={made.id}", tag("b", f"{made.repository} {made.id}")),
        issue_link(issue),
        of(RESULT, made.status),
        made.environment,
        tag("code", made.sha[:10]),
        error_change(made.before, made.after, issue.service),
        tag("span", moment(made.started_at), " ", when(made.started_at)),
        took,
    )


def one(number: int | None) -> None:
    draw(link("/deployments", "← All deployments"))
    with store.read() as session:
        found = deployments.one(session, number) if number else None
        way_back = bool(found) and deployments.can_roll_back(session, found[0])
    if found is None:
        draw(empty("Deployment not found", "No deployment has this number.", "✕"))
        return
    made, issue, change = found
    draw(
        tag("h2", f"{made.repository}: {made.environment} deployment {made.id}"),
        story.deployment_row(made),
        tag("p", "Issue ", issue_link(issue)),
        tag("p", made.note) if made.note else "",
    )
    buttons(offers(made, way_back))
    if made.environment == "production":
        draw(card("Watch result", watching.found(made.judged, made.kept_by)))
        watch_of(made)
    if compared := made.judged.get("variables"):
        draw(card("Variables before this preview", smoke.variables(compared)))
    if ran := smoke.found(made.judged):
        draw(card("Smoke command", ran))
    draw(tag("div", card("Steps", steps(made)), card("Contents", shipped(made, change)), class_="d-two"))


def offers(made, way_back: bool) -> list[Offer]:
    """The actions on the deployment: keep it while it is watched, or roll it back."""
    keep = Offer("keep", made.id, made.judged.get("says", "The watch has no result yet."))
    back = Offer("roll_back", made.id, way_back_of(made))
    watched = made.environment == "production" and made.status == "watching" and not made.kept_by
    return [keep] * watched + [back] * way_back


def way_back_of(made) -> str:
    known = process.policy()[0].repositories.get(made.repository)
    if known and known.way == "pull_request":
        return (
            f"A pull request that reverts {made.sha[:10]} is opened. Production changes when it is merged and released."
        )
    return f"{made.repository} returns to {made.previous_vendor_id}."


def watch_of(made) -> None:
    """The watch's measurements; a preview has no traffic, so it is not watched."""
    watched = process.policy()[0].watch
    curves(made, watched)
    seen = story.health(made.before, made.after, watched.error_rate_margin)
    draw(card("Health before and after", seen, tag("p", allowed(watched), class_="d-muted")))


def shipped(made, change):
    rows = [
        ("Change", link(f"/codegen?change={change.id}", change.title or f"change {change.id}")),
        ("Commit", tag("code", made.sha or "–")),
        ("Vendor id", tag("code", made.vendor_id or "–")),
        ("Key", tag("code", made.key)),
    ]
    back = ("Returns to", tag("code", made.previous_vendor_id or "unknown"))
    if made.environment != "production":
        return facts(rows)
    tried, shares = release_words.rehearsed(made.judged) or "Not rehearsed", release_words.share(made.judged)
    return facts([*rows, back, ("Rollback", tried), *([("Traffic", shares)] if shares else [])])


def curves(made, watched) -> None:
    """Error rate of each watched service around the deployment, and the band that the watch allowed."""
    start, end = made.started_at - AROUND, (made.ended_at or datetime.now(UTC)) + AROUND
    services = sorted({*made.before, *made.after})
    if not services:
        return
    with store.read() as session:
        rates = pipeline.error_rate(session, watched.source, start, min(end, start + LONGEST), services)
    if not rates:
        return
    if end > start + LONGEST:
        draw(tag("p", f"The charts show the first {span(LONGEST.total_seconds())}.", class_="d-muted"))
    marks = [(at, words) for at, words in ((made.ready_at, "live"), (made.ended_at, made.status)) if at]
    with st.grid(columns=2, min_column_width=320):
        for service, points in rates.items():
            before = ServiceHealth.model_validate(made.before.get(service, {})).error_rate
            limit = None if before is None else before + watched.error_rate_margin
            with st.container(border=True, key=f"curve-{service}"):
                draw(
                    tag(
                        "p",
                        tag("b", service),
                        ": error rate; the shaded band is what the watch allows",
                        class_="d-muted",
                    )
                )
                drawing(rate_chart(points, marks, limit), key=f"curve-svg-{service}")


def allowed(watched) -> str:
    return (
        f"{watched.source} measures for up to {span(watched.seconds)}. Allowed: the error rate rises by at most "
        f"{percent(watched.error_rate_margin, 1)}, and p95 growth is at most {growth(watched)}. "
        f"Fewer than {counted(watched.minimum_requests, 'request')} is too little evidence. "
        "Bars: the error rate before, and below it after; the shaded band is allowed."
    )


def steps(made):
    ended = made.status in ("verified", "rolled_back", "failed", "superseded")
    found = [
        (True, f"started {moment(made.started_at)}"),
        (True if made.ready_at else None, f"ready {moment(made.ready_at)}"),
    ]
    if made.status != "ready":
        found += [
            (made.status == "verified" if ended else None, f"{made.status.replace('_', ' ')} {moment(made.ended_at)}")
        ]
    return checks(found)


page("Deployments", "What was deployed, how production responded, and how to roll back.", body)
