"""Settings and store of this process. The entry point opens them once; every visit reads them."""

from __future__ import annotations

from core import store
from core.settings import ConfigurationError, Policy, Settings, load

_settings: Settings | None = None


def configure(settings: Settings) -> Settings:
    """Make these the settings of the process and open its store."""
    global _settings
    _settings = settings
    store.open_store(settings.database)
    return settings


def settings() -> Settings:
    """Settings of the process; configured from the environment at the first call of all."""
    return _settings or configure(load())


def policy() -> tuple[Policy, str]:
    """The policy in force and, if platform.toml cannot be used, what is wrong with it (then the defaults)."""
    try:
        return settings().policy, ""
    except ConfigurationError as error:
        return Policy(), str(error)
