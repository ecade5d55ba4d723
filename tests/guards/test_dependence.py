"""Which other fault a failed regression test hit, and how long its fix waits for the other issue's fix."""

from __future__ import annotations

import pytest

from core.db import store
from core.models import Crash, Frame, Issue, Raised, Status
from core.repair.bench import _led_on
from core.repair.prove.proof import Tests
from core.repair.sandbox.probe import ProbeOutcome
from core.runtime import Runtime
from core.stages import dependence
from core.stages.context import StepContext
from core.stages.results import Awaited
from core.stages.test import _new_alone
from tests import factories

NEW = "tests/test_new.py"
METS = """KeyError: 'rate'
tests/test_new.py:7: in test_it
    total()
till.py:9: in total
    return share(0, 0) + tax()
till.py:5: in tax
    return {}["rate"]
E   KeyError: 'rate'"""
OWN = METS.replace("in tax", "in share").replace("KeyError", "ZeroDivisionError")
WRONG = "AssertionError: assert 1 == 2\ntests/test_new.py:7: in test_it\n    assert total() == 2\nE   assert 1 == 2"


@pytest.mark.parametrize(
    ("failures", "places"),
    [
        ([f"failure: {METS}"], {("KeyError", "till.py", "tax")}),
        ([f"failure: shop.errors.{METS}"], {("KeyError", "till.py", "tax")}),
        ([f"failure: {WRONG}"], {("AssertionError", "tests/test_new.py", "test_it")}),
        (["error: fixture 'x' not found"], set()),
        (["failure: "], set()),
        ([], set()),
    ],
)
def test_where_a_failed_test_ended(failures, places):
    assert dependence.met(failures) == places


def crash(kind: str, function: str) -> dict:
    frame = Frame(file="/srv/app/till.py", line=5, function=function, code="x")
    return Crash(service="cart", exception=Raised(type=kind, message="x"), frames=(frame,)).model_dump(
        mode="json", by_alias=True
    )


@pytest.fixture
def two(console):
    """An issue with its change, and another one with a fault in till.tax."""
    with store.write() as session:
        mine = factories.issue(session, service="cart")
        factories.signal(session, mine, crash=crash("ZeroDivisionError", "share"))
        change = factories.change_set(session, mine, test_path=NEW)
        other = factories.issue(session, service="cart", status=Status.FIXING, title="KeyError: 'rate'")
        factories.signal(session, other, crash=crash("builtins.KeyError", "tax"))
    return Runtime(console), mine, change, other


def other_fault(two, *failures: str) -> dependence.OtherFault | None:
    rt, mine, change, _ = two
    with store.read() as session:
        return dependence.other(rt, session, mine, change, failures)


def test_the_other_issue_is_named(two):
    found = other_fault(two, f"failure: {METS}")
    assert found.issue_id == two[3].id and f"issue {two[3].id} (KeyError: 'rate', in cart)" in found.message


def test_a_fault_without_an_issue_is_described_as_such(two):
    assert other_fault(two, f"failure: {METS.replace('in tax', 'in toll')}").issue_id == 0


@pytest.mark.parametrize(
    "failures", [(OWN,), (WRONG,), (METS, OWN), (METS, WRONG), ("",), ()], ids=["own", "wrong", "both", "two", "", "-"]
)
def test_a_doubtful_fix_does_not_wait(failures, two):
    assert other_fault(two, *(f"failure: {text}" for text in failures)) is None


def looks(two, status: Status, looks: int, met: int | None = None) -> Awaited:
    rt, mine, _, other = two
    with store.write() as session:
        session.get_one(Issue, other.id).status = status
    return dependence.look(StepContext(rt, mine.id, 1), other.id if met is None else met, looks)


@pytest.mark.parametrize(
    ("status", "number", "ok", "waits"),
    [
        (Status.FIXING, 0, True, True),
        (Status.QUEUED, dependence.LOOKS - 1, True, True),
        (Status.QUEUED, dependence.LOOKS, False, False),
        (Status.RESOLVED, 3, True, False),
        (Status.DISMISSED, 3, True, False),
        (Status.ESCALATED, 0, False, False),
    ],
)
def test_the_wait_ends_with_the_other_issue_or_at_its_limit(status, number, ok, waits, two):
    found = looks(two, status, number)
    assert (found.ok, found.seconds > 0) == (ok, waits)
    assert ok or f"issue {two[3].id} (KeyError: 'rate', in cart)" in found.message


