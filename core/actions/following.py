"""Actions of the people around an issue: acknowledge it, own it, subscribe to it, and add to its timeline.

None of them changes what the platform does. ``actor`` is described in core/actions/issues.py.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

from sqlmodel import Session, col, delete, select

from core import runtime
from core.access import accounts
from core.access.rights import OPERATE, VIEW, Actor, Refused
from core.actions.registry import About, ActionResult, Asked, Dialog, Key, action, get, note, once
from core.models import Issue, Status, now
from core.models.access import Person
from core.models.following import Remark, Subscription
from core.ops import subscribers
from core.policy.reader import Policy

LONGEST = 2000  # characters of a note
OLDEST = timedelta(days=90)  # of an event
DAY = timedelta(days=1)
OVER = (Status.RESOLVED, Status.DISMISSED)


@action(
    OPERATE,
    "it tells others that a person looks at the issue",
    About.ISSUE,
    Dialog(
        "Acknowledge",
        "Acknowledge this issue?",
        "Others see that you look at it. The platform goes on with its work.",
        shortcut="G",
    ),
)
def acknowledge(issue_id: int, *, actor: Actor, key: str) -> ActionResult:
    """Tell others that you look at the issue; the platform goes on with its work."""

    def act(session: Session, who: Actor, key: Key) -> str:
        issue = _open(session, issue_id)
        if issue.acknowledged_by:
            raise Refused(f"{issue.acknowledged_by} has already acknowledged this issue.")
        issue.acknowledged_by, issue.acknowledged_at = who.name, now()
        note(session, who, "acknowledge", issue_id, key, {})
        return "Acknowledged."

    return once("acknowledge", actor, f"issue/{issue_id}", key, act, {})


@action(
    OPERATE,
    "it names who looks after the issue, and sends them its messages",
    About.ISSUE,
    Dialog(
        "Set owner",
        "Who looks after this issue?",
        "A person who owns an issue is subscribed to it. The platform goes on with its work.",
        shortcut="O",
    ),
)
def set_owner(
    issue_id: int, *, actor: Actor, to: Annotated[str, Asked("Owner", "one", "Choose a person or group.")], key: str
) -> ActionResult:
    """Name the person or group that looks after the issue; a person is subscribed to it."""

    def act(session: Session, who: Actor, key: Key) -> str:
        issue = _open(session, issue_id)
        if to not in owners(session, runtime.current().policy):
            raise Refused(f"{to!r} is neither a group nor a person who may work on issues.")
        note(session, who, "set_owner", issue_id, key, {"to": to, "before": issue.owner})
        issue.owner = to
        if session.get(Person, to):
            _subscribe(session, issue_id, to)
        return f"{to} owns this issue."

    return once("set_owner", actor, f"issue/{issue_id}", key, act, {"to": to})


def owners(session: Session, policy: Policy) -> list[str]:
    """Who can own an issue: the groups, then the people who may work on issues."""
    return [*sorted(policy.access.groups), *accounts.holders(session, OPERATE)]


@action(
    VIEW,
    "the messages go to that person",
    About.ISSUE,
    Dialog(
        "Subscribe",
        "Subscribe to this issue?",
        "You get each message about it: by e-mail if you sign in with an e-mail address and a mail server is "
        "connected, otherwise on the page Needs you.",
        shortcut="F",
    ),
)
def subscribe(issue_id: int, *, actor: Actor, key: str) -> ActionResult:
    """Get each message about the issue, by e-mail or on the page Needs you."""

    def act(session: Session, who: Actor, key: Key) -> str:
        get(session, Issue, issue_id, "this issue")
        _subscribe(session, issue_id, who.name)
        note(session, who, "subscribe", issue_id, key, {})
        way = subscribers.channel(who.name, subscribers.mail_server() is not None)
        return f"Subscribed. You get its messages {subscribers.WORDS[way]}."

    return once("subscribe", actor, f"issue/{issue_id}", key, act, {})


def _subscribe(session: Session, issue_id: int, person: str) -> None:
    where = Subscription.issue_id == issue_id, Subscription.person == person
    if session.exec(select(Subscription.id).where(*where)).first() is None:
        session.add(Subscription(issue_id=issue_id, person=person))


@action(
    VIEW,
    "the messages went to that person",
    About.ISSUE,
    Dialog("Unsubscribe", "Unsubscribe from this issue?", "You get no more messages about it.", shortcut="F"),
)
def unsubscribe(issue_id: int, *, actor: Actor, key: str) -> ActionResult:
    """Get no more messages about the issue."""

    def act(session: Session, who: Actor, key: Key) -> str:
        get(session, Issue, issue_id, "this issue")
        mine = col(Subscription.issue_id) == issue_id, col(Subscription.person) == who.name
        if not session.exec(delete(Subscription).where(*mine)).rowcount:
            raise Refused("You are not subscribed to this issue.")
        note(session, who, "unsubscribe", issue_id, key, {})
        return "Unsubscribed."

    return once("unsubscribe", actor, f"issue/{issue_id}", key, act, {})


@action(
    OPERATE,
    "the note bears that person's name",
    About.ISSUE,
    Dialog("Add note", "Add to the timeline?", "Everyone who can see this issue can read it.", shortcut="I"),
)
def add_note(
    issue_id: int,
    *,
    actor: Actor,
    text: Annotated[str, Asked("What happened, or what should others know?", missing="Enter a text.")],
    happened: Annotated[str, Asked("When, in UTC (02:10 or 2026-01-31 02:10); empty: now", "line", otherwise="")] = "",
    key: str,
) -> ActionResult:
    """Add a note or an event to the timeline; an event has the time at which it happened."""
    if not text.strip() or len(text) > LONGEST:
        raise Refused(f"Enter a text of at most {LONGEST:,} characters.")
    at = time_of(happened, now())

    def act(session: Session, who: Actor, key: Key) -> str:
        get(session, Issue, issue_id, "this issue")
        session.add(Remark(issue_id=issue_id, by=who.name, text=text.strip(), at=at))
        note(session, who, "add_note", issue_id, key, {"text": text, "happened": happened})
        return "Added to the timeline."

    return once("add_note", actor, f"issue/{issue_id}", key, act, {"text": text, "happened": happened})


def time_of(text: str, at: datetime) -> datetime:
    """The time that a person entered, seen at ``at``: a time of day is the latest one that has passed.

    Raises Refused for another format, the future, or more than OLDEST ago.
    """
    if not (words := text.strip()):
        return at
    if (found := _parsed(words, at)) is None:
        raise Refused("Enter the time in UTC as 02:10 or 2026-01-31 02:10.")
    if not at - OLDEST <= found <= at:
        raise Refused(f"The time must be in the past, at most {OLDEST.days} days ago.")
    return found


def _parsed(text: str, at: datetime) -> datetime | None:
    for form in ("%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S"):
        try:
            return datetime.strptime(text, form).replace(tzinfo=UTC)
        except ValueError:
            continue
    try:
        clock = datetime.strptime(text, "%H:%M")
    except ValueError:
        return None
    today = at.replace(hour=clock.hour, minute=clock.minute, second=0, microsecond=0)
    return today if today <= at else today - DAY


def _open(session: Session, issue_id: int) -> Issue:
    issue = get(session, Issue, issue_id, "this issue")
    if issue.merged_into:
        raise Refused(f"The issue was merged into issue {issue.merged_into}.")
    if issue.status in OVER:
        raise Refused(f"The issue is already {issue.status}.")
    return issue
