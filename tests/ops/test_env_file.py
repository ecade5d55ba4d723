"""A changed .env is read by a process that runs, such as a separate worker; one that cannot be used changes nothing."""

from __future__ import annotations

import pytest

from core import bootstrap, runtime, scheduler
from core.db import store
from core.models import Connector
from core.ops.env_file import EnvFile
from core.settings import load

SENTRY = "SENTRY_TOKEN=sntrys_0123456789\nSENTRY_ORG=acme\n"


@pytest.fixture
def worker(tmp_path, monkeypatch):
    """An engine's part that reads the file, without its threads."""
    for name in ("SENTRY_TOKEN", "SENTRY_ORG", "DATABASE_URL", "NEWRELIC_ACCOUNT_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PLATFORM_FILE", str(tmp_path / "platform.toml"))
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    settings = load()
    store.open_store(settings.database)
    made = scheduler.Engine.__new__(scheduler.Engine)
    made.settings, made.runtime, made.env_file = settings, bootstrap.build(settings), EnvFile(settings)
    yield made
    store.engine().dispose()


def sources() -> list[str]:
    return [source.name for source in runtime.current().sources]


def write(worker, text: str) -> None:
    worker.env_file.path.write_text(text)
    worker.reread()


def shown() -> str | None:
    with store.read() as session:
        row = session.get(Connector, ".env")
    return row.error if row else None


def test_a_variable_that_is_written_connects_its_vendor_and_one_that_is_removed_disconnects_it(worker):
    worker.reread()
    assert "sentry" not in sources()
    write(worker, SENTRY)
    assert "sentry" in sources() and runtime.current() is worker.runtime
    write(worker, "SENTRY_ORG=acme\n")
    assert "sentry" not in sources()
    worker.env_file.path.unlink()
    worker.reread()
    assert runtime.current().settings.sentry_org == ""


def test_a_file_that_cannot_be_used_changes_nothing_and_is_shown_without_its_values(worker):
    write(worker, SENTRY)
    write(worker, SENTRY + "NEWRELIC_ACCOUNT_ID=my-secret-key\n")
    assert "sentry" in sources() and "NEWRELIC_ACCOUNT_ID" in shown() and "my-secret-key" not in shown()
    write(worker, SENTRY + "NEWRELIC_ACCOUNT_ID=12\n")
    assert shown() is None and runtime.current().settings.newrelic_account_id == 12


def test_what_a_process_is_built_on_needs_a_restart(worker):
    before = worker.runtime.settings
    write(worker, SENTRY + "DATABASE_URL=sqlite:////elsewhere.db\nDATA_DIR=/elsewhere\nROUND_SECONDS=1\n")
    now = runtime.current().settings
    assert "sentry" in sources()
    assert (now.database, now.data_dir, now.round_seconds) == (before.database, before.data_dir, before.round_seconds)


def test_the_file_is_read_once_for_each_change(worker, monkeypatch):
    write(worker, SENTRY)
    monkeypatch.setattr(bootstrap, "refresh", lambda *_: pytest.fail("nothing has changed"))
    worker.reread()
