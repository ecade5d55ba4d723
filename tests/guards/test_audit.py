"""Attacks on the audit trail: rows edited, moved, removed and cut off, with and without recomputed hashes.

Heads stored outside are plain marks here; attacks/test_audit_tampering.py tests their signatures and storage.
"""

from __future__ import annotations

import json
from hashlib import sha256

import pytest
from sqlmodel import col, delete, select

from core.audit import chain
from core.audit.chain import ChainState, Mark
from core.db import store
from core.models import AuditRow

ROWS = 4


@pytest.fixture
def trail(console) -> Mark:
    """Four rows, and the mark of the newest, stored outside."""
    with store.write() as session:
        for number in range(1, ROWS + 1):
            row = chain.record(
                session, "ada", "approve", f"issue/{number}", {"z": number, "é": None, "a": 1}, f"k-{number}"
            )
    return Mark(row.id, row.hash)


def rows() -> list[AuditRow]:
    with store.read() as session:
        return session.exec(select(AuditRow).order_by(col(AuditRow.id))).all()


def verify(*marks: Mark, **values) -> chain.ChainVerdict:
    with store.read() as session:
        return chain.verify(session, marks=marks, **values)


def edit(number: int, **values) -> None:
    with store.write() as session:
        session.get_one(AuditRow, number).sqlmodel_update(values)


def remove(*numbers: int) -> None:
    with store.write() as session:
        session.exec(delete(AuditRow).where(col(AuditRow.id).in_(numbers)))


def recompute_hashes(first: int = 1, last: int = ROWS) -> None:
    """Recompute every hash, as an attacker with write access to the database would."""
    previous = chain.GENESIS
    with store.write() as session:
        for row in session.exec(select(AuditRow).order_by(col(AuditRow.id))):
            if first <= row.id <= last:
                row.previous = previous
                row.hash = chain.digest(row)
            previous = row.hash


def test_a_row_has_the_action_and_the_previous_hash(trail):
    first, second, *_ = rows()
    assert (first.actor, first.action, first.subject, first.key) == ("ada", "approve", "issue/1", "k-1")
    assert first.detail == {"z": 1, "é": None, "a": 1}
    assert (first.previous, second.previous) == ("0" * 64, first.hash)


def test_the_hash_is_sha_256_of_the_canonical_json(trail):
    row = rows()[0]
    content = [row.at.isoformat(), "ada", "approve", "issue/1", {"z": 1, "é": None, "a": 1}, "k-1", "0" * 64]
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert row.hash == sha256(text.encode()).hexdigest()


@pytest.mark.parametrize("key", [None, "", "k-9"])
def test_a_row_needs_no_detail(console, key):
    with store.write() as session:
        chain.record(session, "ada", "look", "policy", key=key)
    assert (rows()[0].detail, rows()[0].key) == ({}, key)
    assert verify().ok


def test_a_key_is_used_once(trail):
    with pytest.raises(chain.AlreadyDone, match="k-2"), store.write() as session:
        chain.record(session, "bob", "approve", "issue/9", key="k-2")
    assert len(rows()) == ROWS


def test_a_repeated_key_keeps_the_rest_of_the_transaction(trail):
    with store.write() as session:
        with pytest.raises(chain.AlreadyDone):
            chain.record(session, "bob", "approve", "issue/9", key="k-2")
        chain.record(session, "bob", "look", "issue/9")
    assert [row.action for row in rows()] == ["approve"] * ROWS + ["look"]


def test_rows_without_a_key_are_never_repetitions(trail):
    with store.write() as session:
        for _ in range(2):
            chain.record(session, "bob", "look", "issue/9")
    assert len(rows()) == ROWS + 2 and verify(trail).ok


def test_a_second_writer_of_the_same_key_is_refused(trail, monkeypatch):
    """Both checked before either wrote."""
    with pytest.raises(chain.AlreadyDone, match="k-2"), store.write() as session:
        monkeypatch.setattr(session, "exec", lambda query: _none_by_key(session, query))
        chain.record(session, "bob", "approve", "issue/9", key="k-2")
    assert len(rows()) == ROWS


def _none_by_key(session, query):
    found = type(session).exec(session, query)
    return found if "ORDER BY" in str(query) else type("Empty", (), {"first": staticmethod(lambda: None)})


def test_an_honest_trail_verifies(trail):
    for marks in ((), (trail,), (Mark(2, rows()[1].hash), trail), (trail, Mark(1, rows()[0].hash))):
        verdict = verify(*marks)
        assert (verdict.ok, verdict.rows, verdict.state) == (True, ROWS, ChainState.WHOLE)
        assert verdict.message == "4 rows verified; the chain is intact"


def test_an_empty_trail_verifies(console):
    assert (verify().ok, verify().rows) == (True, 0)
    assert verify(Mark(1, "0" * 64)).state is ChainState.TRUNCATED


@pytest.mark.parametrize("number", range(1, ROWS + 1))
@pytest.mark.parametrize(
    "values",
    [
        {"actor": "eve"}, {"action": "reject"}, {"subject": "issue/9"}, {"detail": {"n": 9}}, {"key": "other"},
        {"hash": "0" * 64},
    ],
)  # fmt: skip
def test_an_edited_row_is_named(trail, number, values):
    edit(number, **values)
    for marks in ((), (trail,)):
        verdict = verify(*marks)
        assert (verdict.ok, verdict.state, verdict.rows) == (False, ChainState.EDITED, number - 1)
        assert verdict.message == f"row {number} was changed after it was written"


