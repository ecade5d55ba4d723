"""Grouping with a store: decisions of people apply, noise is suppressed, single errors wait."""

from __future__ import annotations

from datetime import timedelta, timezone

import pytest
from sqlalchemy import event
from sqlmodel import col, select

from core.access.rights import Refused
from core.actions import issues, triage
from core.db import store
from core.models import ENDED, Approval, Issue, Kind, Signal, Status, now
from core.ops import durable
from core.stages import group
from tests import blank, waiting
from tests.who import by

MINUTE = timedelta(minutes=1)


def saved(service="cart", place="add", source="sentry", age=timedelta(), **values) -> Signal:
    """A signal in the store; ``place`` is the function that failed."""
    crash = {"exception": {"type": "KeyError", "message": f"'{place}'"}, "frames": [
        {"file": f"shop/{place}.py", "function": place, "code": f"x['{place}']"}]}  # fmt: skip
    kind = values.get("kind", Kind.EXCEPTION)
    row = {
        "kind": kind,
        "service": service,
        "title": f"KeyError in {place}",
        "crash": crash if kind is Kind.EXCEPTION else None,
        "at": now() - age,
        **values,
    }
    with store.write() as session:
        number = len(session.exec(select(Signal.id)).all())
        made = Signal(source=source, vendor_id=f"v{number}", **row)
        session.add(made)
    return made


def issue_of(signal: Signal) -> Issue | None:
    with store.read() as session:
        fresh = session.get_one(Signal, signal.id)
        return fresh.issue_id and session.get_one(Issue, fresh.issue_id)


def aside(signal: Signal) -> str | None:
    with store.read() as session:
        return session.get_one(Signal, signal.id).set_aside


def end(issue: Issue, ago=timedelta(days=3)) -> None:
    """End the issue long ago, so that it accepts no signals by itself."""
    with store.write() as session:
        row = session.get_one(Issue, issue.id)
        row.status, row.ended_at, row.last_seen = Status.RESOLVED, now() - ago, now() - ago


# --- merge and split -------------------------------------------------------------------------------


def merged(platform) -> tuple[Issue, Issue]:
    first, second = saved(place="add", count=3), saved(place="drop", count=4)
    assert group.group_new(platform) == 2
    one, other = issue_of(first), issue_of(second)
    triage.merge(other.id, actor=by("operator"), into=one.id, key="m")
    return issue_of(first), other


def test_later_signals_follow_a_merge(platform):
    target, gone = merged(platform)
    assert target.occurrences == 7, "one vendor reported both"
    later = saved(place="drop", age=-MINUTE)
    assert group.group_new(platform) == 0
    assert issue_of(later).id == target.id
    assert issue_of(later).occurrences == 8
    with store.read() as session:
        assert session.get_one(Issue, gone.id).status is Status.DISMISSED


@pytest.mark.parametrize("order", [("add", "drop"), ("drop", "add")])
def test_a_merge_is_remembered_after_both_issues_ended(platform, order):
    target, gone = merged(platform)
    end(target)
    first, second = (saved(place=place) for place in order)
    assert group.group_new(platform) == 1
    assert issue_of(first).id == issue_of(second).id not in (target.id, gone.id)


def test_a_second_vendors_issue_does_not_double_the_count(platform):
    first, second = saved(place="add", count=3, age=MINUTE), saved(place="drop", count=40, source="datadog")
    group.group_new(platform)
    triage.merge(issue_of(second).id, actor=by("operator"), into=issue_of(first).id, key="m")
    assert issue_of(second).occurrences == 3


def test_merging_twice_leads_to_the_last_target(platform):
    target, _ = merged(platform)
    third = saved(place="clear")
    group.group_new(platform)
    triage.merge(target.id, actor=by("operator"), into=issue_of(third).id, key="m2")
    assert issue_of(third).occurrences == 8
    end(issue_of(third))
    places = [saved(place=place) for place in ("drop", "clear", "add")]
    group.group_new(platform)
    assert len({issue_of(signal).id for signal in places}) == 1


