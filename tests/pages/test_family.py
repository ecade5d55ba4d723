"""The issue page shows the affected services, the parent and the children, and offers to change the links."""

from core.db import store
from core.models import IssueLink, LinkKind
from tests import factories, screens

HOSTILE = "<script>alert(1)</script>"


def linked(**values) -> tuple[int, int]:
    with store.write() as session:
        parent = factories.issue(session, service="cart", title=f"KeyError {HOSTILE}")
        parent.affects("payment")
        child = factories.issue(session, service="cart", title="High error rate")
        session.add(IssueLink(parent_id=parent.id, child_id=child.id, reason=HOSTILE, **values))
        return parent.id, child.id


def test_parent_and_children_are_shown(console):
    parent, child = linked(kind=LinkKind.SYMPTOM)
    above, below = screens.visit("issues", issue=str(parent)), screens.visit("issues", issue=str(child))
    assert not above.exception and not below.exception
    assert "Affects 2 services: cart, payment." in screens.seen(above) and "Child issues" in screens.seen(above)
    assert "Parent issue" in screens.seen(below) and "Explained by this crash" in screens.seen(below)
    assert HOSTILE not in screens.seen(above) + screens.seen(below)
    assert [b.label for b in below.button if b.key == f"unlink-{child}"] == ["Unlink from parent"]


def test_an_issue_alone_shows_no_family(console):
    with store.write() as session:
        number = factories.issue(session, service="cart").id
    at = screens.visit("issues", issue=str(number))
    assert not at.exception and "Parent issue" not in screens.seen(at) and "Affects" not in screens.seen(at)


def test_the_list_names_all_affected_services(console):
    linked(kind=LinkKind.FIX)
    told = screens.seen(screens.visit("issues"))
    assert "cart, payment" in told and "explained by" not in told


def test_the_list_names_the_issue_that_explains_another(console):
    parent, _ = linked(kind=LinkKind.SYMPTOM)
    told = screens.seen(screens.visit("issues"))
    assert told.count("explained by") == 1
    assert f'<small>explained by <a href="/issues?issue={parent}"' in told
