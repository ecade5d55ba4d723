"""The signed head of the audit trail: its key, its file, and how it gets outside."""

from __future__ import annotations

import stat
from types import SimpleNamespace

import pytest
from sqlmodel import select

from core import __main__ as command
from core import runtime, scheduler
from core.audit import accept, head
from core.db import store
from core.models import AuditHead, AuditRow, Notification
from core.ops import notify
from core.policy.reader import ConfigurationError
from core.runtime import Runtime
from core.settings import Settings
from tests.attacks.chain import files, recompute, sql, write


def test_the_key_is_readable_for_this_account_alone_and_in_no_row(host):
    for name, content in files(host).items():
        assert stat.S_IMODE((host.data_dir / name).stat().st_mode) == 0o600
        assert len(content.split()) == (1 if name == "audit-key" else 6)
    with store.read() as session:
        kept = session.exec(select(AuditHead)).one()
    assert files(host)["audit-key"].decode().strip() not in kept.line


def test_a_key_from_the_environment_is_kept_nowhere(host, tmp_path):
    given = Settings(audit_key="k" * 32).audit_key
    own = host.model_copy(update={"data_dir": tmp_path / "own", "audit_key": given})
    assert head.advance(own).ok and not (tmp_path / "own" / "audit-key").exists()
    assert head.verify(own).ok
    short = host.model_copy(update={"audit_key": Settings(audit_key="short").audit_key})
    with pytest.raises(ConfigurationError, match="AUDIT_KEY needs at least 32 characters"):
        head.advance(short)


def test_a_process_that_died_between_the_first_head_and_its_key_loses_nothing(host):
    (host.data_dir / "audit-key").rename(host.data_dir / "audit-key.new")
    write(1)
    assert head.advance(host).ok and head.verify(host).ok


def test_an_unsigned_head_of_an_earlier_release_is_verified_and_then_signed(host):
    (host.data_dir / "audit-key").unlink()
    sql("DELETE FROM audithead")
    with store.read() as session:
        row = session.get_one(AuditRow, 4)
    (host.data_dir / "audit-head").write_text(f"4 {'0' * 64}\n")
    assert not head.verify(host).ok and not head.advance(host).ok
    (host.data_dir / "audit-head").write_text(f"4 {row.hash}\n")
    assert head.verify(host).ok
    assert head.advance(host).ok and head.read(files(host)["audit-head"].decode()).row == 6


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
    assert head.verify(host, given=head.read(told.body)).ok
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
    sql("DELETE FROM auditrow WHERE id > 4")
    for _ in range(3):
        engine.watch_audit()
    with store.read() as session:
        told = session.exec(select(Notification)).all()
    assert [(row.channel, row.event, row.repeats) for row in told] == [
        ("slack", "audit_failed", 0), ("email", "audit_failed", 0)]  # fmt: skip
    assert "rows were removed" in told[0].body and told[0].subject == f"{notify.SUBJECTS['audit_failed']}: truncated"


def test_a_message_of_the_trail_belongs_to_no_issue(host):
    sql("DELETE FROM auditrow WHERE id > 4")
    head.alarm(head.advance(host))
    sent = []
    slack = SimpleNamespace(name="slack", send=lambda message: sent.append(message) or "")
    notify.deliver(runtime.use(Runtime(host, notifiers=[slack])))
    assert [message.link for message in sent] == [host.public_url]


# --- accepted after a restored backup -----------------------------------------------------------------------


def test_a_restored_backup_is_accepted_once_with_its_reason_and_people_hear_of_it(host):
    old = files(host)["audit-head"].decode().strip()
    sql("DELETE FROM auditrow WHERE id > 4")
    assert not head.advance(host).ok
    assert accept.accept(host, "account/ops", "backup of Monday").ok
    assert head.advance(host).ok and head.verify(host).ok
    with store.read() as session:
        row = session.exec(select(AuditRow).order_by(AuditRow.id.desc()).limit(1)).one()
        told = session.exec(select(Notification).where(Notification.event == "audit_failed")).all()
    assert (row.actor, row.action, row.detail["reason"]) == ("account/ops", "audit_accept", "backup of Monday")
    assert row.detail["heads"]["file"] == old and {one.channel for one in told} == {"slack", "email"}
    assert not head.verify(host, given=head.read(old)).ok, "the head that was sent outside still tells"


@pytest.mark.parametrize("damage", ["UPDATE auditrow SET actor = 'eve' WHERE id = 2", "SELECT 1"])
def test_only_a_chain_that_fits_by_itself_and_not_its_head_is_accepted(host, damage):
    sql(damage)
    kept = files(host)
    assert not accept.accept(host, "account/ops", "why not").ok
    assert files(host) == kept
