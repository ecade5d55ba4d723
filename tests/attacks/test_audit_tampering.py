"""The audit trail after somebody wrote into the database, and into the folder of its head."""

from __future__ import annotations

import re
import stat
from types import SimpleNamespace

import pytest
from sqlalchemy import text
from sqlmodel import select

from core import __main__ as command
from core import audit, audit_head, notify, runtime, scheduler, store
from core.audit import State
from core.models import AuditHead, AuditRow, Notification
from core.runtime import Runtime
from core.settings import ConfigurationError, Settings
from tests import screens
from tests.postgres import postgres


@pytest.fixture(scope="module")
def server():
    with postgres() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def host(request, tmp_path):
    """A host whose head names row 6 of 6, and has been sent nowhere yet."""
    settings = screens.open_console(tmp_path)
    if request.param == "postgresql":
        settings = settings.model_copy(update={"database_url": request.getfixturevalue("server")})
        store.open_store(settings.database)
        sql("DELETE FROM auditrow", "DELETE FROM audithead", "DELETE FROM notification",
            "ALTER SEQUENCE auditrow_id_seq RESTART")  # fmt: skip
    runtime.use(Runtime(settings))
    write(6)
    assert audit_head.advance(settings).ok
    return settings


def write(count: int) -> None:
    for number in range(count):
        with store.write() as session:
            audit.record(session, "ada", "approve", f"issue/{number}", {"patch": "f3"})


def sql(*statements: str) -> None:
    with store.write() as session:
        for statement in statements:
            session.connection().execute(text(statement))


def recompute(first: int = 1, most: int = 10**6) -> None:
    """As an attacker would: previous and hash of every row from ``first`` on, so that the chain is whole again."""
    with store.write() as session:
        rows = session.exec(select(AuditRow).order_by(AuditRow.id)).all()
        previous = audit.GENESIS
        for row in rows:
            if first <= row.id < first + most:
                row.previous = previous
                row.hash = audit.digest(row)
            previous = row.hash
            session.add(row)


def files(host: Settings) -> dict[str, bytes]:
    return {name: (host.data_dir / name).read_bytes() for name in ("audit-head", "audit-key")}


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


def _last() -> audit.Mark:
    with store.read() as session:
        row = session.exec(select(AuditRow).order_by(AuditRow.id.desc())).first()
        return audit.Mark(row.id, row.hash)


def rewritten_with_a_head_of_another_key(host):
    rewritten(host)
    (host.data_dir / "audit-head").write_text(str(audit_head.sign(_last(), b"the attacker's own key" * 2)))


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
    edited: State.EDITED,
    edited_with_its_own_hash: State.EDITED,
    edited_detail_of_the_last: State.EDITED,
    reordered: State.REORDERED,
    removed: State.REMOVED,
    removed_at_the_start: State.REMOVED,
    truncated: State.TRUNCATED,
    emptied: State.TRUNCATED,
    truncated_and_grown_again: State.REWRITTEN,
    rewritten: State.REWRITTEN,
    rewritten_in_the_last_row: State.REWRITTEN,
    removed_and_recomputed: State.REWRITTEN,
    removed_and_renumbered: State.REWRITTEN,
    rewritten_with_a_head_of_another_key: State.FORGED,
    rewritten_with_the_old_signature: State.FORGED,
    rewritten_with_an_unsigned_head: State.FORGED,
    head_made_unreadable: State.FORGED,
    key_removed: State.FORGED,
    head_removed: State.HEADLESS,
    head_and_key_removed: State.HEADLESS,
    head_and_the_databases_memory_removed: State.HEADLESS,
}
OLDER_THAN_THE_HEAD = (edited, edited_with_its_own_hash, reordered, removed, removed_at_the_start)
"""Only the whole chain shows these: the head looks at the rows since it alone."""


@pytest.mark.parametrize("tamper", TAMPERING, ids=lambda tamper: tamper.__name__)
def test_tampering_is_named_and_the_head_does_not_move_over_it(host, tamper):
    assert audit_head.verify(host).state is State.WHOLE
    tamper(host)
    before = {path.name: path.read_bytes() for path in host.data_dir.glob("audit-*")}
    for _ in range(2):  # the upkeep that comes before anybody looks must not hide it
        assert audit_head.advance(host).ok == (tamper in OLDER_THAN_THE_HEAD)
        verdict = audit_head.verify(host)
        assert (verdict.ok, verdict.state) == (False, TAMPERING[tamper]), verdict
    assert {path.name: path.read_bytes() for path in host.data_dir.glob("audit-*")} == before


def test_whoever_has_the_key_too_is_found_by_a_head_that_was_sent_outside(host):
    outside = audit_head.read(f"Head of the audit trail: {(host.data_dir / 'audit-head').read_text()}")
    assert audit_head.verify(host, given=outside).ok
    rewritten(host)
    key = (host.data_dir / "audit-key").read_bytes().strip()
    forged = str(audit_head.sign(_last(), key))
    (host.data_dir / "audit-head").write_text(forged)
    sql(f"UPDATE audithead SET line = '{forged}'")
    assert audit_head.verify(host).ok, "nothing on this host can tell"
    found = audit_head.verify(host, given=outside)
    assert (found.state, "the head that you gave" in found.says) == (State.REWRITTEN, True)


def test_a_head_that_somebody_else_signed_is_not_taken_for_ours(host):
    forged = audit_head.sign(_last(), b"another key")
    assert audit_head.verify(host, given=forged).state is State.FORGED


def test_the_head_moves_over_new_rows_and_reads_only_those(host):
    write(3)
    with store.read() as session:
        verdict, last = audit.walk(session, start=audit_head.read(files(host)["audit-head"].decode()).mark())
    assert (verdict.rows, last.row) == (4, 9), "the row of the head and the three after it"
    assert audit_head.advance(host).ok
    assert audit_head.read(files(host)["audit-head"].decode()).row == 9


