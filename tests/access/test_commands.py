"""The command line: whom it acts as, and its management of people and tokens."""

from __future__ import annotations

import json
import os
import sys

import pytest
from sqlmodel import select

from console.server import first_admin
from core import __main__ as command
from core.access import accounts, sessions
from core.access.rights import Forbidden
from core.cli import cli_actor
from core.db import store
from core.models import AuditRow, Connector
from core.models.access import Role
from core.policy.sections import Access
from tests import screens, waiting


@pytest.fixture
def core(console, monkeypatch, capsys):
    """Run ``python -m core …`` on this console's store; returns (exit code, output, errors)."""
    monkeypatch.setenv("DATABASE_URL", console.database_url)
    monkeypatch.setenv("PLATFORM_FILE", str(console.platform_file))
    monkeypatch.setenv("DATA_DIR", str(console.data_dir))

    def run(*argv: str) -> tuple[int, str, str]:
        code = command.main(list(argv))
        return code, *capsys.readouterr()

    return run


def test_a_person_is_added_with_a_one_time_password(core):
    _, out, _ = core("user", "add", "ada@x.io", "--role", "approver")
    assert accounts.sign_in("ada@x.io", out.split()[-1], Access()).must_change
    assert "first password not changed yet" in core("user", "list")[1]
    assert core("user", "disable", "ada@x.io")[0] == 0 and "disabled" in core("user", "list")[1]
    code, _, error = core("user", "add", "ada@x.io", "--role", "viewer")
    assert (code, error) == (1, "user: ada@x.io already exists\n")
    assert core("user", "role", "admin", "viewer")[2] == "user: admin is the last admin and cannot be removed\n"


@pytest.mark.parametrize("days", ["0", "-1", "nan", "1e12"])
def test_an_account_that_would_end_at_once_or_never_is_refused(core, days):
    code, out, error = core("user", "add", "ada", "--role", "viewer", f"--days={days}")
    assert (code, out) == (1, "") and "--days is a number above 0" in error
    assert "ada" not in core("user", "list")[1]


def test_a_variable_cannot_put_another_name_into_the_audit_trail(core, monkeypatch):
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "somebody-else")
    core("user", "add", "ada", "--role", "viewer")
    with store.read() as session:
        rows = session.exec(select(AuditRow).where(AuditRow.subject == "person/ada")).all()
    assert rows and "account/somebody-else" not in {row.actor for row in rows}


def test_a_text_of_a_stranger_does_not_control_the_terminal(core):
    with store.write() as session:
        session.add(Connector(name="sentry", error="\x1b[2J\x1b]52;c;cm0gLXJm\x07 status 500"))
    code, out, _ = core("status")
    assert code == 0 and "status 500" in out
    assert not set(out) & {"\x1b", "\x07"}


def test_neither_does_a_label_nor_the_title_of_an_issue(core, monkeypatch):
    core("token", "add", "bob", "--label", "\x1b[2Jkestra", "--scope", "view")
    monkeypatch.setenv("PLATFORM_TOKEN", sessions.issue_token("admin", "t", ["administer", "approve"], 1, by="x"))
    number, issue, _ = waiting.question()
    monkeypatch.setattr("core.cli.actions._done", lambda *_: "Approved: \x1b]52;c;cm0gLXJm\x07")
    for argv in (["token", "list"], ["approve", "--issue", str(issue)]):
        _, out, _ = core(*argv)
        assert ("kestra" in out or "Approved" in out) and not set(out) & {"\x1b", "\x07"}


def test_the_state_is_shown_until_somebody_interrupts(core, monkeypatch):
    waits: list[float] = []

    def interrupted(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(command.time, "sleep", interrupted)
    code, shown, _ = core("status", "--json", "--every", "3")
    assert (code, waits) == (130, [3.0, 3.0])
    assert [json.loads(line)["approvals_waiting"] for line in shown.splitlines()] == [0, 0]


def test_a_token_from_the_command_line_works(core):
    _, out, _ = core("token", "add", "bob", "--label", "kestra", "--scope", "view")
    assert sessions.of_token(out.strip(), "api").rights == {"view"}
    assert "kestra" in core("token", "list")[1] and out.strip() not in core("token", "list")[1]
    core("token", "revoke", "1")
    assert "revoked" in core("token", "list")[1]


def test_a_token_acts_with_its_persons_rights(core, monkeypatch):
    number, issue, _ = waiting.question()
    for person, scope, code in (("operator", "operate", 1), ("bob", "view", 1), ("bob", "approve", 0)):
        monkeypatch.setenv("PLATFORM_TOKEN", sessions.issue_token(person, "t", [scope], 1, by="x"))
        assert core("approve", "--issue", str(issue))[0] == code
    assert waiting.state(number).by == "bob"
    assert core("user", "list")[0] == 1, "only an admin's token manages people"


def test_a_user_who_does_not_own_the_database_needs_a_token(console, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: os.stat(console.data_dir).st_uid + 4711)
    with pytest.raises(Forbidden, match="another account"):
        cli_actor.administrator(console)


def test_the_first_admins_password_goes_to_a_terminal_once_and_never_to_a_log(console, monkeypatch, capsys, caplog):
    screens.nobody()
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    first_admin.people()
    first_admin.people()
    out = capsys.readouterr().out
    [line] = [line for line in out.splitlines() if "sign in as admin with the password" in line]
    assert accounts.sign_in("admin", line.split()[-1], Access()).role is Role.ADMIN
    assert line.split()[-1] not in caplog.text and not first_admin.path(console).exists()
