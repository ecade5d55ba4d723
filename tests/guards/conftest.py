import pytest

from core import runtime
from core.db import store
from core.runtime import Runtime
from core.settings import Settings
from tests import screens


@pytest.fixture
def console(tmp_path) -> Settings:
    """Settings with a separate store for each test, and a runtime for the actions."""
    (tmp_path / "platform.toml").write_text(screens.PLATFORM, encoding="utf-8")
    (tmp_path / "platform.db").write_bytes(screens.with_workflows())
    settings = Settings(
        database_url=f"sqlite:///{tmp_path / 'platform.db'}",
        platform_file=tmp_path / "platform.toml",
        data_dir=tmp_path,
        sandbox_url="",
    )
    store.open_store(settings.database_url)
    runtime.use(Runtime(settings))
    return settings
