"""The first admin of a platform that was started without a terminal: a file that only its account can read."""

from __future__ import annotations

import re
import stat
from datetime import timedelta

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from console.server import app as server
from console.server import first_admin, forms, signin
from core.access import accounts
from core.db import store
from core.models.access import Person
from core.policy.sections import Access
from tests import screens


@pytest.fixture
def file(console, monkeypatch):
    screens.nobody()
    monkeypatch.setattr(signin, "attempts", forms.Limiter())
    return first_admin.path(console)


@pytest.fixture
def client(file):
    app = Starlette(routes=server.app._user_routes, middleware=server.app._user_middleware)
    with TestClient(app, follow_redirects=False) as found:
        yield found


def test_the_password_is_in_a_file_of_one_account_and_nowhere_else(file, caplog, capsys):
    first_admin.people()
    password = file.read_text().strip()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert str(file) in caplog.text and password not in caplog.text + capsys.readouterr().out
    first_admin.people()
    assert file.read_text().strip() == password, "a restart keeps it"


def test_the_sign_in_page_names_the_file_until_the_first_sign_in(file, client):
    first_admin.people()
    password, page = file.read_text().strip(), client.get("/login").text
    assert str(file) in page and password not in page
    ticket = re.search(r'name="ticket" type="hidden" value="([^"]+)"', page)[1]
    answer = client.post("/login", data={"ticket": ticket, "name": "admin", "password": password})
    assert answer.status_code == 303 and not file.exists()
    assert "one-time password" not in client.get("/login").text


def test_a_link_that_somebody_put_there_is_not_followed(file, tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("kept")
    file.symlink_to(victim)
    first_admin.people()
    assert victim.read_text() == "kept" and not file.is_symlink()


def test_a_password_that_nobody_used_in_time_is_renewed(file):
    first_admin.people()
    before = file.read_text().strip()
    with store.write() as session:
        person = session.get_one(Person, "admin")
        person.password_at -= timedelta(hours=accounts.FIRST_PASSWORD_HOURS + 1)
    with pytest.raises(accounts.Denied):
        accounts.sign_in("admin", before, Access())
    first_admin.people()
    assert accounts.sign_in("admin", file.read_text().strip(), Access()).must_change


def test_a_platform_with_people_gets_no_file(console):
    first_admin.people()
    assert not first_admin.path(console).exists()


def test_a_folder_that_cannot_be_written_says_how_to_go_on(file, monkeypatch, caplog):
    monkeypatch.setattr(first_admin, "_write", lambda *_: (_ for _ in ()).throw(PermissionError("read-only")))
    first_admin.people()
    assert "python -m core user add NAME --role admin" in caplog.text and not accounts.anybody()
