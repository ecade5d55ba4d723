"""The issue list's filter: in the address, saved under a name, visible only to its owner."""

import pytest

from console.parts import filtering
from core.db import store
from core.models import Severity, Status
from core.queries import saved_views
from core.queries.issues import IssueFilter
from tests import scenes, screens

FULL = IssueFilter("KeyError & co", (Status.FIXING, Status.ESCALATED), (Severity.HIGH,), "cart", "occurrences")


@pytest.mark.parametrize("wanted", [IssueFilter(), FULL, IssueFilter(sort="last error"), IssueFilter(text="%_")])
def test_a_filter_survives_its_address(wanted):
    assert filtering.read(filtering.as_query(wanted)) == wanted


@pytest.mark.parametrize(
    "query", [{"status": "nonsense"}, {"severity": "x,,"}, {"sort": "1; DROP"}, {"unknown": "1"}, {"status": ""}]
)
def test_unknown_values_in_an_address_are_ignored(query):
    assert filtering.read(query) == IssueFilter()


@pytest.fixture
def shop(console):
    with store.write() as session:
        scenes.shop(session)
    return console


def widget(at, kind, label):
    return next(e for e in getattr(at, kind) if e.label == label)


def test_the_address_follows_the_filter_and_fills_it(shop):
    at = screens.visit("issues", status="fixing", sort="occurrences")
    assert widget(at, "multiselect", "Status").value == [Status.FIXING]
    assert widget(at, "selectbox", "Order").value == "occurrences"
    widget(at, "selectbox", "Service").set_value("search").run()
    assert dict(at.query_params) == {"service": "search", "status": "fixing", "sort": "occurrences"}
    assert "1 issue, most occurrences first" in screens.seen(at)


def test_a_view_is_saved_opened_and_deleted(shop):
    at = screens.visit("issues", status="escalated")
    widget(at, "text_input", "Name of the view").set_value("Mine").run()
    widget(at, "button", "Save").click().run()
    again = screens.visit("issues")
    assert "50 issues" in screens.seen(again)
    widget(again, "button", "Mine").click().run()
    assert "8 issues" in screens.seen(again)
    widget(again, "button", "Delete Mine").click().run()
    assert not any(b.label == "Mine" for b in screens.visit("issues").button)


def test_a_view_belongs_only_to_its_owner(shop):
    with store.write() as session:
        kept = saved_views.keep(session, "somebody else", "Theirs", "status=fixing")
        saved_views.forget(session, "admin", kept.id)
        assert [v.name for v in saved_views.views(session, "somebody else")] == ["Theirs"]
    assert not any(b.label == "Theirs" for b in screens.visit("issues").button)


def test_the_same_name_replaces_a_view(console):
    with store.write() as session:
        saved_views.keep(session, "ada", "  Mine ", "status=fixing")
        saved_views.keep(session, "ada", "Mine", "status=escalated")
        assert [(v.name, v.query) for v in saved_views.views(session, "ada")] == [("Mine", "status=escalated")]
        with pytest.raises(ValueError):
            saved_views.keep(session, "ada", " ", "x")
