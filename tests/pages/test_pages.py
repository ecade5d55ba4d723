"""Each page in AppTest: empty, with a day's rows, with untrusted text everywhere, without a store."""

import html
import shutil
from datetime import timedelta
from html.parser import HTMLParser

import pytest
from sqlmodel import select
from streamlit.testing.v1 import AppTest

from console.page import NEEDS, PAGES
from core.access import accounts, rights, sessions
from core.audit import chain
from core.db import store
from core.models import Approval, ChangeSet, Deployment, Issue, Notification, Status, now
from core.models.access import Person, Role
from core.models.kept import PolicyVersion
from core.settings import ROOT
from tests import factories, scenes, screens

HOSTILE = """<script>alert(1)</script><img src=x onerror=alert(2)>"'`[x](javascript:alert(3))${{7*7}}"""
EMPTY = {
    "pipeline": "The first starts within 5 min",
    "approvals": "Nothing needs you",
    "issues": "No issues yet",
    "codegen": "No changes yet",
    "deployments": "No deployments yet",
    "kpis": "not enough data",
    "people": "No API tokens yet",
    "policy": "no other row matches",
    "audit": "The audit trail is empty",
    "settings": "No connector has delivered data yet",
    "setup": "Everything is written to",
    "documentation": "Install and run",
}
FULL = {
    "pipeline": ("KeyError: &#x27;GA-1021&#x27; in total", "3 failures in a row", "2 of 5"),
    "approvals": ("checkout is a critical service", "The last rollback took", "Bound to patch"),
    "issues": ("50 issues, newest first", "needs approval", "rolling back"),
    "codegen": ("Skip articles without a price", "zero-division"),
    "deployments": ("22.1 % → 0.0 %", "verified"),
    "people": ("approver", "signs in through the identity provider"),
    "kpis": ("MTTR, auto-fixed", "18 issues fixed by the platform"),
    "policy": ("confidence at least 0.7, severity high, impact low", "api.stripe.com", "payment"),
    "audit": ("change policy", "6 rows, newest first", "customers report wrong totals"),
    "setup": ("takes the way of the service",),
    "documentation": ("How to run the platform", "Architecture decisions"),
    "settings": ("What to do: ", "The vendor limits our requests", "worker-1", "Approval needed"),
}


class Tags(HTMLParser):
    """Names of the elements and of the attributes in a text."""

    def __init__(self, text: str):
        super().__init__()
        self.names, self.attributes, self.links = set(), set(), []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.names.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [value for name, value in attrs if name in ("href", "src")]


def test_every_page_has_test_cases():
    assert set(EMPTY) == set(FULL) == set(PAGES)


@pytest.mark.parametrize("page", PAGES)
def test_an_empty_page_shows_what_happens_next(console, page):
    at = screens.visit(page)
    assert not at.exception
    assert EMPTY[page] in screens.seen(at)
    assert 'href="/logout"' in screens.seen(at)


@pytest.mark.parametrize(("environment", "watched"), [("preview", False), ("production", True)])
def test_only_production_is_shown_as_watched(console, environment, watched):
    with store.write() as session:
        change = factories.change_set(session, factories.issue(session))
        status = "verified" if watched else "ready"
        number = factories.deployment(session, change, environment=environment, status=status).id
    said = screens.seen(screens.visit("deployments", deployment=number))
    assert ("p95 growth is at most 1.5× or 50 ms, whichever is greater" in said) == watched
    assert ("Health before and after" in said) == ("Returns to" in said) == watched
    assert said.count("ready 20") == 1


@pytest.mark.parametrize(
    ("page", "query", "title"),
    [("issues", {}, "Issues"), ("issues", {"issue": 1}, "Issue 1"), ("codegen", {"change": 1}, "Change 1"),
     ("deployments", {"deployment": 1}, "Deployment 1")],
)  # fmt: skip
def test_each_tab_has_its_own_title(console, monkeypatch, page, query, title):
    told = []
    monkeypatch.setattr("streamlit.set_page_config", lambda **values: told.append(values.get("page_title")))
    with store.write() as session:
        scenes.story(session, Status.RESOLVED)
    screens.visit(page, **query)
    assert told[-1] == f"{title} · DevOps Intelligence"


def test_counts_of_one_are_singular(console):
    with store.write() as session:
        factories.issue(session)
    assert "1 issue, newest first; 1 on this page." in screens.seen(screens.visit("issues"))


