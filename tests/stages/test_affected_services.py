"""One bug of shared code is one issue of several services, under the strictest of their rules."""

import pytest
from sqlmodel import select

from core.actions import triage
from core.db import store
from core.models import Analysis, Cause, Impact, Issue, Metric, Notification, Severity, Signal, Status, now
from core.ops import notify
from core.policy.reader import parse_policy
from core.queries import failing
from core.queries import issues as queries
from core.stages import analyze, corroborate, decide
from tests.reported import MINUTE, every, grouped, saved, two_repositories
from tests.who import by


@pytest.fixture
def platform(tmp_path):
    return two_repositories(tmp_path)


# --- affected services -----------------------------------------------------------------------------


def test_one_bug_of_shared_code_is_one_issue_of_two_services(platform):
    saved("cart", 5), saved("payment", 4), saved("cart", 3), saved("payment", 2)
    (issue,) = grouped(platform)
    assert (issue.service, issue.affected, issue.where) == ("cart", ["cart", "payment"], "cart, payment")
    assert issue.occurrences == 12
    assert platform.policy.is_critical(*issue.affected), "one of its services is critical"
    assert platform.policy.worst_of(issue.affected) == "payment"


def test_the_number_of_affected_services_counts_in_the_decision(platform):
    saved("cart", 5), saved("payment", 4)
    (issue,) = grouped(platform)
    with store.write() as session:
        found = Analysis(
            issue_id=issue.id, run=1, analyst="embedded", root_cause="x", cause=Cause.CODE, severity=Severity.LOW,
            impact=Impact.LOW, confidence=0.9, simplicity=0.9,
        )  # fmt: skip
        session.add(found)
        session.flush()
        assert decide.situation(platform, session, session.get_one(Issue, issue.id), found).services == 2


def test_a_later_cycle_knows_all_affected_services(platform):
    saved("cart", 9), saved("payment", 8)
    grouped(platform)
    bare = {"title": "KeyError: 'GONE'", "crash": None, "attributes": {"error.class": "KeyError"}, "message": "'GONE'"}
    saved("payment", 1, source="newrelic", **bare)
    assert len(grouped(platform)) == 1


def test_what_a_fix_left_in_another_repository_is_fixed_there(platform):
    saved("cart", 50), saved("partner", 49)
    issue, other = grouped(platform)
    triage.merge(other.id, actor=by("operator"), into=issue.id, key="m")
    issue = next(one for one in grouped(platform) if one.id == issue.id)
    with store.write() as session:
        row = session.get_one(Issue, issue.id)
        row.status, row.ended_at = Status.RESOLVED, now() - 20 * MINUTE
    saved("partner", 1)
    issue = next(one for one in grouped(platform) if one.id == issue.id)
    assert (issue.status, issue.service, issue.affected) == (Status.NEW, "partner", ["partner", "cart"])


@pytest.mark.parametrize(
    ("service", "values"),
    [
        ("partner", {}),  # other code
        ("unknown", {}),  # nobody says what code it runs
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


# --- the strictest rules and the worst figures -----------------------------------------------------


def measured(service: str, errors: float) -> None:
    with store.write() as session:
        for ago in range(4, 0, -1):
            for name, value in (("requests", 100.0), ("errors", errors)):
                at = now() - ago * MINUTE
                session.add(Metric(source="datadog", service=service, name=name, at=at, value=value))


def test_the_service_that_fails_the_most_counts(platform):
    saved("cart", 4), saved("payment", 4)
    (issue,) = grouped(platform)
    measured("cart", 2.0), measured("payment", 60.0)
    facts = analyze.gather(platform, issue.id)
    assert (facts.service, facts.health.error_rate, facts.critical, facts.others) == ("payment", 0.6, True, [])
    analysis = Analysis(cause=Cause.CODE, severity=Severity.HIGH, impact=facts.impact, confidence=0.9, simplicity=0.9)
    with store.read() as session:
        found = decide.situation(platform, session, issue, analysis)
        claimed = corroborate._claim(platform, session, issue, None)
    assert found.service == "payment" and facts.impact is Impact.HIGH and claimed.occurrences == 6


def test_a_message_names_all_services(platform):
    saved("cart", 4), saved("payment", 4)
    (issue,) = grouped(platform)
    with store.write() as session:
        notify.queue(session, "escalated", session.get_one(Issue, issue.id), "k", "x")
    with store.read() as session:
        subjects = {row.subject for row in session.exec(select(Notification))}
    assert subjects == {"Issue escalated: KeyError: 'GONE' (cart, payment)"}


RULES = """
[repositories.a]
remote = "https://git.example/a.git"

[repositories.b]
remote = "https://git.example/a"

[repositories.c]
remote = "https://git.example/a.git"
folder = "services/c"

[services.one]
repository = "a"
forbidden = ["one/**"]
max_lines = 9

[services.two]
repository = "b"
forbidden = ["two/**"]
max_lines = 5
impact = "high"

[services.three]
repository = "c"
corroboration = false
"""


def test_a_fix_obeys_the_rules_of_all_affected_services():
    policy = parse_policy(RULES, "x")
    both = policy.together(["one", "two", "unknown"])
    assert (both.repository, both.forbidden, both.max_lines, both.max_files, both.impact) == (
        "a", ["one/**", "two/**"], 5, 0, Impact.HIGH,
    )  # fmt: skip
    assert policy.worst_of(["three", "one", "two"]) == "two"
    assert policy.worst_of(["unknown"]) == "unknown" and policy.worst_of([]) == ""
    code = policy.code_of
    assert code["one"] == code["two"] != code["three"]
