"""Settings and database of this process. The entry point opens them once; every visit reads them."""

from __future__ import annotations

from functools import lru_cache

from core.db import store
from core.policy.reader import ConfigurationError, Policy, read_policy
from core.settings import Settings, load

_settings: Settings | None = None
_read: tuple[object, Policy, str] | None = None  # state of the file, policy, error


def configure(settings: Settings) -> Settings:
    """Set the settings of the process and open its database."""
    global _settings, _read
    _settings, _read = settings, None
    store.open_store(settings.database)
    return settings


def settings() -> Settings:
    """Settings of the process; the first call reads the environment."""
    return _settings or configure(load())


def replace(settings: Settings) -> None:
    """Use these settings from now on; the database stays the same."""
    global _settings
    _settings = settings


def connected() -> frozenset[str]:
    """Names of the vendors that the settings connect; none is contacted."""
    return _connected(id(settings()))


@lru_cache(maxsize=1)
def _connected(_settings_id: int) -> frozenset[str]:
    from core.vendors import registry

    return frozenset(name for name, made in registry.CONNECTORS.items() if made.build(settings()) is not None)


def policy() -> tuple[Policy, str]:
    """The policy in force and the error of platform.toml, if any (then the policy has the defaults).

    It is read again when the file changes, through the Policy page or by hand.
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
        return Policy(), str(error)