@pytest.mark.parametrize("page", PAGES)
def test_a_page_shows_a_days_rows(console, page):
    with store.write() as session:
        scenes.shop(session)
    at = screens.visit(page)
    assert not at.exception
    for words in FULL[page]:
        assert words in screens.seen(at)


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("page", PAGES)
def test_every_page_under_every_role(console, page, role):
    """Opened by its address: drawn only for those with the right."""
    with store.write() as session:
        scenes.story(session, Status.AWAITING_APPROVAL)
    at = screens.visit(page, role.value)
    assert not at.exception
    if role in rights.RIGHTS[NEEDS.get(page, rights.VIEW)]:
        assert at.title[0].value == PAGES[page] and role.value in screens.seen(at)
    else:
        assert not at.title and "required role: " in at.warning[0].value


def unknown():
    return "not a session"


def of_a_disabled_person():
    found = sessions.digest("viewer")
    accounts.set_disabled("viewer", True, by="admin")
    return found


def before_a_new_password():
    found = sessions.digest("viewer")
    with store.write() as session:
        session.get(Person, "viewer").must_change = True
    return found


@pytest.mark.parametrize("session_id", [unknown, of_a_disabled_person, before_a_new_password])
def test_a_page_without_a_live_session_shows_nothing(console, session_id):
    with store.write() as session:
        issue = scenes.story(session, Status.AWAITING_APPROVAL)
    at = AppTest.from_file(str(ROOT / "console" / "server" / "main.py"), default_timeout=60)
    at.user = {"session": session_id()}
    at.run()
    at = at.switch_page(str(ROOT / "pages" / "issues.py")).run()
    assert "Your session has ended" in screens.seen(at)
    assert html.escape(issue.title) not in screens.seen(at) and not at.button


@pytest.mark.parametrize("page", PAGES)
def test_a_page_without_its_store_shows_what_to_do(tmp_path, page):
    folder = tmp_path / "gone"
    folder.mkdir()
    screens.open_console(folder)
    store.engine().dispose()
    shutil.rmtree(folder)
    at = screens.visit(page)
    assert not at.exception
    assert "The database is not responding" in screens.seen(at)
    assert "python -m core doctor" in screens.seen(at)
    assert "try_again" in {button.key for button in at.button}


@pytest.mark.parametrize("status", Status)
def test_an_issue_page_is_complete_at_every_status(console, status):
    with store.write() as session:
        issue = scenes.story(session, status)
    at = screens.visit("issues", issue=issue.id)
    assert not at.exception
    assert html.escape(issue.title) in screens.seen(at)
    assert len(at.tabs) == 8
    assert "Outcome</h3>" in screens.seen(at) or "Now</h3>" in screens.seen(at)


@pytest.mark.parametrize(
    ("status", "words"),
    [(Status.AWAITING_APPROVAL, "approval"), (Status.QUEUED, "queued"), (Status.RESOLVED, "")],
)
def test_a_fix_that_waits_for_production_is_not_shown_as_deployed(console, status, words):
    with store.write() as session:
        issue = scenes.story(session, status)
    said = screens.seen(screens.visit("issues", issue=issue.id))
    step = said.partition("<b>deploy</b>")[2].partition("</li>")[0]
    assert (f"<small>{words}</small>" in step) == bool(words)


ALWAYS, OPEN = {"Subscribe", "Add note"}, {"Subscribe", "Add note", "Acknowledge", "Set owner"}
OFFERED = {
    Status.AWAITING_APPROVAL: {"Approve", "Reject", "Escalate", "Dismiss", "Silence", *OPEN},
    Status.FIXING: {"Escalate", "Dismiss", "Silence", *OPEN},
    Status.ESCALATED: {"Start new run", "Resolve", "Dismiss", "Silence", *OPEN},
    Status.DISMISSED: {"Start new run", *ALWAYS},
    Status.RESOLVED: ALWAYS,
}


@pytest.mark.parametrize("status", OFFERED)
def test_only_possible_actions_are_offered(console, status):
    with store.write() as session:
        issue = scenes.story(session, status)
    at = screens.visit("issues", issue=issue.id)
    assert {button.label for button in at.button} == OFFERED[status]


