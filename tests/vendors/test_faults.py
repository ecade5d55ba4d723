"""What each client makes of each fault: how often it asks, what it says, how long it rests; nothing lost or doubled.

Every row is a round in which the records' first requests meet the fault, and a round after it in which nothing does.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlmodel import col, delete, func, select

from core.db import store
from core.models import Connector, Signal, now
from core.stages import collect
from tests.vendors.worlds import WORLDS, Reply, http_date

ALWAYS = 9
HTTP = ("datadog", "newrelic", "github", "sentry")
MUCH = {"message": "You have exceeded a secondary rate limit. Please wait."}


def stale():
    """The second answer is the first one again."""
    kept: list[Reply] = []

    def fault(reply: Reply) -> Reply:
        kept.append(reply)
        return kept[0]

    return [fault, fault]


def at(status: int, seconds: float, **headers: str | Callable[[], str]):
    """A reply whose reset is a time, made when it is asked for."""
    told = {name: value if callable(value) else lambda value=value: value for name, value in headers.items()}
    return lambda: Reply(
        status, headers={"x-ratelimit-reset": str(int(time.time() + seconds))} | {k: v() for k, v in told.items()}
    )


# name: (faults, requests for the records, what is said or None when the round recovers, seconds of rest or None)
TABLE = {
    "401": ([Reply(401)] * ALWAYS, 1, "refused the credential (401)", None),
    "403": ([Reply(403)] * ALWAYS, 1, "refused access", None),
    "404": ([Reply(404)] * ALWAYS, 1, "did not find the resource (404)", None),
    "409": ([Reply(409)] * ALWAYS, 1, "reported a conflict", None),
    "422": ([Reply(422)] * ALWAYS, 1, "refused the values", None),
    "429 retry-after seconds": ([Reply(429, headers={"retry-after": "5"})], 2, None, None),
    "429 retry-after date": ([Reply(429, headers={"retry-after": http_date(8)})], 2, None, None),
    "429 retry-after long": (
        [Reply(429, headers={"retry-after": "120"})] * ALWAYS,
        1,
        "limited our request rate (429)",
        120,
    ),
    "429 retry-after nonsense": ([Reply(429, headers={"retry-after": "soon"})], 2, None, None),
    "429 reset in seconds, calls left": (
        [Reply(429, b"", {"x-ratelimit-reset": "3", "x-ratelimit-remaining": "9"})],
        2,
        None,
        None,
    ),
    "429 reset at a time": ([at(429, 600)] * ALWAYS, 1, "(429)", 600),
    "429 Sentry's reset": ([Reply(429, headers={"x-sentry-rate-limit-reset": "6"})], 2, None, None),
    "429 by a clock that is an hour ahead": ([at(429, 3605, date=lambda: http_date(3600))], 2, None, None),
    "429 empty": ([Reply(429, b"")], 2, None, None),
    "429 for ever": ([Reply(429)] * ALWAYS, 3, "limited our request rate (429)", None),
    "403 limit used up": (
        [at(403, 900, **{"x-ratelimit-remaining": "0"})] * ALWAYS,
        1,
        "limited our request rate (403)",
        900,
    ),
    "403 secondary limit": ([Reply(403, MUCH)] * ALWAYS, 1, "limited our request rate (403)", 60),
    "500 once": ([Reply(500)], 2, None, None),
    "500 for ever": ([Reply(500)] * ALWAYS, 3, "had an internal error (500)", None),
    "502 once": ([Reply(502, b"<html>Bad Gateway")], 2, None, None),
    "time-out once": ([Reply(raises="timeout")], 2, None, None),
    "time-out for ever": ([Reply(raises="timeout")] * ALWAYS, 3, "did not respond in time", None),
    "reset once": ([Reply(raises="reset")], 2, None, None),
    "reset for ever": ([Reply(raises="reset")] * ALWAYS, 3, "is unreachable", None),
    "redirect": ([Reply(302, headers={"location": "http://169.254.169.254/"})] * ALWAYS, 1, "another address", None),
    "truncated JSON": ([Reply(200, b'{"data": [{"id": "lo')], 1, "not JSON", None),
    "HTML with 200": ([Reply(200, b"<html>sign in")], 1, "not JSON", None),
    "other JSON": ([Reply(200, "hello")], 1, "unexpected type", None),
    "error body with 200": ([Reply(200, {"errors": [{"message": "later"}]})], 1, "", None),
}
OTHERWISE = {  # New Relic's answers are read before they are called answers, because their faults are in them
    ("newrelic", "truncated JSON"): (2, None),
    ("newrelic", "HTML with 200"): (2, None),
    ("newrelic", "other JSON"): (2, None),
}
PAGES = {
    "newrelic": 4,
    "github": 4,
}  # requests for eight records, three a page; these two ask by time, so one comes twice
AWS = {
    "no such key": ("UnrecognizedClientException", 400, 1, "UnrecognizedClientException"),
    "no right": ("AccessDeniedException", 400, 1, "AccessDeniedException"),
    "no such group": ("ResourceNotFoundException", 400, 1, "log group /shop/production"),
    "bad parameter": ("InvalidParameterException", 400, 1, "InvalidParameterException"),
    "throttled once": ("ThrottlingException", 400, 2, None),
    "throttled for ever": ("ThrottlingException", 400, 3, "ThrottlingException"),
    "429 once": ("TooManyRequestsException", 429, 2, None),
    "500 once": ("InternalFailure", 500, 2, None),
    "500 for ever": ("InternalFailure", 500, 3, "InternalFailure"),
    "503 for ever": ("ServiceUnavailableException", 503, 3, "ServiceUnavailable"),
    "401": ("", 401, 1, "401"),
    "403": ("", 403, 1, "403"),
    "404": ("", 404, 1, "404"),
    "409": ("", 409, 1, "409"),
    "422": ("", 422, 1, "422"),
}


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    return f"sqlite:///{tmp_path_factory.mktemp('faults') / 'faults.db'}"


@pytest.fixture
def database(opened):
    """One database for all rows, emptied for each."""
    store.open_store(opened)
    with store.write() as session:
        for table in (Signal, Connector):
            session.exec(delete(table))


def world_of(name: str):
    world = WORLDS[name]()
    world.add(8, begin=now() - timedelta(minutes=10))
    return world


def asked(world) -> int:
    """Requests for the records so far."""
    paths = {"datadog": "logs/events/search", "github": "/issues", "sentry": "/issues/"}
    if world.source_name in paths:
        return sum(path.endswith(paths[world.source_name]) for _, path, _, _ in world.asked)
    body = "TransactionError" if world.source_name == "newrelic" else "logGroupName"
    return sum(body in json.dumps(told) for _, _, _, told in world.asked)


def check_round(world, requests: int, says: str | None) -> Connector:
    """The faulty round, then a sound one: what is stored is what the vendor has, each once."""
    told = collect.read(world.source())
    assert (told["error"] is None) == (says is None), told["error"]
    assert says is None or says in told["error"]
    assert asked(world) == requests + (PAGES.get(world.source_name, 3) - 1 if says is None else 0)
    with store.write() as session:
        connector = session.get_one(Connector, world.source_name)
        session.expunge(connector)
        session.get_one(Connector, world.source_name).open_until = None  # the rest is over
    world.faults = []
    assert collect.read(world.source())["error"] is None
    with store.read() as session:
        ids = session.exec(select(Signal.vendor_id).where(col(Signal.source) == world.source_name)).all()
        assert session.exec(select(func.sum(Signal.count))).one() == len(ids)
    assert sorted(ids) == sorted(world.ids)
    return connector


@pytest.mark.parametrize("name", HTTP)
@pytest.mark.parametrize("fault", TABLE)
def test_a_fault_of_http(database, name, fault):
    faults, requests, says, rest = TABLE[fault]
    world = world_of(name)
    requests, says = OTHERWISE.get((name, fault), (requests, says))
    world.faults = [made() if callable(made) else made for made in faults]
    connector = check_round(world, requests, says)
    assert (connector.open_until is not None) == (rest is not None)
    if rest:
        assert abs((connector.open_until - now()).total_seconds() - rest) < 10


@pytest.mark.parametrize("fault", AWS)
def test_a_fault_of_aws(database, fault):
    code, status, requests, says = AWS[fault]
    world = world_of("cloudwatch")
    body = {"__type": code, "message": "said by AWS"} if code else b""
    world.faults = [Reply(status, body)] * (ALWAYS if says else 1)
    check_round(world, requests, says)


@pytest.mark.parametrize("raised", ["timeout", "reset"])
def test_aws_does_not_answer(database, raised):
    world = world_of("cloudwatch")
    world.faults = [Reply(raises=raised)] * ALWAYS
    check_round(world, 3, "is unreachable")


@pytest.mark.parametrize("body", [b'{"events": [{"eve', b"<html>sign in", b"[]"])
def test_aws_answers_with_something_else(database, body):
    world = world_of("cloudwatch")
    world.faults = [Reply(200, body)] * ALWAYS
    told = collect.read(world.source())
    assert told["error"]
    world.faults = []
    assert collect.read(world.source())["error"] is None


@pytest.mark.parametrize("name", WORLDS)
def test_an_empty_page_is_not_the_end(database, name):
    """It says that there is another: the reading goes on; what no cursor leads to, the next round brings."""
    world = world_of(name)
    world.faults = [lambda _: world.empty("0" if name != "sentry" else "0:0:0")]
    collect.read(world.source())
    collect.read(world.source())
    with store.read() as session:
        assert sorted(session.exec(select(Signal.vendor_id)).all()) == sorted(world.ids)


@pytest.mark.parametrize("name", WORLDS)
def test_a_page_that_comes_again_is_told_and_read_anew(database, name):
    world = world_of(name)
    world.faults = stale()
    told = collect.read(world.source())
    assert "again" in told["error"]
    assert collect.read(world.source())["error"] is None
    with store.read() as session:
        assert sorted(session.exec(select(Signal.vendor_id)).all()) == sorted(world.ids)


def test_the_breaker_rests_longer_each_time_and_opens_again(database):
    """Three failures in a row: 30 s, then 60 s …, at most 10 minutes; a rest is no attempt."""
    world, rests = world_of("datadog"), []
    for _ in range(9):
        world.faults = [Reply(401)] * ALWAYS
        collect.read(world.source())
        with store.write() as session:
            connector = session.get_one(Connector, "datadog")
            rests.append(round((connector.open_until - now()).total_seconds(), -1) if connector.open_until else 0)
            before = len(world.asked)
        if rests[-1]:
            assert "paused until" in collect.read(world.source())["error"]
            assert len(world.asked) == before
        with store.write() as session:
            session.get_one(Connector, "datadog").open_until = None
    assert rests == [0, 0, 30, 60, 120, 240, 480, 600, 600]


def test_one_record_that_makes_no_sense_does_not_stop_the_others(database, caplog):
    world = world_of("datadog")
    world.faults = [lambda reply: Reply(200, {**reply.body, "data": [*reply.body["data"], {"id": "odd"}]})]
    told = collect.read(world.source())
    assert told["error"] is None and told["note"].startswith("1 record could not be read")
    assert "odd" in caplog.text
    with store.read() as session:
        assert sorted(session.exec(select(Signal.vendor_id)).all()) == sorted(world.ids)
        assert session.get_one(Connector, "datadog").note == told["note"]


def test_a_spent_budget_is_no_failure(database):
    world = world_of("sentry")
    told = collect.read(world.source(calls=5))
    assert told["error"] is None and "used all 5 calls of this collection cycle" in told["note"]
    while collect.read(world.source(calls=5))["note"]:
        pass
    with store.read() as session:
        assert sorted(session.exec(select(Signal.vendor_id)).all()) == sorted(world.ids)
        row = session.get_one(Connector, "sentry")
        assert row.failures == 0 and row.note == "" and row.calls_left is not None