def test_a_changed_time_is_named(trail):
    edit(2, at=rows()[2].at)
    assert verify().message == "row 2 was changed after it was written"


@pytest.mark.parametrize("number", range(1, ROWS))
def test_an_edited_row_with_its_own_hash_is_found_by_the_next(trail, number):
    edit(number, actor="eve")
    recompute_hashes(number, number)
    verdict = verify(trail)
    assert (verdict.ok, verdict.state, verdict.rows) == (False, ChainState.EDITED, number)
    assert verdict.message == (f"row {number + 1} does not follow row {number}: row {number} was changed after it was "
                            "written, and its hash with it")  # fmt: skip


@pytest.mark.parametrize("number", range(2, ROWS))
def test_a_removed_row_is_detected(trail, number):
    remove(number)
    verdict = verify()
    assert (verdict.state, verdict.rows) == (ChainState.REMOVED, number - 1)
    assert verdict.message == f"row {number + 1} does not follow row {number - 1}: rows before it were removed"


def test_a_removed_first_row_is_detected(trail):
    remove(1)
    assert (verify().state, verify().message) == (
        ChainState.REMOVED,
        "row 2 is not the first row: rows before it were removed",
    )


def test_a_first_row_with_an_unknown_previous_hash(trail):
    remove(2, 3, 4)
    edit(1, previous="1" * 64)
    hash_ = chain.digest(rows()[0])
    edit(1, hash=hash_)
    assert verify().state is ChainState.EDITED and verify().message.startswith("row 1 is not the first row: row 0")


def test_two_swapped_rows_are_detected(trail):
    second, third = (row.model_dump(exclude={"id", "key"}) for row in rows()[1:3])
    edit(2, **third)
    edit(3, **second)
    verdict = verify()
    assert (verdict.state, verdict.rows) == (ChainState.REORDERED, 1)
    assert verdict.message == "row 2 does not follow row 1 but row 3: rows were reordered"


@pytest.mark.parametrize("gone", [(4,), (3, 4), (1, 2, 3, 4)])
def test_a_truncated_trail_does_not_match_its_mark(trail, gone):
    remove(*gone)
    assert verify().ok, "the remaining rows are consistent"
    verdict = verify(Mark(4, trail.hash, "the head of db-1"))
    assert (verdict.ok, verdict.state, verdict.rows) == (False, ChainState.TRUNCATED, ROWS - len(gone))
    assert verdict.message == "the chain ends before row 4, which the head of db-1 names: rows were removed"


@pytest.mark.parametrize("number", range(1, ROWS + 1))
def test_a_trail_with_recomputed_hashes_does_not_match_its_mark(trail, number):
    edit(number, actor="eve")
    recompute_hashes()
    assert verify().ok, "every row follows the previous one"
    verdict = verify(trail)
    assert (verdict.state, verdict.rows) == (ChainState.REWRITTEN, ROWS - 1)
    assert verdict.message.startswith("row 4 is not the row that the head names: earlier rows were changed or removed")


@pytest.mark.parametrize("at", range(1, ROWS + 1))
def test_one_mark_that_does_not_match_is_enough(trail, at):
    good = [Mark(row.id, row.hash) for row in rows()]
    wrong = [*good[: at - 1], Mark(at, "0" * 64, "that one"), *good[at:]]
    for marks in (wrong, wrong[::-1]):
        assert (
            verify(*marks).state is ChainState.REWRITTEN
            and f"row {at} is not the row that that one" in verify(*marks).message
        )


def test_a_mark_of_a_removed_row_is_detected_at_the_next_row(trail):
    mark = Mark(2, rows()[1].hash)
    remove(2)
    recompute_hashes()
    assert verify().ok
    assert verify(mark).state is ChainState.REWRITTEN


def test_rows_after_the_mark_are_valid(trail):
    with store.write() as session:
        chain.record(session, "ada", "approve", "issue/5")
    assert verify(trail).ok


def walked(start: Mark, *marks: Mark) -> tuple[chain.ChainVerdict, Mark | None]:
    with store.read() as session:
        return chain.walk(session, marks, start=start)


@pytest.mark.parametrize("number", range(1, ROWS + 1))
def test_a_walk_from_a_verified_row_reads_it_and_those_after_it(trail, number):
    verdict, last = walked(Mark(number, rows()[number - 1].hash))
    assert (verdict.ok, verdict.rows, last) == (True, ROWS - number + 1, trail)


def test_a_walk_does_not_start_at_a_changed_row(trail):
    start = Mark(2, rows()[1].hash)
    edit(2, actor="eve")
    assert walked(start)[0].state is ChainState.EDITED
    recompute_hashes()
    assert walked(start)[0].state is ChainState.REWRITTEN
    remove(2, 3, 4)
    says = "the chain ends before row 2, which the head names: rows were removed"
    assert walked(start) == (chain.ChainVerdict(False, 0, says, ChainState.TRUNCATED), None)


def test_a_walk_returns_the_last_consistent_row(trail):
    second = rows()[1]
    edit(3, actor="eve")
    with store.read() as session:
        verdict, last = chain.walk(session)
    assert (verdict.ok, last) == (False, Mark(2, second.hash))


def test_progress_is_reported_by_chunks(trail, monkeypatch):
    monkeypatch.setattr(chain, "CHUNK", 2)
    told = []
    assert verify(progress=told.append).ok
    assert told == [2, 4]
