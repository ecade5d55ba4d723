"""Settings and database of this process. The entry point opens them once; every visit reads them."""

from __future__ import annotations

from functools import cache

from core.db import store
from core.policy.reader import ConfigurationError, Policy, read_policy
from core.settings import Settings, load

_settings: Settings | None = None
_read: tuple[object, Policy, str] | None = None  # state of the file, policy, error


def configure(settings: Settings) -> Settings:
    """Set the settings of the process and open its database."""
    global _settings, _read
    _settings, _read = settings, None
    _connected.cache_clear()
    store.open_store(settings.database)
    return settings


def settings() -> Settings:
    """Settings of the process; the first call reads the environment."""
    return _settings or configure(load())


def replace(settings: Settings) -> None:
    """Use these settings from now on; the database stays the same."""
    global _settings
    _settings = settings
    _connected.cache_clear()


def connected() -> frozenset[str]:
    """Names of the vendors that the settings connect; none is contacted."""
    return _connected()


@cache
def _connected() -> frozenset[str]:
    from core.vendors import registry

    return frozenset(name for name, made in registry.CONNECTORS.items() if made.build(settings()) is not None)


def policy() -> tuple[Policy, str]:
    """The policy in force and the error of platform.toml, if any (then the last valid policy stays, as in the engine).

    It is read again when the file changes, through the Policy page or by hand. Before the first valid one, it has the
    defaults.
    """
    global _read
    path = settings().platform_file
    try:
        seen = path.stat()
        like = (path, seen.st_mtime_ns, seen.st_size)
        if _read is None or _read[0] != like:
            _read = (like, *_policy(path))
        return _read[1:]
    except OSError:
        return _policy(path)


def _policy(path) -> tuple[Policy, str]:
    try:
        return read_policy(path), ""
    except ConfigurationError as error:
        return _read[1] if _read else Policy(), str(error)