def test_a_signal_that_was_being_grouped_follows_the_merge(platform):
    """The round read the issue before it was merged: its signals must not be lost in a closed issue."""
    first, second = saved(place="add"), saved(place="drop")
    group.group_new(platform)
    with store.read() as session:
        index = group.index_of(session)
    triage.merge(issue_of(second).id, actor=by("operator"), into=issue_of(first).id, key="m")
    late = saved(place="drop")
    with store.write() as session:
        known = group.Known(index, group.Landscape(), group.Overrides(), group.noise.Context())
        group._place(session, known, session.get_one(Signal, late.id))
    assert issue_of(late).id == issue_of(first).id


def test_a_split_issue_stays_separate(platform):
    first = saved(place="add", count=2)
    second = saved(place="add", source="datadog", kind=Kind.LOG, title="KeyError: 'add'", message="KeyError: 'add'")
    assert group.group_new(platform) == 1
    issue = issue_of(first)
    with store.read() as session:
        chosen = session.get_one(Signal, second.id).fingerprint
    triage.split(issue.id, actor=by("operator"), fingerprints=[chosen], key="s")
    new = issue_of(second)
    assert (new.id != issue.id, new.occurrences, issue_of(first).occurrences) == (True, 1, 2)
    line = {"kind": Kind.LOG, "title": "KeyError: 'add'", "message": "KeyError: 'add'"}
    again = [saved(place="add"), saved(source="datadog", **line)]
    assert group.group_new(platform) == 0
    assert [issue_of(signal).id for signal in again] == [issue.id, new.id]


def test_a_split_undoes_a_merge(platform):
    target, _ = merged(platform)
    with store.read() as session:
        [dropped] = session.exec(select(Signal).where(Signal.title == "KeyError in drop"))
    triage.split(target.id, actor=by("operator"), fingerprints=[dropped.fingerprint], key="s")
    later = saved(place="drop")
    group.group_new(platform)
    assert issue_of(later).id == issue_of(dropped).id != target.id


def test_impossible_merges_and_splits_are_refused(platform):
    first, _ = saved(place="add"), saved(place="drop")
    group.group_new(platform)
    one = issue_of(first)
    for into, says in ((one.id, "into itself"), (99, "does not exist")):
        with pytest.raises(Refused, match=says):
            triage.merge(one.id, actor=by("operator"), into=into, key="x")
    for chosen, says in (([], "Choose"), (["nothing"], "Choose"), ([one.fingerprint], "At least one kind must stay")):
        with pytest.raises(Refused, match=says):
            triage.split(one.id, actor=by("operator"), fingerprints=chosen, key="x")
    with store.write() as session:
        session.get_one(Issue, one.id).status = Status.WATCHING
    with pytest.raises(Refused, match="A deployment is in progress"):
        triage.merge(one.id, actor=by("operator"), into=one.id + 1, key="x")


def test_merging_ends_the_workflow_and_its_approval_once(platform):
    blank.workflows()
    number, issue_id, _ = waiting.question("cart")
    target = saved(place="add")
    group.group_new(platform)
    into = issue_of(target).id
    assert triage.merge(issue_id, actor=by("operator"), into=into, key="m").done
    assert not triage.merge(issue_id, actor=by("operator"), into=into, key="m").done
    assert waiting.state(number).state == "rejected"
    assert waiting.issue(issue_id).status is Status.DISMISSED
    workflow = waiting.state(number).workflow_id
    [status] = durable.client().list_workflows(workflow_ids=[workflow], load_input=False)
    assert status.status == "CANCELLED"
    with pytest.raises(Refused, match=f"merged into issue {into}"):
        issues.retry(issue_id, actor=by("operator"), key="r")
    with store.read() as session:
        assert not session.exec(select(Approval).where(Approval.state == "pending")).all()


# --- noise -----------------------------------------------------------------------------------------


def silence(**values):
    given = {"minutes": 60, "reason": "the vendor works on it", "key": f"s{values}"}
    return triage.silence(values.pop("issue", None), actor=by("operator"), **given | values)


def test_a_silence_suppresses_signals_until_it_ends(platform):
    silence(service="ca*", title="KeyError*")
    quiet, loud, other = saved(), saved(service="search", place="find"), saved(title="Other", place="drop")
    assert group.group_new(platform) == 2
    assert aside(quiet).startswith("silenced by operator until ")
    assert issue_of(loud) and issue_of(other) and issue_of(quiet) is None
    triage.end_silence(1, actor=by("operator"), key="e")
    later = saved(age=-MINUTE)
    assert group.group_new(platform) == 1
    assert issue_of(later)


