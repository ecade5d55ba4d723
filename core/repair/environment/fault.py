"""The error of an environment that cannot be built, with a message for the service's team."""

from __future__ import annotations

from core.vendors.command import CommandError


class EnvironmentFault(CommandError):
    """``message`` is what was tried and its original error, ``fix`` what to do about it."""

    def __init__(self, message: str, fix: str = ""):
        super().__init__(f"{message} {fix}".strip())
        self.message, self.fix = message, fix
