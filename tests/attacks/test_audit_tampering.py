"""The audit trail after somebody wrote into the database, and into the folder of its head."""

from __future__ import annotations

import re

import pytest
from sqlmodel import select

from core.audit import chain, head
from core.audit.chain import ChainState
from core.db import store
from core.models import AuditRow
from tests.attacks.chain import files, recompute, sql, write

# --- what is done to it ---------------------------------------------------------------------------------


def edited(host):
    sql("UPDATE auditrow SET actor = 'eve' WHERE id = 3")


def edited_with_its_own_hash(host):
    sql("UPDATE auditrow SET actor = 'eve' WHERE id = 3")
    recompute(3, 1)


def edited_detail_of_the_last(host):
    sql("""UPDATE auditrow SET detail = '{"patch": "00"}' WHERE id = 6""")


def reordered(host):
    sql("UPDATE auditrow SET id = 99 WHERE id = 2", "UPDATE auditrow SET id = 2 WHERE id = 4",
        "UPDATE auditrow SET id = 4 WHERE id = 99")  # fmt: skip


def removed(host):
    sql("DELETE FROM auditrow WHERE id = 3")


def removed_at_the_start(host):
    sql("DELETE FROM auditrow WHERE id < 3")


def truncated(host):
    sql("DELETE FROM auditrow WHERE id > 4")


def emptied(host):
    sql("DELETE FROM auditrow")


def truncated_and_grown_again(host):
    truncated(host)
    write(4)


def rewritten(host):
    sql("UPDATE auditrow SET actor = 'eve' WHERE id = 3")
    recompute()


def rewritten_in_the_last_row(host):
    sql("UPDATE auditrow SET actor = 'eve' WHERE id = 6")
    recompute()


def removed_and_recomputed(host):
    removed(host)
    recompute()


def removed_and_renumbered(host):
    sql("DELETE FROM auditrow WHERE id = 3",
        *(f"UPDATE auditrow SET id = {n - 1} WHERE id = {n}" for n in (4, 5, 6)))  # fmt: skip
    recompute()
    write(1)


def _last() -> chain.Mark:
    with store.read() as session:
        row = session.exec(select(AuditRow).order_by(AuditRow.id.desc())).first()
        return chain.Mark(row.id, row.hash)


def rewritten_with_a_head_of_another_key(host):
    rewritten(host)
    (host.data_dir / "audit-head").write_text(str(head.sign(_last(), b"the attacker's own key" * 2)))


def rewritten_with_the_old_signature(host):
    rewritten(host)
    line = (host.data_dir / "audit-head").read_text()
    (host.data_dir / "audit-head").write_text(re.sub(r"[0-9a-f]{64}", _last().hash, line, count=1))


def rewritten_with_an_unsigned_head(host):
    rewritten(host)
    (host.data_dir / "audit-head").write_text(f"{_last().row} {_last().hash}\n")


def head_made_unreadable(host):
    (host.data_dir / "audit-head").write_bytes(b"\xff\x00")


def key_removed(host):
    (host.data_dir / "audit-key").unlink()


def head_removed(host):
    truncated(host)
    (host.data_dir / "audit-head").unlink()


def head_and_key_removed(host):
    head_removed(host)
    (host.data_dir / "audit-key").unlink()


def head_and_the_databases_memory_removed(host):
    head_removed(host)
    sql("DELETE FROM audithead")


TAMPERING = {
    edited: ChainState.EDITED,
    edited_with_its_own_hash: ChainState.EDITED,
    edited_detail_of_the_last: ChainState.EDITED,
    reordered: ChainState.REORDERED,
    removed: ChainState.REMOVED,
    removed_at_the_start: ChainState.REMOVED,
    truncated: ChainState.TRUNCATED,
    emptied: ChainState.TRUNCATED,
    truncated_and_grown_again: ChainState.REWRITTEN,
    rewritten: ChainState.REWRITTEN,
    rewritten_in_the_last_row: ChainState.REWRITTEN,
    removed_and_recomputed: ChainState.REWRITTEN,
    removed_and_renumbered: ChainState.REWRITTEN,
    rewritten_with_a_head_of_another_key: ChainState.FORGED,
    rewritten_with_the_old_signature: ChainState.FORGED,
    rewritten_with_an_unsigned_head: ChainState.FORGED,
    head_made_unreadable: ChainState.FORGED,
    key_removed: ChainState.FORGED,
    head_removed: ChainState.HEADLESS,
    head_and_key_removed: ChainState.HEADLESS,
    head_and_the_databases_memory_removed: ChainState.HEADLESS,
}
OLDER_THAN_THE_HEAD = (edited, edited_with_its_own_hash, reordered, removed, removed_at_the_start)
"""Only the whole chain shows these: the head looks at the rows since it alone."""


