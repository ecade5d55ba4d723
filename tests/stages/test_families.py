"""One incident is one issue: shared code, symptoms as children of their crash, and what people decide about them."""

from datetime import timedelta

import pytest
from sqlmodel import col, select

from core import runtime
from core.access.rights import Refused
from core.actions import families, triage
from core.db import store
from core.models import Issue, IssueLink, Kind, LinkKind, Notification, Signal, Status, now
from core.models.enums import TEST_ENVIRONMENT
from core.queries import approvals, failing
from core.queries import issues as queries
from core.stages import following, group
from tests import factories, screens
from tests.who import by

MINUTE = timedelta(minutes=1)
TWO_REPOSITORIES = (
    screens.PLATFORM
    + """
[repositories.partner]
remote = "https://git.example/partner.git"
vercel_project = "partner"

[services.partner]
repository = "partner"
"""
)


@pytest.fixture
def platform(tmp_path):
    return runtime.use(runtime.Runtime(screens.open_console(tmp_path, platform=TWO_REPOSITORIES)))


def saved(service: str, ago: float, **values) -> None:
    """A signal so many minutes ago; a crash in shop/price.py unless ``values`` say something else."""
    frames = [
        {"file": f"shop/{service}.py", "function": "handle", "code": "return total(cart)"},
        {"file": "shop/price.py", "function": "total", "line": 7, "code": "price = prices[line.article]"},
    ]
    crash = {"exception": {"type": "KeyError", "message": "'GONE'"}, "frames": frames}
    given = {"kind": Kind.EXCEPTION, "title": "KeyError: 'GONE'", "crash": crash, "source": "sentry", "count": 3}
    with store.write() as session:
        number = len(session.exec(select(Signal.id)).all())
        session.add(Signal(vendor_id=f"v{number}", service=service, at=now() - ago * MINUTE, **given | values))


def alert(service: str, ago: float, title: str, source: str = "datadog", **values) -> None:
    saved(service, ago, kind=Kind.ALERT, title=title, crash=None, count=1, source=source, **values)


def grouped(platform) -> list[Issue]:
    group.group_new(platform)
    return every()


def every() -> list[Issue]:
    with store.read() as session:
        return list(session.exec(select(Issue).order_by(col(Issue.id))))


def links() -> list[tuple[int, int, LinkKind, bool]]:
    with store.read() as session:
        rows = session.exec(select(IssueLink).order_by(col(IssueLink.id))).all()
    return [(row.child_id, row.parent_id, row.kind, row.ended_at is None) for row in rows]


def started(platform) -> list[int]:
    return group.start_new(platform, begin=lambda session, issue: None)


def move(issue_id: int, status: Status, **values) -> None:
    with store.write() as session:
        row = session.get_one(Issue, issue_id)
        row.sqlmodel_update({"status": status, "ended_at": now(), **values})


# --- affected services -----------------------------------------------------------------------------


def test_one_bug_of_shared_code_is_one_issue_of_two_services(platform):
    saved("cart", 5), saved("payment", 4), saved("cart", 3), saved("payment", 2)
    (issue,) = grouped(platform)
    assert (issue.service, issue.affected, issue.where) == ("cart", ["cart", "payment"], "cart, payment")
    assert issue.occurrences == 12
    assert platform.policy.is_critical(*issue.affected), "one of its services is critical"
    assert platform.policy.worst_of(issue.affected) == "payment"


def test_a_later_cycle_knows_all_affected_services(platform):
    saved("cart", 9), saved("payment", 8)
    grouped(platform)
    bare = {"title": "KeyError: 'GONE'", "crash": None, "attributes": {"error.class": "KeyError"}, "message": "'GONE'"}
    saved("payment", 1, source="newrelic", **bare)
    assert len(grouped(platform)) == 1


@pytest.mark.parametrize(
    ("service", "values"),
    [
        ("partner", {}),  # other code
        ("payment", {"crash": {"exception": {"type": "KeyError", "message": "'GONE'"}, "frames": [
            {"file": "shop/price.py", "function": "discount", "code": "price = prices[line.article]"}]}}),
        ("payment", {"crash": {"exception": {"type": "TypeError", "message": "x"}, "frames": [
            {"file": "shop/price.py", "function": "total", "code": "price = prices[line.article]"}]}}),
    ],
)  # fmt: skip
def test_another_fault_in_another_service_stays_separate(platform, service, values):
    saved("cart", 5), saved(service, 4, **values)
    assert [issue.affected for issue in grouped(platform)] == [["cart"], [service]]


