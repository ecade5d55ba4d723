"""What this installation is for: production, or staging with limits of its own. Pure."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from core.policy.services import Strict

STAGING_RECORDS = 200


class EnvironmentRules(Strict):
    """Staging reads the real APIs, keeps a limited part of their records, and releases nothing without a person."""

    name: Literal["production", "staging"] = "production"
    records_a_cycle: int = Field(
        default=0,
        ge=0,
        description=f"records of one source that a collection cycle keeps; 0: {STAGING_RECORDS} in staging, else all",
    )

    @property
    def staging(self) -> bool:
        return self.name == "staging"

    @property
    def most(self) -> int | None:
        """The records of one source that a collection cycle keeps; None: all."""
        return self.records_a_cycle or (STAGING_RECORDS if self.staging else None)
