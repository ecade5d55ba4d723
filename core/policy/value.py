"""The section of platform.toml that says what a repair by hand costs, for the KPIs."""

from __future__ import annotations

from pydantic import Field

from core.policy.services import Strict


class ValueRules(Strict):
    currency: str = Field(default="USD", pattern=r"^[A-Z]{3}$", description="code of the currency (ISO 4217)")
    engineer_hour: float = Field(default=90, gt=0, allow_inf_nan=False, description="cost of an engineer's hour")
    baseline_hours: float = Field(
        default=2, gt=0, le=1000, description="mean hours from the first error to a repair by hand"
    )
    savings_a_year: float = Field(default=50_000, gt=0, allow_inf_nan=False, description="target of the savings a year")

    @property
    def baseline(self) -> float:
        """Seconds of a repair by hand."""
        return self.baseline_hours * 3600
