"""The people around an issue: acknowledge, owner, subscribers, notes; and where each of them is seen."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import select

from core import runtime
from core.access import accounts
from core.access.rights import Refused
from core.actions import following
from core.db import store
from core.models import AuditRow, Issue, Notification, Status
from core.models.access import Person, Role
from core.models.following import Remark, Subscription
from core.ops import notify
from core.runtime import Runtime
from tests import factories, scenes, screens
from tests.who import by

MAIL = "ann@shop.example"
AT = datetime(2026, 3, 4, 12, 30, tzinfo=UTC)


class Mail:
    """A mail server that keeps what it was given; ``receivers`` get every message of the route."""

    name, receivers = "email", ["all@shop.example"]

    def __init__(self):
        self.sent = []

    def send(self, message) -> str:
        self.sent.append(message)
        return ""


@pytest.fixture
def mail(console):
    runtime.use(Runtime(console, notifiers=[Mail()]))
    with store.write() as session:
        session.add(Person(name=MAIL, role=Role.OPERATOR))
    return runtime.current().notifiers[0]


@pytest.fixture
def issue(console) -> int:
    if runtime._current is None or runtime.current().settings is not console:
        runtime.use(Runtime(console))
    with store.write() as session:
        return scenes.story(session, Status.ESCALATED).id


def of(table, *where) -> list:
    with store.read() as session:
        return list(session.exec(select(table).where(*where)).all())


def page(number: int, person: str = "admin") -> str:
    return screens.seen(screens.visit("issues", person, issue=number))


def test_an_acknowledged_issue_names_who_looks_at_it(issue):
    assert "Not acknowledged" in page(issue)
    assert following.acknowledge(issue, actor=by("operator"), key="k").done
    assert not following.acknowledge(issue, actor=by("operator"), key="k").done
    assert "Acknowledged by operator" in page(issue)
    with pytest.raises(Refused, match="operator has already acknowledged"):
        following.acknowledge(issue, actor=by("bob"), key="other")
    [row] = of(AuditRow, AuditRow.action == "acknowledge")
    assert (row.actor, row.subject) == ("operator", f"issue/{issue}")


def test_the_owner_is_subscribed_and_the_platform_goes_on(issue):
    following.set_owner(issue, actor=by("operator"), to="bob", key="k")
    [kept] = of(Issue)
    assert (kept.owner, kept.assignee, kept.status) == ("bob", None, Status.ESCALATED)
    assert [row.person for row in of(Subscription)] == ["bob"]
    assert "Owner: bob" in page(issue)


@pytest.mark.parametrize("to", ["viewer", "nobody", ""])
def test_only_those_who_may_work_on_issues_own_one(issue, to):
    with pytest.raises(Refused, match="neither a group nor a person"):
        following.set_owner(issue, actor=by("operator"), to=to, key="k")
    assert of(Issue)[0].owner is None and not of(Subscription)


def test_a_group_can_own_an_issue(console, issue):
    file = console.platform_file
    file.write_text(file.read_text() + '[access.groups]\npayments = ["bob"]\n')
    following.set_owner(issue, actor=by("operator"), to="payments", key="k")
    assert of(Issue)[0].owner == "payments" and not of(Subscription)


def tell(number: int, event: str = "escalated") -> None:
    with store.write() as session:
        notify.queue(session, event, session.get_one(Issue, number), f"k-{number}", "it is worse")


def test_a_subscriber_gets_the_messages_by_their_channel(mail, issue):
    for person in (MAIL, "viewer"):
        following.subscribe(issue, actor=by(person), key="k")
        following.subscribe(issue, actor=by(person), key="again")
    tell(issue)
    notify.deliver(runtime.current())
    assert [(sent.receiver, sent.body) for sent in mail.sent] == [(MAIL, "it is worse")]
    [kept] = of(Notification, Notification.receiver == "viewer")
    assert (kept.channel, kept.state) == ("console", "sent")
    assert "it is worse" in screens.seen(screens.visit("approvals", "viewer"))
    assert "it is worse" not in screens.seen(screens.visit("approvals", "bob"))


def test_an_address_without_a_mail_server_gets_the_messages_in_the_console(mail, issue):
    following.subscribe(issue, actor=by(MAIL), key="k")
    runtime.current().notifiers = []
    tell(issue)
    assert [row.channel for row in of(Notification, Notification.receiver == MAIL)] == ["console"]
    assert f"{MAIL} (on the page Needs you)" in page(issue)


def test_nobody_gets_a_message_twice(mail, issue):
    mail.receivers = [MAIL]
    following.subscribe(issue, actor=by(MAIL), key="k")
    tell(issue, "performance")  # its route is e-mail
    assert [row.receiver for row in of(Notification, Notification.event == "performance")] == [""]


@pytest.mark.parametrize("leave", ["unsubscribe", "disable"])
def test_who_left_gets_no_more_messages(mail, issue, leave):
    following.subscribe(issue, actor=by(MAIL), key="k")
    if leave == "unsubscribe":
        following.unsubscribe(issue, actor=by(MAIL), key="k2")
    else:
        accounts.set_disabled(MAIL, True, by="admin")
    tell(issue)
    assert not of(Notification, Notification.receiver == MAIL)


def test_a_note_is_a_line_of_the_timeline_at_its_time(issue):
    text = "<img src=x onerror=alert(1)> restarted the cache"
    following.add_note(issue, actor=by("operator"), text=text, happened="00:01", key="k")
    [kept] = of(Remark)
    assert (kept.by, kept.text, kept.at.minute, kept.at <= kept.created_at) == ("operator", text, 1, True)
    told = page(issue)
    assert "restarted the cache" in told and "<img src=x" not in told and told.count("restarted the cache") == 1
    assert of(AuditRow, AuditRow.action == "add_note")[0].detail["text"] == text


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("", AT),
        ("12:30", AT),
        (" 02:10 ", AT.replace(hour=2, minute=10)),
        ("23:10", AT.replace(hour=23, minute=10) - timedelta(days=1)),
        ("2026-03-03 05:06", datetime(2026, 3, 3, 5, 6, tzinfo=UTC)),
        ("2026-03-03 05:06:07", datetime(2026, 3, 3, 5, 6, 7, tzinfo=UTC)),
        ("2026-03-05 05:06", None),
        ("2025-03-03 05:06", None),
        ("25:00", None),
        ("yesterday", None),
    ],
)
def test_the_time_of_an_event(told, expected):
    if expected:
        assert following.time_of(told, AT) == expected
    else:
        with pytest.raises(Refused, match="the past|Enter the time"):
            following.time_of(told, AT)


@pytest.mark.parametrize("text", ["", "  ", "x" * 2001])
def test_a_note_has_a_text(issue, text):
    with pytest.raises(Refused, match="at most 2,000"):
        following.add_note(issue, actor=by("operator"), text=text, happened="", key="k")


@pytest.mark.parametrize("name", ["acknowledge", "set_owner"])
@pytest.mark.parametrize("values", [{"status": Status.RESOLVED}, {"merged_into": 1}])
def test_an_issue_that_is_over_is_left_alone(console, issue, name, values):
    with store.write() as session:
        other = factories.issue(session, **{"status": Status.ESCALATED, **values}).id
    given = {"to": "bob"} if name == "set_owner" else {}
    with pytest.raises(Refused, match="already resolved|was merged"):
        getattr(following, name)(other, actor=by("operator"), key="k", **given)
