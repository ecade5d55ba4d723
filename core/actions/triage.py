"""Actions on signals: merge and split issues, and silence signals.

Every decision is stored (core/signals/triage_rules.py), and later signals follow it. ``actor`` is described in
core/actions/issues.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated

from sqlmodel import Session, col, select, update

from core import runtime
from core.access.rights import OPERATE, Actor, Refused
from core.actions import answering
from core.actions.registry import About, ActionResult, Asked, Dialog, Key, Whole, action, get, note, once, why
from core.db import store
from core.models import Approval, Issue, Signal, Status, now
from core.models.counted import counted
from core.models.kept import Silence
from core.ops import durable, stage_log
from core.signals import triage_rules
from core.signals.grouping.fingerprint import fingerprint
from core.stages import group
from core.stages.analyze import as_record

BUSY = (Status.DEPLOYING, Status.WATCHING, Status.ROLLING_BACK)
LASTS = {60: "1 hour", 480: "8 hours", 1440: "1 day", 10080: "1 week", 43200: "30 days"}  # minutes
LONGEST = 90 * 24 * 60  # minutes: nobody remembers a longer silence
AHEAD = timedelta(days=366)  # the latest start of planned maintenance


@action(
    OPERATE,
    "it rejects a pending approval, and hides an issue in another one",
    About.ISSUE,
    Dialog(
        "Merge",
        "Merge this issue into another one?",
        "Its signals move there, and its own work ends. Later signals of its kind follow.",
        shortcut="M",
    ),
)
def merge(
    issue_id: int,
    *,
    actor: Actor,
    into: Annotated[Whole, Asked("Into which issue?", "one", "Choose the issue to merge into.")],
    key: str,
) -> ActionResult:
    """Merge this issue into another one: its signals move there, its own run ends, and later signals follow."""

    def act(session: Session, who: Actor, key: Key) -> str:
        issue, target = _pair(session, issue_id, into)
        prints = triage_rules.fingerprints(session, issue_id)
        triage_rules.merge(session, prints, target.fingerprint, into, who.name)
        moved = session.exec(update(Signal).where(col(Signal.issue_id) == issue_id).values(issue_id=into)).rowcount
        target.first_seen = min(target.first_seen, issue.first_seen)
        target.requested_by = target.requested_by or issue.requested_by
        group.recount(session, target)
        _end_question(session, issue_id, who.name, f"merged into issue {into}")
        stage_log.move(
            session, issue_id, Status.DISMISSED, f"merged into issue {into} by {who.name}"
        ).merged_into = into
        detail = {"into": into, "signals": moved, "fingerprints": sorted(prints)}
        note(session, who, "merge", issue_id, key, detail)
        return f"Merged. {counted(moved, 'signal')} moved to issue {into}."

    receipt = once("merge", actor, f"issue/{issue_id}", key, act, {"into": into})
    with store.read() as session:
        gone = session.get_one(Issue, issue_id)
    if gone.merged_into and gone.run and durable.known(gone.workflow_id):
        durable.cancel(gone.workflow_id)
    return receipt


def _pair(session: Session, issue_id: int, into: int) -> tuple[Issue, Issue]:
    """The issue and the one it is merged into. Raises Refused."""
    issue, target = get(session, Issue, issue_id, "this issue"), get(session, Issue, into, f"issue {into}")
    if issue.id == target.id:
        raise Refused("An issue cannot be merged into itself.")
    for one in (issue, target):
        if one.merged_into:
            raise Refused(f"Issue {one.id} is already merged into issue {one.merged_into}.")
    if target.status is Status.DISMISSED:
        raise Refused(f"Issue {into} is dismissed. Start a new run of it before you merge another issue into it.")
    policy = runtime.current().policy
    if policy.is_critical(*issue.affected) and not policy.is_critical(*target.affected):
        raise Refused(
            f"{policy.worst_of(issue.affected)} is a critical service. Merge issue {into} into this one instead."
        )
    if issue.status in BUSY:
        raise Refused("A deployment is in progress. Wait for its watch to end, or merge the other issue into this one.")
    return issue, target


def _end_question(session: Session, issue_id: int, by: str, reason: str) -> None:
    waiting = session.exec(select(Approval).where(Approval.issue_id == issue_id, Approval.state == "pending")).first()
    if waiting:
        answering.give(session, waiting, by, False, reason)


@action(
    OPERATE,
    "it moves errors out of the issue that people look at",
    About.ISSUE,
    Dialog(
        "Split",
        "Move signals into a new issue?",
        "Later signals of the same kind follow. Both issues are recounted.",
        shortcut="L",
    ),
)
def split(
    issue_id: int,
    *,
    actor: Actor,
    fingerprints: Annotated[list[str], Asked("Signals to move", "several", "Choose the signals to move.")],
    key: str,
) -> ActionResult:
    """Move the signals of these fingerprints into a new issue, which their later signals join."""

    def act(session: Session, who: Actor, key: Key) -> str:
        issue = get(session, Issue, issue_id, "this issue")
        chosen, rest = _parted(session, issue, fingerprints)
        new = _taken_out(session, issue, sorted(chosen), who.name)
        if issue.fingerprint in chosen:
            issue.fingerprint = min(rest)
        triage_rules.split(session, chosen, new.id, who.name)
        group.recount(session, issue)
        detail = {"new": new.id, "fingerprints": sorted(chosen)}
        note(session, who, "split", issue_id, key, detail)
        return f"Split. The signals moved to issue {new.id}."

    return once("split", actor, f"issue/{issue_id}", key, act, {"fingerprints": sorted(map(str, fingerprints))})


def _parted(session: Session, issue: Issue, wanted: Sequence[str]) -> tuple[set[str], set[str]]:
    """The fingerprints to split off and those that stay. Raises Refused."""
    fingerprints = session.exec(select(Signal.fingerprint).where(Signal.issue_id == issue.id).distinct()).all()
    chosen = set(fingerprints) & {str(one) for one in wanted}
    if len(chosen) != len(wanted) or not chosen:
        raise Refused("Choose fingerprints of this issue's signals.")
    if not (rest := set(fingerprints) - chosen):
        raise Refused("You chose all signals. At least one kind must stay in the issue.")
    return chosen, rest


def _taken_out(session: Session, issue: Issue, prints: Sequence[str], by: str) -> Issue:
    mine = (col(Signal.issue_id) == issue.id, col(Signal.fingerprint).in_(prints))
    first = session.exec(select(Signal).where(*mine).order_by(col(Signal.at)).limit(1)).one()
    record = as_record(first)
    new = group.new_issue(session, record, fingerprint(record))
    new.fingerprint, new.because = prints[0], f"{by} split it off issue {issue.id}"
    new.requested_by = by  # splitting starts its fix
    policy = runtime.current().policy
    if policy.is_critical(*issue.affected):
        new.service = policy.worst_of(issue.affected)  # keeps the approval rules of the service
    session.exec(update(Signal).where(*mine).values(issue_id=new.id))
    group.recount(session, new)
    return new


@action(
    OPERATE,
    "errors alert nobody while it lasts",
    About.ISSUE,
    Dialog(
        "Silence",
        "Silence this for a while?",
        "Matching signals are counted and shown, but open no issue and alert nobody. The silence ends by itself.",
        shortcut="Q",
    ),
)
def silence(
    issue_id: int | None,
    *,
    actor: Actor,
    minutes: Annotated[Whole, Asked("For how long?", "one", otherwise=60, options=LASTS)],
    reason: Annotated[str, why()],
    key: str,
    service: str = "*",
    title: str = "*",
    starts: str = "",
) -> ActionResult:
    """Suppress this issue's signals, or those that match the globs, for a number of minutes.

    ``starts`` (ISO 8601 with its zone) makes it planned maintenance from then on; empty means a silence from now on.
    """
    start = _start(starts)
    if not reason.strip():
        raise Refused("Enter a reason. It is shown while the silence lasts.")
    if not 1 <= minutes <= LONGEST:
        raise Refused(f"A silence lasts between 1 and {LONGEST:,} minutes.")
    end = start + timedelta(minutes=minutes)
    if end <= now():
        raise Refused(f"This maintenance would already have ended, at {end:%Y-%m-%d %H:%M} UTC.")
    content = {"minutes": minutes, "reason": reason, "service": service, "title": title, "starts": starts}

    def act(session: Session, who: Actor, key: Key) -> str:
        made = _silenced(session, issue_id, service.strip(), title.strip())
        made.planned, made.starts_at, made.ends_at = bool(starts), start, end
        made.reason, made.by = reason.strip()[:500], who.name
        session.add(made)
        session.flush()
        detail = {"service": made.service, "title": made.title, "minutes": minutes, "reason": made.reason}
        about = issue_id or f"silence/{made.id}"
        note(session, who, "silence", about, key, {**detail, "silence": made.id, "starts": starts})
        until = f"{end:%Y-%m-%d %H:%M} UTC"
        return f"{'Planned' if starts else 'Silenced'} until {until}. Matching signals are still counted."

    return once("silence", actor, f"issue/{issue_id}" if issue_id else "silence", key, act, content)


def _silenced(session: Session, issue_id: int | None, service: str, title: str) -> Silence:
    """A silence of an issue or of matching globs, without its times. Raises Refused if the globs match everything."""
    if issue_id:
        issue, prints = get(session, Issue, issue_id, "this issue"), triage_rules.fingerprints(session, issue_id)
        return Silence(service=issue.service, title=issue.title, issue_id=issue_id, prints=sorted(prints))
    if {service, title} <= {"", "*"}:
        raise Refused("That would silence everything. Enter a service or a title.")
    return Silence(service=service or "*", title=title or "*", prints=[])


def _start(starts: str) -> datetime:
    """The start in UTC; now if it is empty. Raises Refused for a time without a zone, or more than AHEAD from now."""
    if not starts:
        return now()
    try:
        at = datetime.fromisoformat(starts)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise Refused("A start is a time with its zone, such as 2026-11-25T22:00:00Z.")
    if abs(at - now()) > AHEAD:
        raise Refused(f"A start is at most {AHEAD.days} days away.")
    return at.astimezone(UTC)


@action(
    OPERATE,
    "it opens issues, and so starts work",
    About.SILENCE,
    Dialog(
        "End silence", "End this silence now?", "New signals open issues again. Suppressed signals stay suppressed."
    ),
)
def end_silence(silence_id: int, *, actor: Actor, key: str) -> ActionResult:
    """End a silence or planned maintenance now; suppressed signals stay suppressed."""

    def act(session: Session, who: Actor, key: Key) -> str:
        row = get(session, Silence, silence_id, "this silence")
        if row.ends_at <= now():
            raise Refused("It has already ended.")
        row.ends_at, row.starts_at, row.ended_by = now(), min(row.starts_at, now()), who.name
        note(session, who, "end_silence", row.issue_id or f"silence/{silence_id}", key, {"silence": silence_id})
        return "Ended. New signals open issues again."

    return once("end_silence", actor, f"silence/{silence_id}", key, act, {})