ADDRESSES = (
    "pipeline",
    "approvals",
    "approvals?approval",
    "issues",
    "issues?issue",
    "codegen",
    "codegen?change",
    "deployments",
    "deployments?deployment",
    "kpis",
    "policy",
    "policy?version",
    "audit",
    "settings",
)


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("status", [Status.AWAITING_APPROVAL, Status.RESOLVED])
def test_untrusted_text_is_always_escaped(console, address, status):
    with store.write() as session:
        issue = scenes.story(session, status, text=HOSTILE)
        factories.connector(session, HOSTILE, failures=2, error=HOSTILE)
        factories.round_(session, timedelta(seconds=5), worker=HOSTILE, result=HOSTILE)
        one = {
            "issue": issue.id,
            "approval": session.exec(select(Approval.id)).first() or 1,
            "change": session.exec(select(ChangeSet.id)).first(),
            "deployment": session.exec(select(Deployment.id)).first(),
            "version": factories.add(session, PolicyVersion(sha256="x", text=HOSTILE, by=HOSTILE, reason=HOSTILE)).id,
        }
        chain.record(session, HOSTILE, HOSTILE, HOSTILE, {HOSTILE: HOSTILE}, key=HOSTILE)
    page, _, name = address.partition("?")
    at = screens.visit(page, **({name: one[name]} if name else {}))
    assert not at.exception
    drawn = [e.proto.body for e in at.get("html") if not e.proto.body.startswith("<style>")]
    tags = Tags("".join(drawn))
    assert not tags.names & {"script", "img", "iframe", "object", "embed", "form", "base", "meta"}
    assert not {name for name in tags.attributes if name.startswith("on")}
    assert all(link.startswith(("/", "http://", "https://")) for link in tags.links)
    told = [e.value for e in [*at.markdown, *at.title, *at.caption, *at.error]]
    assert not any("onerror" in words for words in told), "untrusted text was passed to markdown"


ONE = [
    ("approvals", "approval"),
    ("issues", "issue"),
    ("codegen", "change"),
    ("deployments", "deployment"),
    ("policy", "version"),
]


@pytest.mark.parametrize("page, name", ONE)
@pytest.mark.parametrize("value", ["999", "0", "-1", "x", "1 OR 1=1", "٣", "9" * 40, ""])
def test_an_unknown_number_is_not_found(console, page, name, value):
    with store.write() as session:
        scenes.story(session, Status.RESOLVED)
    at = screens.visit(page, **{name: value})
    assert not at.exception
    assert "not found" in screens.seen(at)
    assert not at.button


def test_the_address_filters_the_list(console):
    with store.write() as session:
        fixing = scenes.story(session, Status.FIXING)
        resolved = scenes.story(session, Status.RESOLVED)
    text = screens.seen(screens.visit("issues", status="fixing,nonsense"))
    assert f"/issues?issue={fixing.id}" in text
    assert f'/issues?issue={resolved.id}"' not in text


def test_the_pipeline_shows_the_notifications_of_a_day(console):
    """Only those that go to the console for everyone; nothing without one."""
    title = "Notifications of the last 24 hours"
    assert title not in screens.seen(screens.visit("pipeline"))
    of = {"event": "low_confidence", "state": "sent", "subject": "Low confidence: total"}
    with store.write() as session:
        for key, more in (
            ("shown", {}),
            ("slack", {"channel": "slack"}),
            ("mine", {"receiver": "ada"}),
            ("old", {"created_at": now() - timedelta(hours=25)}),
        ):
            factories.add(session, Notification(**{"channel": "console", **of, **more}, key=key, body=HOSTILE + key))
    text = screens.seen(screens.visit("pipeline"))
    assert title in text and "Low confidence: total" in text
    assert [key for key in ("shown", "slack", "mine", "old") if f"{{7*7}}}}{key}" in text] == ["shown"]
    assert HOSTILE not in text


def test_an_invalid_platform_file_is_shown_on_the_pipeline(tmp_path):
    screens.open_console(tmp_path, platform="[guards]\nspeed = 9\n")
    at = screens.visit("pipeline")
    assert not at.exception
    assert "guards.speed" in at.error[0].value


def test_a_writer_does_not_block_readers(console):
    with store.write() as session:
        session.add(Issue(fingerprint="f", title="being written", service="cart"))
        session.flush()
        at = screens.visit("issues")
    assert not at.exception
    assert "No issues yet" in screens.seen(at)


def test_pages_read_a_bounded_number_of_rows(console):
    with store.write() as session:
        for _ in range(60):
            factories.issue(session)
    text = screens.seen(screens.visit("issues"))
    assert "60 issues, newest first; 25 on this page." in text
    assert text.count("data-nav") == 25


def test_an_approval_is_bound_to_the_displayed_patch(console):
    with store.write() as session:
        scenes.story(session, Status.AWAITING_APPROVAL)
        asked = session.exec(select(Approval)).one()
        shown = session.get(ChangeSet, asked.change_set_id)
        assert asked.patch_hash == shown.patch_hash
    assert f"/codegen?change={shown.id}" in screens.seen(screens.visit("pipeline"))
