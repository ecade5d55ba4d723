"""Secrets do not leave by what is printed, logged, listed or inherited."""

from __future__ import annotations

import json
import logging
import os
from dataclasses import asdict

import pytest
from pydantic import SecretStr

from core.cli import doctor
from core.db import store
from core.models import Crash
from core.ops import durable
from core.repair.fixers.cline_fixer import ClineFixer
from core.runtime import Runtime
from core.settings import Settings
from core.vendors import command
from core.vendors.http import Http
from tests.postgres import postgres

CANARY = "CANARY-secret-4b1d"
SECRETS = {name: f"{CANARY}-{name}" for name, field in Settings.model_fields.items() if field.annotation is SecretStr}
DATABASE = f"postgresql://platform:{CANARY}@127.0.0.1:1/platform"


@pytest.fixture
def settings(tmp_path) -> Settings:
    remote = f"https://robot:{CANARY}@127.0.0.1:1/shop.git"
    (tmp_path / "platform.toml").write_text(f'[repositories.shop]\nremote = "{remote}"\n')
    given = {**SECRETS, "sentry_url": "http://127.0.0.1:1", "github_url": "http://127.0.0.1:1"}
    return Settings(data_dir=tmp_path, platform_file=tmp_path / "platform.toml", **given)


def test_settings_are_printed_without_them(settings):
    assert len(SECRETS) > 15
    both = settings.model_copy(update={"database_url": DATABASE})
    assert CANARY not in repr(both) + str(both) + repr(Runtime(both)) + str(vars(Runtime(both)))


def test_the_doctor_tells_none(settings, caplog):
    caplog.set_level(logging.DEBUG)
    store.open_store(settings.database)
    told = json.dumps([asdict(line) for line in doctor.examine(Runtime(settings))])
    assert CANARY not in told
    assert CANARY not in caplog.text


def test_a_database_s_password_is_in_no_error_and_no_log(caplog, capfd):
    caplog.set_level(logging.DEBUG)
    with pytest.raises(Exception) as caught:  # noqa: B017, PT011 - whatever it is, it must not tell
        store.open_store(DATABASE)
    assert CANARY not in str(caught.value) + caplog.text + "".join(capfd.readouterr())


def test_the_engine_s_own_tables_and_logs_hold_no_password(caplog, capfd, tmp_path):
    caplog.set_level(logging.DEBUG)
    with postgres() as url:
        store.open_store(url.replace("tests@", f"tests:{CANARY}@"))
        durable.client()._sys_db.run_migrations()
        with store.read() as session:
            rows = session.connection().exec_driver_sql("select * from dbos.workflow_status").all()
        store.engine().dispose()
    assert CANARY not in str(rows) + caplog.text + "".join(capfd.readouterr())


def test_a_program_that_is_started_inherits_none(monkeypatch):
    for name in ("GITHUB_TOKEN", "OPENAI_API_KEY", "DATABASE_URL"):
        monkeypatch.setitem(os.environ, name, f"{CANARY}-{name}")
    assert CANARY not in command.run(["env"]).stdout


def test_what_cline_is_told_is_on_its_command_line_and_holds_none(tmp_path, monkeypatch):
    """Arguments are seen by every user of the machine."""
    seen = []
    monkeypatch.setattr(
        ClineFixer, "_run", lambda self, tree, text: seen.append(text) or command.Completed(0, "", "", 0)
    )
    monkeypatch.setattr("core.repair.fixers.cline_fixer.left_behind", lambda tree: {})
    crash = Crash(exception={"type": "E", "message": f"password={CANARY}"}, logs=[f"key {CANARY}-key"])
    http = Http("openai", "https://model.example", secrets=[f"{CANARY}-key"])
    next(ClineFixer(tmp_path / "cline", http, "m").propose(tmp_path, crash))
    assert CANARY not in seen[0]
