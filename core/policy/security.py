"""The section of platform.toml on security findings. Pure."""

from __future__ import annotations

from pydantic import Field

from core.policy.services import Strict


class SecurityRules(Strict):
    """The scan of each repository for vulnerable packages and unsafe lines, whose findings become issues."""

    enabled: bool = True
    every_hours: float = Field(
        default=24,
        gt=0,
        description="hours between two scans of a commit; a new commit of production is scanned at once",
    )
    code: bool = Field(default=True, description="scan the program's code with bandit")
    rules: list[str] = Field(
        default=[
            "B102", "B301", "B302", "B306", "B307", "B323", "B324", "B501", "B502", "B503", "B506", "B602", "B604",
            "B605", "B608", "B609", "B611", "B701",
        ],
        description="rules of bandit that open an issue",
    )  # fmt: skip
    most_files: int = Field(default=2000, ge=1, description="source files that bandit reads in one scan")
    most_findings: int = Field(default=50, ge=1, description="new findings of one source in one scan, the worst first")
