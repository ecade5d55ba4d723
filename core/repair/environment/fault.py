"""Why there is no environment, in words for the people whose service it is."""

from __future__ import annotations

from core.vendors.command import CommandError


class EnvironmentFault(CommandError):
    """``says`` is what was tried and its real error, ``fix`` the way out."""

    def __init__(self, says: str, fix: str = ""):
        super().__init__(f"{says} {fix}".strip())
        self.says, self.fix = says, fix
