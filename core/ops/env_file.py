"""Reloads the file .env of a running process after a change, without a restart."""

from __future__ import annotations

import logging

from core import settings
from core.db import store
from core.models import Connector, now
from core.policy.reader import ConfigurationError
from core.settings import Settings, env_file

log = logging.getLogger(__name__)
FIXED = ("database_url", "data_dir", "platform_file", "round_seconds", "console_engine", "audit_key")  # of a process


class EnvFile:
    """The state of the .env file next to platform.toml that this process last read."""

    def __init__(self, current: Settings):
        self.path = env_file(current)
        self.seen = self._state()

    def _state(self) -> tuple[int, int, int] | None:
        try:
            status = self.path.stat()
        except OSError:
            return None
        return status.st_ino, status.st_mtime_ns, status.st_size

    def changed(self, current: Settings) -> Settings | None:
        """The new settings after a change of the file; None without one, and for a file that cannot be used.

        The settings in FIXED stay unchanged until the process restarts.
        """
        state = self._state()
        if state == self.seen:
            return None
        self.seen = state
        try:
            found = settings.load(self.path)
        except (ConfigurationError, OSError) as error:
            log.warning("%s cannot be used: %s", self.path, error)
            note(".env", str(error))
            return None
        note(".env", "")
        return found.model_copy(update={name: getattr(current, name) for name in FIXED})


def note(name: str, error: str) -> None:
    """Show a file that cannot be used next to the connectors; an empty ``error`` says that it can."""
    with store.write() as session:
        row = session.get(Connector, name) or Connector(name=name)
        row.error, row.last_attempt = error or None, now()
        row.failures = row.failures + 1 if error else 0
        if not error:
            row.last_success = now()
        session.add(row)