@pytest.mark.parametrize("tamper", TAMPERING, ids=lambda tamper: tamper.__name__)
def test_tampering_is_named_and_the_head_does_not_move_over_it(host, tamper):
    assert head.verify(host).state is ChainState.WHOLE
    tamper(host)
    before = {path.name: path.read_bytes() for path in host.data_dir.glob("audit-*")}
    for _ in range(2):  # the upkeep that comes before anybody looks must not hide it
        assert head.advance(host).ok == (tamper in OLDER_THAN_THE_HEAD)
        verdict = head.verify(host)
        assert (verdict.ok, verdict.state) == (False, TAMPERING[tamper]), verdict
    assert {path.name: path.read_bytes() for path in host.data_dir.glob("audit-*")} == before


def test_whoever_has_the_key_too_is_found_by_a_head_that_was_sent_outside(host):
    outside = head.read(f"Head of the audit trail: {(host.data_dir / 'audit-head').read_text()}")
    assert head.verify(host, given=outside).ok
    rewritten(host)
    key = (host.data_dir / "audit-key").read_bytes().strip()
    forged = str(head.sign(_last(), key))
    (host.data_dir / "audit-head").write_text(forged)
    sql(f"UPDATE audithead SET line = '{forged}'")
    assert head.verify(host).ok, "nothing on this host can tell"
    found = head.verify(host, given=outside)
    assert (found.state, "the given head" in found.message) == (ChainState.REWRITTEN, True)


def test_a_head_that_somebody_else_signed_is_not_taken_for_ours(host):
    forged = head.sign(_last(), b"another key")
    verdict = head.verify(host, given=forged)
    assert (verdict.ok, verdict.state) == (False, ChainState.FORGED)


def test_the_head_on_the_disk_is_newer_than_the_one_that_was_sent_and_tells_alone(host):
    write(3)
    assert head.advance(host).ok
    sql("DELETE FROM auditrow WHERE id > 6")
    for verdict in (head.advance(host), head.verify(host)):
        assert (verdict.ok, verdict.state) == (False, ChainState.TRUNCATED)


def test_the_head_moves_over_new_rows_and_reads_only_those(host):
    write(3)
    with store.read() as session:
        verdict, last = chain.walk(session, start=head.read(files(host)["audit-head"].decode()).mark())
    assert (verdict.rows, last.row) == (4, 9), "the row of the head and the three after it"
    assert head.advance(host).ok
    assert head.read(files(host)["audit-head"].decode()).row == 9


def test_hosts_of_one_database_each_keep_a_head_and_come_back_after_days(host, tmp_path, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.setattr(head.socket, "gethostname", lambda: "elsewhere")
    other = host.model_copy(update={"data_dir": tmp_path / "elsewhere"})
    write(2)
    assert head.advance(other).ok and files(other)["audit-key"] != files(host)["audit-key"]
    write(5)
    monkeypatch.undo()
    assert head.advance(host).ok and head.verify(host).ok and head.verify(other).ok
    sql("UPDATE auditrow SET actor = 'eve' WHERE id = 8")
    recompute(8)
    assert head.advance(host).state is ChainState.REWRITTEN
    assert head.advance(other).state is ChainState.REWRITTEN


def test_a_host_without_a_head_still_looks_at_those_of_the_others(host, tmp_path, monkeypatch):
    (tmp_path / "new").mkdir()
    monkeypatch.setattr(head.socket, "gethostname", lambda: "new")
    new = host.model_copy(update={"data_dir": tmp_path / "new"})
    rewritten(host)
    assert head.advance(new).state is ChainState.REWRITTEN
    assert not (tmp_path / "new" / "audit-head").exists()


def test_a_forged_head_in_the_database_is_found_by_its_key(host):
    line = str(head.sign(_last(), b"another key"))
    mine = head.read(files(host)["audit-head"].decode())
    sql(f"UPDATE audithead SET line = '{line.replace(head.read(line).key, mine.key)}'")
    assert head.verify(host).state is ChainState.FORGED