def test_silencing_an_issue_covers_only_its_signals(platform):
    first = saved()
    group.group_new(platform)
    silence(issue=issue_of(first).id)
    same, other = saved(age=-MINUTE), saved(place="drop", age=-MINUTE)
    group.group_new(platform)
    assert aside(same) and issue_of(first).occurrences == 1
    assert issue_of(other)


def test_planned_maintenance_covers_its_planned_time(platform):
    start = now() + timedelta(hours=1)
    silence(service="cart", starts=start.isoformat())
    before, inside, after = saved(), saved(age=-timedelta(minutes=90)), saved(age=-timedelta(hours=3))
    group.group_new(platform)
    assert issue_of(before) and issue_of(after)
    assert aside(inside).startswith("planned maintenance until ")


def test_planned_maintenance_in_another_zone_is_told_in_utc(platform):
    start = (now() + timedelta(days=1)).replace(second=0, microsecond=0)
    local = start.astimezone(timezone(timedelta(hours=5, minutes=30)))
    receipt = silence(service="cart", starts=local.isoformat())
    assert receipt.message.startswith(f"Planned until {start + timedelta(hours=1):%Y-%m-%d %H:%M} UTC.")


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({}, "silence everything"),
        ({"service": " "}, "silence everything"),
        ({"service": "cart", "minutes": 0}, "A silence lasts between"),
        ({"service": "cart", "minutes": 10**9}, "A silence lasts between"),
        ({"service": "cart", "reason": " "}, "Enter a reason"),
        ({"service": "cart", "starts": "tomorrow"}, "a time with its zone"),
        ({"service": "cart", "starts": "2026-11-25T22:00:00"}, "a time with its zone"),
        ({"service": "cart", "starts": "9999-12-31T22:00:00Z"}, "at most 366 days away"),
        ({"service": "cart", "starts": "0001-01-01T00:00:00+14:00"}, "at most 366 days away"),
        (
            {"service": "cart", "starts": (now() - timedelta(hours=2)).isoformat()},
            "This maintenance would already have ended",
        ),
        ({"issue": 77}, "does not exist"),
    ],
)
def test_a_silence_without_bounds_is_refused(platform, values, says):
    with pytest.raises(Refused, match=says):
        silence(**values)


def test_a_flapping_alert_is_suppressed(platform):
    def alarm(minutes: int) -> Signal:
        more = {"kind": Kind.ALERT, "title": "Queue is full", "attributes": {"monitor_id": 7}}
        signal = saved(source="datadog", age=timedelta(minutes=minutes), **more)
        group.group_new(platform)
        return signal

    *steady, flapping = [alarm(minutes) for minutes in (29, 20, 10, 1)]
    assert all(issue_of(signal) for signal in steady)
    assert aside(flapping) == "flapping: 4 state changes in 30 min"


def test_a_dismissed_issue_is_known_until_a_new_run(platform, monkeypatch):
    monkeypatch.setattr(durable, "start_in", lambda *a: None)
    first = saved()
    group.group_new(platform)
    number = issue_of(first).id
    issues.dismiss(number, actor=by("operator"), reason="harmless", key="d")
    known = saved(age=-MINUTE)
    assert group.group_new(platform) == 0
    assert aside(known) == "known: harmless"
    issues.retry(number, actor=by("operator"), key="r")
    later = saved(age=-MINUTE)
    group.group_new(platform)
    assert issue_of(later).id == number


# --- an error that is seen once --------------------------------------------------------------------


def older(issue: Issue, minutes: float) -> None:
    with store.write() as session:
        row = session.get_one(Issue, issue.id)
        row.created_at -= timedelta(minutes=minutes)
        row.first_seen -= timedelta(minutes=minutes)
        row.last_seen -= timedelta(minutes=minutes)


def begun(platform) -> list[int]:
    return group.start_new(platform, begin=lambda session, issue: None)