def test_every_affected_service_finds_its_issue(platform):
    saved("cart", 2), saved("payment", 1)
    (issue,) = grouped(platform)
    with store.read() as session:
        for service in ("cart", "payment"):
            assert [i.id for i in queries.page(session, queries.IssueFilter(service=service))] == [issue.id]
            assert [i.id for i in failing.still_seen(session, now())[service]] == [issue.id]
        assert queries.page(session, queries.IssueFilter(service="pay")) == []


def test_an_issue_of_an_older_version_affects_its_service(platform):
    with store.write() as session:
        session.add(Issue(fingerprint="old", title="old", service="cart"))
    assert every()[0].affected == ["cart"]


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
    with pytest.raises(Refused, match="has no parent"):
        families.unlink(1, actor=by("operator"), reason="x", key="c")


# --- errors that a fix caused ----------------------------------------------------------------------


def released(ago: float, **values) -> int:
    """The issue of a fix that changed line 44 of shop/cart.py, released so many minutes ago."""
    with store.write() as session:
        fixed = factories.issue(session, service="cart", status=Status.RESOLVED)
        made = factories.change_set(session, fixed)
        at = now() - ago * MINUTE
        factories.deployment(session, made, ready_at=at, started_at=at, **{"ended_at": None} | values)
        return fixed.id


def in_line(line: int, **values) -> dict:
    frames = [{"file": "/app/shop/cart.py", "function": "total", "line": line, "code": "amount += price"}]
    return {
        "crash": {"exception": {"type": "TypeError", "message": "x"}, "frames": frames},
        "title": "TypeError: x",
    } | values


def test_an_error_in_the_lines_of_a_fix_is_linked_to_its_issue(platform):
    fixed = released(20)
    saved("cart", 5, **in_line(44))
    caused = grouped(platform)[-1]
    assert links() == [(caused.id, fixed, LinkKind.FIX, True)]
    assert started(platform) == [caused.id], "it starts a run as usual"
    with store.read() as session:
        (link,) = session.exec(select(IssueLink)).all()
    assert link.change_set_id and link.reason.endswith("which changed /app/shop/cart.py:44.")


@pytest.mark.parametrize(
    ("ago", "values", "released_"),
    [
        (5, in_line(90), {}),  # other lines
        (30, in_line(44), {}),  # before the release
        (5, in_line(44, service="partner"), {}),  # another repository
        (5, in_line(44, release="abcdef0123"), {}),  # of another build
        (5, in_line(44), {"status": "rolled_back", "ended_at": now() - 15 * MINUTE}),
    ],
)
def test_other_errors_are_not_the_fixs_fault(platform, ago, values, released_):
    released(20, **released_)
    values = dict(values)
    saved(values.pop("service", "cart"), ago, **values)
    grouped(platform)
    assert links() == []


# --- merged and split by hand ----------------------------------------------------------------------


def test_a_split_takes_its_service_along(platform):
    saved("cart", 5), saved("payment", 4)
    (issue,) = grouped(platform)
    with store.read() as session:
        (chosen,) = session.exec(select(Signal.fingerprint).where(Signal.service == "cart"))
    triage.split(issue.id, actor=by("operator"), fingerprints=[chosen], key="s")
    assert [one.affected for one in every()] == [["payment"], ["payment", "cart"]], "the strictest rules stay with both"
    saved("cart", 2), saved("payment", 1)
    assert len(grouped(platform)) == 2


def test_a_merge_affects_the_services_of_both(platform):
    saved("cart", 5), saved("partner", 4)
    first, second = grouped(platform)
    triage.merge(second.id, actor=by("operator"), into=first.id, key="m")
    assert every()[0].affected == ["cart", "partner"]


def test_a_test_event_explains_nothing(platform):
    saved("cart", 4, environment=TEST_ENVIRONMENT), alert("cart", 3, "High error rate on cart")
    grouped(platform)
    assert links() == []
