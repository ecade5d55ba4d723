from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from core import runtime
from core.db import store
from core.runtime import Runtime
from core.settings import Settings
from tests import screens, waiting


@cache
def blank() -> bytes:
    """A database with one person per role and the tables of waiting workflows, created once for all tests."""
    with TemporaryDirectory() as folder:
        screens.open_console(Path(folder))
        waiting.workflows()
        store.engine().dispose()
        return (Path(folder) / "platform.db").read_bytes()


@pytest.fixture
def console(tmp_path) -> Settings:
    """Settings with a separate store for each test, and a runtime for the actions."""
    (tmp_path / "platform.toml").write_text(screens.PLATFORM, encoding="utf-8")
    (tmp_path / "platform.db").write_bytes(blank())
    settings = Settings(
        database_url=f"sqlite:///{tmp_path / 'platform.db'}",
        platform_file=tmp_path / "platform.toml",
        data_dir=tmp_path,
        sandbox_url="",
    )
    store.open_store(settings.database_url)
    runtime.use(Runtime(settings))
    return settings