def test_a_single_error_waits_and_is_then_dismissed_without_an_alert(platform):
    signal = saved()
    group.group_new(platform)
    assert begun(platform) == []
    assert issue_of(signal).reason == "Waiting for evidence: 1 of 2 required occurrences so far."
    older(issue_of(signal), 14)
    assert begun(platform) == []
    assert issue_of(signal).status is Status.NEW
    older(issue_of(signal), 2)
    assert begun(platform) == []
    issue = issue_of(signal)
    assert (issue.status, issue.reason) == (Status.DISMISSED, "Seen once, did not come back")
    assert issue.ended_at


@pytest.mark.parametrize("days", [0, 40])
def test_a_dismissed_issue_reopens_when_its_error_returns(platform, days):
    signal = saved(age=timedelta(minutes=20))
    group.group_new(platform)
    older(issue_of(signal), 24 * 60 * days + 20)
    begun(platform)
    assert issue_of(signal).status is Status.DISMISSED
    with store.write() as session:
        session.get_one(Issue, issue_of(signal).id).ended_at = now() - timedelta(days=days)
    again = saved()
    assert group.group_new(platform) == 0
    issue = issue_of(again)
    assert (issue.id, issue.status, issue.reason) == (issue_of(signal).id, Status.NEW, "The error returned.")
    assert begun(platform) == [issue.id], "two occurrences are enough evidence"


def test_a_single_error_of_a_critical_service_is_analyzed(platform):
    signal = saved(service="checkout")
    group.group_new(platform)
    assert begun(platform) == []
    older(issue_of(signal), 1.1)
    assert begun(platform) == [issue_of(signal).id]


@pytest.mark.parametrize("values", [{"count": 2}, {"kind": Kind.REPORT}, {"kind": Kind.ALERT}])
def test_other_signals_start_a_run_at_once(platform, values):
    signal = saved(**values)
    group.group_new(platform)
    assert begun(platform) == [issue_of(signal).id]


# --- cost ------------------------------------------------------------------------------------------


def rows_read(work) -> tuple[int, int]:
    """The cost of ``work``: (statements, hundreds of steps of SQLite's virtual machine)."""
    counted = {"statements": 0, "steps": 0}

    def statement(*_):
        counted["statements"] += 1

    def step():
        counted["steps"] += 1

    engine = store.engine()
    event.listen(engine, "before_cursor_execute", statement)

    def connected(connection, _record):
        connection.set_progress_handler(step, 100)

    engine.dispose()
    event.listen(engine, "connect", connected)
    try:
        work()
    finally:
        event.remove(engine, "before_cursor_execute", statement)
        event.remove(engine, "connect", connected)
        engine.dispose()
    return counted["statements"], counted["steps"]


def stored(number: int, issue_id: int) -> None:
    """Store this many older signals: of an open issue, of ended ones, and suppressed."""
    with store.write() as session:
        last = session.exec(select(Signal.id).order_by(col(Signal.id).desc()).limit(1)).one()
        ended = Issue(fingerprint="e", title="old", service="cart", status=ENDED[0], ended_at=now() - timedelta(days=9),
                      last_seen=now() - timedelta(days=9))  # fmt: skip
        session.add(ended)
        session.flush()
        for n in range(number):
            own = {"issue_id": (issue_id, ended.id, None)[n % 3], "set_aside": "known: x" if n % 3 == 2 else None}
            age = timedelta(days=2, seconds=number - n)
            row = Signal(source="sentry", vendor_id=f"old{last}-{n}", kind=Kind.EXCEPTION, service="cart", title="old",
                         fingerprint=f"f{n % 3}", at=now() - age, received_at=now() - age, **own)  # fmt: skip
            session.add(row)


def test_the_cost_of_a_round_does_not_grow_with_the_stored_signals(platform):
    first = saved()
    group.group_new(platform)
    issue_id = issue_of(first).id

    def round_() -> tuple[int, int]:
        for place in ("add", "add", "drop", "clear"):
            saved(place=f"{place}{issue_id}" if place == "clear" else place)
        return rows_read(lambda: group.group_new(platform))

    stored(60, issue_id)
    round_()  # opens new issues
    few = round_()
    stored(6000, issue_id)
    many = round_()
    assert many[0] <= few[0]
    assert many[1] <= few[1] * 1.5 + 5, (few, many)
