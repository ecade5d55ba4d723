"""Symptoms are children of the crash that explains them, and what people decide about links."""

import pytest
from sqlmodel import select

from core.access.rights import Refused
from core.actions import families
from core.db import store
from core.models import Kind, LinkKind, Notification, Status, now
from core.models.enums import TEST_ENVIRONMENT
from core.queries import approvals, failing
from core.queries import issues as queries
from core.stages import analyze, following
from tests.reported import MINUTE, alert, every, grouped, links, move, saved, started, two_repositories
from tests.who import by


@pytest.fixture
def platform(tmp_path):
    return two_repositories(tmp_path)


# --- children --------------------------------------------------------------------------------------


def test_late_alerts_of_several_vendors_become_one_child_of_the_crash(platform):
    for ago in (*range(240, 0, -20), 2):
        saved("cart", ago)
    alert("cart", 200, "High error rate on cart"), alert("cart", 30, "cart 5xx above 5 %", "cloudwatch")
    crash, symptom = grouped(platform)
    assert (crash.kind, symptom.kind, links()) == (Kind.EXCEPTION, Kind.ALERT, [(2, 1, LinkKind.SYMPTOM, True)])
    assert started(platform) == [crash.id]
    assert every()[1].reason == "Issue 1 explains it: KeyError: 'GONE'. It starts no run of its own."
    with store.read() as session:
        assert [issue.id for issue in failing.still_seen(session, now())["cart"]] == [crash.id]


def test_an_alert_is_evidence_for_a_crash_that_was_reported_once(platform):
    saved("cart", 4, count=1)
    grouped(platform)
    assert started(platform) == []
    alert("cart", 3, "High error rate on cart")
    grouped(platform)
    assert started(platform) == [1]


def test_the_analysis_counts_the_alerts_that_a_crash_explains_as_sources(platform):
    saved("cart", 4), alert("cart", 3, "High error rate on cart", "cloudwatch")
    grouped(platform)
    assert analyze.gather(platform, 1).confirmed_by == ["cloudwatch"]
    assert analyze.gather(platform, 2).confirmed_by == []
    families.unlink(2, actor=by("operator"), reason="no", key="k")
    assert analyze.gather(platform, 1).confirmed_by == []


def test_an_alert_that_came_first_becomes_the_child(platform):
    alert("cart", 6, "High error rate on cart")
    (first,) = grouped(platform)
    move(first.id, Status.ESCALATED)
    saved("cart", 4)
    assert [issue.kind for issue in grouped(platform)] == [Kind.ALERT, Kind.EXCEPTION]
    assert links() == [(1, 2, LinkKind.SYMPTOM, True)]
    assert started(platform) == [2]
    with store.read() as session:
        assert (approvals.needs(session), approvals.escalated(session)) == (0, []), "the crash is listed instead"


def test_a_child_goes_to_people_with_its_parent(platform):
    saved("cart", 4), alert("cart", 3, "High error rate on cart")
    grouped(platform)
    move(1, Status.ESCALATED)
    assert following.follow() == [2] and every()[1].status is Status.ESCALATED
    with store.read() as session:
        assert [issue.id for issue in approvals.escalated(session)] == [1] and approvals.needs(session) == 1
        assert not session.exec(select(Notification)).all()
    assert following.follow() == []
    move(1, Status.RESOLVED)
    assert following.follow() == [2] and every()[1].status is Status.RESOLVED


def test_a_child_ends_with_its_parent(platform):
    saved("cart", 4), alert("cart", 3, "High error rate on cart")
    grouped(platform)
    move(1, Status.RESOLVED, reason="Fixed, deployed and verified")
    assert following.follow() == [2]
    child = every()[1]
    assert (child.status, child.reason) == (
        Status.RESOLVED,
        "Ended with issue 1, which explains it. Fixed, deployed and verified",
    )


def test_a_child_that_goes_on_becomes_an_issue_of_its_own(platform):
    saved("cart", 40), alert("cart", 39, "High error rate on cart")
    grouped(platform)
    move(1, Status.RESOLVED, ended_at=now() - 20 * MINUTE)
    following.follow()
    alert("cart", 1, "High error rate on cart")
    assert len(grouped(platform)) == 2
    assert every()[1].status is Status.NEW
    assert following.follow() == [2] and links() == [(2, 1, LinkKind.SYMPTOM, False)]
    assert started(platform) == [2]


@pytest.mark.parametrize(
    ("service", "ago", "title"),
    [
        ("search", 3, "High error rate on search"),
        ("cart", 3, "Disk of cart almost full"),
        ("cart", 100, "High error rate on cart"),  # long before
    ],
)
def test_what_a_crash_does_not_explain_is_no_child(platform, service, ago, title):
    saved("cart", 4), alert(service, ago, title)
    assert len(grouped(platform)) == 2
    assert links() == []
    assert len(started(platform)) == 2


def test_a_test_event_explains_nothing(platform):
    saved("cart", 4, environment=TEST_ENVIRONMENT), alert("cart", 3, "High error rate on cart")
    grouped(platform)
    assert links() == []


# --- people ----------------------------------------------------------------------------------------


def test_an_unlinked_issue_starts_and_is_not_linked_again(platform):
    saved("cart", 4), alert("cart", 3, "High error rate on cart")
    grouped(platform)
    assert families.unlink(2, actor=by("operator"), reason="another fault", key="u").done
    alert("cart", 1, "cart: 5xx above 5 %", "cloudwatch"), saved("cart", 1)
    grouped(platform)
    assert links() == [(2, 1, LinkKind.SYMPTOM, False)]
    assert 2 in started(platform)


def test_a_persons_link_holds_and_is_not_moved(platform):
    saved("cart", 4), saved("partner", 3), alert("cart", 3, "High error rate on cart")
    grouped(platform)
    assert families.link(3, actor=by("operator"), parent=2, reason="the partner fails", key="l").done
    saved("cart", 1)
    grouped(platform)
    assert links()[-1] == (3, 2, LinkKind.PERSON, True)
    with store.read() as session:
        told = queries.story(session, 3)
        above = queries.story(session, 2)
    assert told.parent and (told.parent.issue.id, told.parent.link.by) == (2, "operator")
    assert [child.issue.id for child in above.children] == [3]


def test_impossible_links_are_refused(platform):
    saved("cart", 4), saved("partner", 3)
    grouped(platform)
    families.link(2, actor=by("operator"), parent=1, reason="one outage", key="a")
    for child, parent, reason, says in ((1, 2, "x", "its own parent"), (1, 1, "x", "its own parent"),
                                        (1, 9, "x", "does not exist"), (1, 2, " ", "Enter a reason")):  # fmt: skip
        with pytest.raises(Refused, match=says):
            families.link(child, actor=by("operator"), parent=parent, reason=reason, key="b")
    move(2, Status.RESOLVED)
    with pytest.raises(Refused, match="Issue 2 has ended"):
        families.link(1, actor=by("operator"), parent=2, reason="x", key="d")
    with pytest.raises(Refused, match="has no parent"):
        families.unlink(1, actor=by("operator"), reason="x", key="c")