def test_hosts_of_one_database_each_keep_a_head_and_come_back_after_days(host, tmp_path, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.setattr(audit_head.socket, "gethostname", lambda: "elsewhere")
    other = host.model_copy(update={"data_dir": tmp_path / "elsewhere"})
    write(2)
    assert audit_head.advance(other).ok and files(other)["audit-key"] != files(host)["audit-key"]
    write(5)
    monkeypatch.undo()
    assert audit_head.advance(host).ok and audit_head.verify(host).ok and audit_head.verify(other).ok
    sql("UPDATE auditrow SET actor = 'eve' WHERE id = 8")
    recompute(8)
    assert audit_head.advance(host).state is State.REWRITTEN
    assert audit_head.advance(other).state is State.REWRITTEN


def test_a_host_without_a_head_still_looks_at_those_of_the_others(host, tmp_path, monkeypatch):
    (tmp_path / "new").mkdir()
    monkeypatch.setattr(audit_head.socket, "gethostname", lambda: "new")
    new = host.model_copy(update={"data_dir": tmp_path / "new"})
    rewritten(host)
    assert audit_head.advance(new).state is State.REWRITTEN
    assert not (tmp_path / "new" / "audit-head").exists()


def test_a_forged_head_in_the_database_is_found_by_its_key(host):
    line = str(audit_head.sign(_last(), b"another key"))
    mine = audit_head.read(files(host)["audit-head"].decode())
    sql(f"UPDATE audithead SET line = '{line.replace(audit_head.read(line).key, mine.key)}'")
    assert audit_head.verify(host).state is State.FORGED


# --- the key and the file ---------------------------------------------------------------------------------


def test_the_key_is_readable_for_this_account_alone_and_in_no_row(host):
    for name, content in files(host).items():
        assert stat.S_IMODE((host.data_dir / name).stat().st_mode) == 0o600
        assert len(content.split()) == (1 if name == "audit-key" else 6)
    with store.read() as session:
        kept = session.exec(select(AuditHead)).one()
    assert files(host)["audit-key"].decode().strip() not in kept.line


def test_a_key_from_the_environment_is_kept_nowhere(host, tmp_path):
    own = host.model_copy(
        update={"data_dir": tmp_path / "own", "audit_key": screens.Settings(audit_key="k" * 32).audit_key}
    )
    assert audit_head.advance(own).ok and not (tmp_path / "own" / "audit-key").exists()
    assert audit_head.verify(own).ok
    short = host.model_copy(update={"audit_key": Settings(audit_key="short").audit_key})
    with pytest.raises(ConfigurationError, match="AUDIT_KEY: at least 32 characters"):
        audit_head.advance(short)


def test_a_process_that_died_between_the_first_head_and_its_key_loses_nothing(host):
    (host.data_dir / "audit-key").rename(host.data_dir / "audit-key.new")
    write(1)
    assert audit_head.advance(host).ok and audit_head.verify(host).ok


def test_an_unsigned_head_of_an_earlier_release_is_verified_and_then_signed(host):
    (host.data_dir / "audit-key").unlink()
    sql("DELETE FROM audithead")
    with store.read() as session:
        row = session.get_one(AuditRow, 4)
    (host.data_dir / "audit-head").write_text(f"4 {row.hash}\n")
    assert audit_head.advance(host).ok and audit_head.read(files(host)["audit-head"].decode()).row == 6


# --- told outside -------------------------------------------------------------------------------------------


def test_the_head_goes_outside_once_a_day_and_can_be_verified_from_there(host, caplog, monkeypatch):
    host.platform_file.write_text(host.platform_file.read_text() + '[routes]\naudit_head = ["email"]\n')
    caplog.set_level("INFO")
    engine = scheduler.Engine.__new__(scheduler.Engine)
    engine.settings, engine.audit_fault = host, None
    for _ in range(3):
        engine.watch_audit()
    with store.read() as session:
        [told] = session.exec(select(Notification)).all()
    assert (told.channel, told.event, told.repeats) == ("email", "audit_head", 0)
    assert audit_head.verify(host, given=audit_head.read(told.body)).ok
    assert told.body in caplog.text
    for name in ("database_url", "platform_file", "data_dir"):
        monkeypatch.setenv(name.upper(), str(getattr(host, name)))
    assert command.main(["audit", "verify", "--head", told.body]) == 0
    sql("DELETE FROM auditrow WHERE id = 2")
    recompute()
    assert command.main(["audit", "verify", "--head", told.body]) == 1
    assert command.main(["audit", "verify", "--head", "12 abc"]) == 2


def test_a_fault_is_told_once(host):
    engine = scheduler.Engine.__new__(scheduler.Engine)
    engine.settings, engine.audit_fault = host, None
    truncated(host)
    for _ in range(3):
        engine.watch_audit()
    with store.read() as session:
        told = session.exec(select(Notification)).all()
    assert [(row.channel, row.event, row.repeats) for row in told] == [
        ("slack", "audit_failed", 0), ("email", "audit_failed", 0)]  # fmt: skip
    assert "rows were cut off" in told[0].body and told[0].subject == f"{notify.SUBJECTS['audit_failed']}: truncated"


def test_a_message_of_the_trail_belongs_to_no_issue(host):
    truncated(host)
    audit_head.alarm(audit_head.advance(host))
    sent = []
    slack = SimpleNamespace(name="slack", send=lambda message: sent.append(message) or "")
    notify.deliver(runtime.use(Runtime(host, notifiers=[slack])))
    assert [message.link for message in sent] == [host.public_url]
