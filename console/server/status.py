"""/status: the platform's state on one small page without script, for wall screens and phones."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy.exc import SQLAlchemyError

from console.ui.markup import Safe, clock, moment, tag
from core.db import store
from core.models import Status
from core.queries import pipeline
from core.stages.deliver import guard

STYLE = Safe("""<style>
:root{color-scheme:light dark;font:16px system-ui,sans-serif}
body{max-width:40rem;margin:2rem auto;padding:0 1rem;background:light-dark(#f7f8fa,#0d131e);
color:light-dark(#17202e,#e4e9f1)}
h1{font-size:1.3rem}dl{display:grid;grid-template-columns:1fr auto;gap:.6rem 1rem}
dd{margin:0;font-weight:650;font-variant-numeric:tabular-nums;text-align:right}
a{color:light-dark(#005a94,#8cc8f2)}
</style>""")


def _facts() -> list[tuple[str, object]]:
    now = datetime.now(UTC)
    with store.read() as session:
        by, day = pipeline.by_status(session), pipeline.totals(session, now - timedelta(days=1))
        last = next(iter(pipeline.rounds(session, 1)), None)
        failing = [c.name for c in pipeline.connectors(session) if c.failures]
    people = by.get(Status.AWAITING_APPROVAL, 0)
    open_ = sum(by.values()) - sum(by.get(s, 0) for s in (Status.RESOLVED, Status.DISMISSED, Status.ESCALATED))
    alarms = guard.alarms()
    return [
        *([("Unverified builds in production", len(alarms))] if alarms else []),
        ("Issues in progress", open_),
        ("Awaiting approval", people),
        ("Escalated", by.get(Status.ESCALATED, 0)),
        ("Fixed in 24 h", day["fixed"]),
        ("Rolled back in 24 h", day["rolled_back"]),
        ("Production deployments in 24 h", day["deployments"]),
        ("Failing connectors", ", ".join(failing) or "none"),
        ("Last collection cycle", f"{last.result}, {clock(last.started_at)}" if last else "none yet"),
    ]


def page() -> tuple[int, str]:
    """(HTTP status, HTML); 503 when the database does not respond."""
    try:
        code, facts, message = 200, _facts(), ""
    except (SQLAlchemyError, RuntimeError) as error:
        code, facts, message = (
            503,
            [],
            f"The database is not responding ({type(error).__name__}). Run python -m core doctor.",
        )
    body = tag(
        "main",
        tag("h1", "DevOps Intelligence Platform: status"),
        tag("p", message) if message else "",
        tag("dl", *(Safe(tag("dt", name) + tag("dd", value)) for name, value in facts)),
        tag("p", f"As of {moment(datetime.now(UTC))}. ", tag("a", "Open the console", href="/")),
    )
    head = tag(
        "head",
        Safe(
            '<meta charset="utf-8"><meta name="viewport" content="width=device-width">'
            '<meta name="description" '
            'content="Current state of the DevOps Intelligence Platform">'
        ),
        tag("title", "Status - DevOps Intelligence Platform"),
        STYLE,
    )
    return code, "<!DOCTYPE html>" + tag("html", head, tag("body", body), lang="en")