@pytest.mark.parametrize(
    ("status", "chain", "circle"),
    [
        (Status.QUEUED, [0], True),  # the other issue waits for this one
        (Status.QUEUED, [1, 0], True),  # through a third one in between
        (Status.QUEUED, [1, 1], False),  # two others wait for each other
        (Status.TESTING, [0], False),  # it waited, and is in progress again
        (Status.QUEUED, [], False),
    ],
)
def test_issues_that_wait_for_each_other_are_found(status, chain, circle, two):
    rt, mine, _, other = two
    with store.write() as session:
        third = factories.issue(session, service="cart", status=Status.QUEUED, title="ValueError: x")
        names = {0: mine.id, 1: third.id}
        for waiting, awaited in zip((other, third), chain, strict=False):
            session.get_one(Issue, waiting.id).reason = f"{dependence.WAITS}{names[awaited]} (a title, in cart)"
    assert looks(two, status, 0).ok, "the other issue must first see that this one waits"
    found = looks(two, status, 1)
    assert found.circle is circle and found.ok is not circle
    with store.read() as session:
        assert session.get_one(Issue, mine.id).reason.startswith(f"{dependence.WAITS}{other.id} (KeyError")


@pytest.mark.parametrize(("number", "waits"), [(0, True), (1, False)])
def test_a_fault_without_an_issue_is_awaited_once_before_the_next_attempt(number, waits, two):
    found = looks(two, Status.FIXING, number, met=0)
    assert found.ok and (found.seconds > 0) is waits


@pytest.mark.parametrize(
    ("further", "status", "found"),
    [
        ([["KeyError", "till.py", "tax"]], Status.FIXING, True),
        ([["KeyError", "till.py", "toll"]], Status.FIXING, False),
        ([["ZeroDivisionError", "till.py", "share"]], Status.FIXING, False),
        ([["KeyError", "till.py", "tax"]], Status.ESCALATED, False),
        ([["KeyError", "till.py", "tax"]], Status.SCHEDULED, False),
        ([["KeyError", "till.py", "tax"]], Status.RESOLVED, False),
        ([], Status.FIXING, False),
    ],
)
def test_a_fix_that_leads_to_a_fault_in_progress(further, status, found, two):
    rt, mine, change, other = two
    with store.write() as session:
        session.get_one(Issue, other.id).status = status
    change.proof = {"further": further}
    with store.read() as session:
        assert dependence.further_on(rt, session, mine, change) == (other.id if found else None)


def ran(**results: str) -> Tests:
    return Tests({f"tests/test_{name}.py::t": text for name, text in results.items()}, True)


@pytest.mark.parametrize(
    ("results", "known", "alone"),
    [
        (ran(new="failure: x", old=""), (), ["failure: x"]),
        (ran(new="failure: x", old="failure: y"), ("old",), ["failure: x"]),
        (ran(new="failure: x", old="failure: y"), (), []),
        (ran(new="", old=""), (), []),
        (Tests({f"{NEW}::t": "failure: x"}, False), (), ["failure: x"]),
    ],
)
def test_only_a_new_test_that_fails_alone_may_have_hit_another_fault(results, known, alone):
    assert _new_alone(results, NEW, frozenset(f"tests/test_{name}.py::t" for name in known)) == alone


@pytest.mark.parametrize(
    ("after", "further"),
    [
        (ProbeOutcome(error="KeyError", file="till.py", function="tax"), ("KeyError", "till.py", "tax")),
        (ProbeOutcome(error="KeyError", file="till.py", function="tax", deliberate=True), None),  # deliberate
        (ProbeOutcome(error="KeyError"), None),  # outside the program
        (ProbeOutcome(error="ZeroDivisionError", file="till.py", function="share"), None),  # the reported crash itself
        (ProbeOutcome(result="int 3"), None),
    ],
)
def test_which_fault_a_candidate_leads_to(after, further):
    frame = Frame(file="till.py", line=5, function="share", code="return part / whole")
    reported = Crash(service="cart", exception=Raised(type="ZeroDivisionError", message="x"), frames=(frame,))
    assert _led_on(after, reported) == further
