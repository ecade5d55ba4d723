"""The platform's setup as safe HTML: sandbox runner, workers, notification routes, windows, settings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from pydantic import SecretStr
from sqlalchemy.engine import make_url

from console.parts.policy import DAYS
from console.ui.markup import Safe, link, moment, span, tag, when
from console.ui.widgets import badge, card, cut, facts, table
from core.decision import windows
from core.models import Notification, Worker
from core.models.access import Person
from core.ops import notify
from core.policy.messages import Routes
from core.policy.sections import Maintenance
from core.queries import health
from core.queries import people as view
from core.settings import Settings


def runner(found, last: str) -> Safe:
    """``found`` is the available sandbox runner, or None; ``last`` is the runner of the latest test run."""
    if found is None:
        state = badge("bad", "✕", "no sandbox")
        text = (
            "Repository code cannot run safely here, so no fixes are written. Install bubblewrap, or set "
            "fix.allow_limited_runner in platform.toml."
        )
    elif found.weaker_because:
        state = badge("person", "◆", "weaker sandbox")
        text = f"Using the built-in runner: {found.weaker_because}. Install bubblewrap for the full sandbox."
    else:
        state = badge("ok", "✓", "full sandbox")
        text = "Bubblewrap: no network, a read-only file system, no secrets, and limits on time, memory and processes."
    used = tag("p", f"The latest test run used {last}.", class_="d-muted") if last else ""
    return card("Sandbox for repository code", tag("p", state), tag("p", text), used)


def workers(found: Sequence[tuple[Worker, bool]], round_seconds: float) -> Safe:
    if not found:
        body = tag("p", "No worker in the last day. Start one with python -m core worker, or set CONSOLE_ENGINE.")
    else:
        body = table(
            ("Worker", "Role", "State", "Started", "Last heartbeat"),
            (
                (
                    tag("b", w.executor_id),
                    w.role,
                    badge("ok", "✓", "alive") if beats else badge("bad", "✕", "silent"),
                    when(w.started_at),
                    when(w.heartbeat),
                )
                for w, beats in found
            ),
        )
    return card("Workers", body, tag("p", f"Collection cycles run every {span(round_seconds)}.", class_="d-muted"))


def routes(
    rules: Routes, connected: Iterable[str], sent: Mapping[tuple[str, str], int], failed: Notification | None
) -> Safe:
    """The channels of each event, and its notifications in the last 24 h."""
    there = {"console", *connected}

    def channels(names: Sequence[str]) -> Safe:
        return tag(
            "span", *(badge(*(("ok", "✓") if n in there else ("calm", "–")), n) for n in names), class_="d-line-up"
        )

    rows = (
        (
            notify.SUBJECTS.get(event, event),
            channels(names),
            f"{sent.get((event, 'sent'), 0):,}",
            f"{sent.get((event, 'pending'), 0):,}",
            f"{sent.get((event, 'failed'), 0):,}",
        )
        for event, names in rules.model_dump().items()
    )
    fault = (
        tag(
            "p",
            badge("bad", "✕", "not delivered"),
            f" {failed.channel}: {failed.error or 'no reason given'}, ",
            when(failed.created_at),
        )
        if failed
        else ""
    )
    return card(
        "Notifications, last 24 h",
        fault,
        table(("Event", "Channels", "Sent", "Waiting", "Failed"), rows, (2, 3, 4)),
        tag("p", "– marks a channel that is not connected; its notifications count as failed.", class_="d-muted"),
    )


def upcoming(rules: Maintenance, now: datetime, number: int = 4) -> list[tuple[datetime, datetime]]:
    """The next windows (opens, closes), including one that is open now."""
    found, at = [], now
    while rules.days and len(found) < number:
        opens = windows.maintenance_opens(at, rules)
        closes = opens + timedelta(minutes=rules.minutes)
        if opens == at:  # already open: its start gives its end
            before = windows.maintenance_opens(at - timedelta(minutes=rules.minutes), rules)
            closes = before + timedelta(minutes=rules.minutes)
        found.append((opens, closes))
        at = closes + timedelta(seconds=1)
    return found


def maintenance(rules: Maintenance, waiting: int) -> Safe:
    now = datetime.now(UTC)
    days = ", ".join(DAYS[d] for d in rules.days) or "never"
    rows = (
        (badge("ok", "●", "open now") if opens <= now else when(opens), moment(opens), moment(closes))
        for opens, closes in upcoming(rules, now)
    )
    return card(
        "Maintenance windows",
        facts([("Weekly", f"{days} {rules.start} {rules.zone}, {rules.minutes} min"), ("Waiting issues", waiting)]),
        table(("Next", "Opens", "Closes"), rows) if rules.days else "",
    )


STATES = {"disabled": ("calm", "–"), "locked": ("person", "◆"), "ended": ("calm", "–"), "first": ("wait", "◷")}


def state(person: Person) -> Safe:
    """A badge for each state of a person, in the words of core.queries.people."""
    held = view.states(person)
    in_full = [] if set(held) - {view.PROVIDER} else [badge("ok", "✓", "active")]
    rows = [badge(*STATES.get(words.split()[0], ("calm", "·")), words) for words in held]
    return tag("span", *in_full, *rows, class_="d-line-up")


def people(found: Sequence[Person]) -> Safe:
    """Everyone with an account; the People page manages them."""
    rows = ((tag("b", p.name), p.role.value, state(p), when(p.last_sign_in)) for p in found)
    return card(
        "People",
        table(("Name", "Role", "State", "Last sign-in"), rows),
        cut(len(found), health.PEOPLE, f"Showing the first {health.PEOPLE} by name."),
        tag("p", "Manage people and API tokens on the ", link("/people", "People"), " page, or with ",
            tag("code", "python -m core user"), " and ", tag("code", "token"), ".", class_="d-muted"),
    )  # fmt: skip


def environment(settings: Settings) -> Safe:
    """Every variable with its value; a secret shows only whether it is set."""
    rows = (
        (tag("code", name.upper()), shown(name, getattr(settings, name)), field.description or "")
        for name, field in type(settings).model_fields.items()
    )
    return tag(
        "details",
        tag("summary", "Environment variables of this process"),
        table(("Variable", "Value", "Description"), rows),
    )


def shown(name: str, value: object) -> Safe:
    if isinstance(value, SecretStr):
        return badge("ok", "✓", "set") if value.get_secret_value() else tag("span", "not set", class_="d-muted")
    if name == "database_url" and value:
        value = make_url(str(value)).render_as_string(hide_password=True)
    return tag("code", str(value)) if value not in ("", None) else tag("span", "empty", class_="d-muted")
