"""What the policy lets the AI agents of the analysis do. Pure."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from core.policy.services import Strict


class AnalysisRules(Strict):
    """What Kestra's AI agent may use. Each tool needs its key among Kestra's secrets, and is left out without it."""

    tools: list[Literal["web_search", "code_analysis"]] = Field(
        default=[],
        description="web_search sends the names of exceptions and of library functions to Tavily; code_analysis runs "
        "the agent's own code at Judge0; empty: none",
    )
