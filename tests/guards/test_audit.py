"""The audit trail under attack: rows edited, moved, removed and cut off, with and without their hashes made anew."""

from __future__ import annotations

import json
from hashlib import sha256

import pytest
from sqlmodel import col, delete, select

from core import audit, store
from core.models import AuditRow

ROWS = 4


@pytest.fixture
def trail(console):
    """Four rows and their head; the folder that holds the head."""
    with store.write() as session:
        for number in range(1, ROWS + 1):
            audit.record(session, "ada", "approve", f"issue/{number}", {"n": number, "é": None}, key=f"k-{number}")
        audit.save_head(session, console.data_dir)
    return console.data_dir


def rows() -> list[AuditRow]:
    with store.read() as session:
        return session.exec(select(AuditRow).order_by(col(AuditRow.id))).all()


def verify(folder=None, **values) -> audit.Verdict:
    with store.read() as session:
        return audit.verify(session, folder, **values)


def edit(number: int, **values) -> None:
    with store.write() as session:
        session.get_one(AuditRow, number).sqlmodel_update(values)


def remove(*numbers: int) -> None:
    with store.write() as session:
        session.exec(delete(AuditRow).where(col(AuditRow.id).in_(numbers)))


def hashes_anew() -> None:
    """What somebody who can write the database does to make every row fit again."""
    previous = audit.GENESIS
    with store.write() as session:
        for row in session.exec(select(AuditRow).order_by(col(AuditRow.id))):
            row.previous = previous
            row.hash = previous = audit.digest(row)


def test_a_row_holds_what_was_done_and_the_hash_before_it(trail):
    first, second, *_ = rows()
    assert (first.actor, first.action, first.subject, first.key) == ("ada", "approve", "issue/1", "k-1")
    assert first.detail == {"n": 1, "é": None}
    assert (first.previous, second.previous) == ("0" * 64, first.hash)


def test_the_hash_is_sha_256_of_the_canonical_json(trail):
    row = rows()[0]
    content = [row.at.isoformat(), "ada", "approve", "issue/1", {"n": 1, "é": None}, "k-1", "0" * 64]
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert row.hash == sha256(text.encode()).hexdigest()


@pytest.mark.parametrize("key", [None, "", "k-9"])
def test_a_row_needs_no_detail(console, key):
    with store.write() as session:
        audit.record(session, "ada", "look", "policy", key=key)
    assert (rows()[0].detail, rows()[0].key) == ({}, key)
    assert verify().ok


def test_a_key_is_used_once(trail):
    with pytest.raises(audit.AlreadyDone, match="k-2"), store.write() as session:
        audit.record(session, "bob", "approve", "issue/9", key="k-2")
    assert len(rows()) == ROWS


def test_an_honest_trail_verifies(trail):
    for folder in (trail, None):
        assert verify(folder).ok and verify(folder).rows == ROWS


def test_an_empty_trail_verifies(console):
    assert (verify(console.data_dir).ok, verify(console.data_dir).rows) == (True, 0)
    with store.read() as session:
        audit.save_head(session, console.data_dir)
    assert not (console.data_dir / "audit-head").exists()


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
    for folder in (None, trail):
        verdict = verify(folder)
        assert not verdict.ok and f"row {number} " in verdict.says
        assert verdict.rows == number - 1


def test_a_time_that_was_changed_is_named(trail):
    edit(2, at=rows()[2].at)
    assert not verify().ok and "row 2 " in verify().says


@pytest.mark.parametrize("number", range(1, ROWS))
def test_a_removed_row_is_missed(trail, number):
    remove(number)
    assert not verify().ok and f"row {number + 1} " in verify().says


def test_two_rows_that_changed_places_are_found(trail):
    second, third = (row.model_dump(exclude={"id", "key"}) for row in rows()[1:3])
    edit(2, **third)
    edit(3, **second)
    assert not verify().ok and "row 2 " in verify().says


@pytest.mark.parametrize("gone", [(4,), (3, 4), (1, 2, 3, 4)])
def test_rows_cut_off_are_missed_by_the_head(trail, gone):
    remove(*gone)
    assert verify().ok, "the rows that are left fit"
    assert not verify(trail).ok


@pytest.mark.parametrize("number", range(1, ROWS + 1))
def test_a_trail_whose_hashes_were_all_made_anew_does_not_match_its_head(trail, number):
    edit(number, actor="eve")
    hashes_anew()
    assert verify().ok, "every row fits the one before it"
    assert not verify(trail).ok


def test_a_trail_cut_and_made_anew_with_other_rows_does_not_match_its_head(trail):
    remove(2)
    hashes_anew()
    with store.write() as session:
        audit.record(session, "eve", "approve", "issue/9")
    assert verify().ok
    assert not verify(trail).ok


def test_rows_after_the_head_are_no_fault(trail):
    with store.write() as session:
        audit.record(session, "ada", "approve", "issue/5")
    assert verify(trail).ok
    assert not (trail / "audit-head.new").exists()


@pytest.mark.parametrize("text", ["", "4", "four abc", "4 abc def", "\xff"])
def test_a_head_that_cannot_be_read_is_a_failure(trail, text):
    (trail / "audit-head").write_bytes(text.encode("latin-1"))
    assert not verify(trail).ok


def test_progress_is_told_by_chunks(trail, monkeypatch):
    monkeypatch.setattr(audit, "CHUNK", 2)
    told = []
    assert verify(told=told.append).ok
    assert told == [2, 4]
