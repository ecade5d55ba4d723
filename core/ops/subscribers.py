"""Who subscribed to an issue, and by which channel each of them gets its messages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlmodel import Session, col, select

from core import runtime
from core.models.access import Person
from core.models.following import Subscription
from core.vendors.base import Notifier

EMAIL, CONSOLE = "email", "console"
WORDS = {EMAIL: "by e-mail", CONSOLE: "on the page Needs you"}


def of(session: Session, issue_id: int) -> list[str]:
    """The subscribers whose accounts are active, in the order of their subscriptions."""
    rows = (
        select(Subscription.person)
        .join(Person, col(Person.name) == Subscription.person)
        .where(Subscription.issue_id == issue_id, Person.active())
    )
    return list(session.exec(rows.order_by(col(Subscription.id))))


def channel(person: str, mail: bool) -> str:
    """E-mail for a person whose name is an address, if a mail server is connected (``mail``); else the console."""
    return EMAIL if mail and "@" in person else CONSOLE


def ways(session: Session, issue_id: int | None, route: Sequence[str]) -> Iterator[tuple[str, str]]:
    """(channel, subscriber) for a message about the issue; without those who get it by the route already."""
    server = mail_server()
    receivers = getattr(server, "receivers", ()) if EMAIL in route else ()
    for person in of(session, issue_id) if issue_id else ():
        by = channel(person, server is not None)
        if not (by == EMAIL and person in receivers):
            yield by, person


def mail_server() -> Notifier | None:
    return next((one for one in runtime.current().notifiers if one.name == EMAIL), None)
