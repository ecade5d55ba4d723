"""Where the platform's messages go, and which reviews of others it waits for. Pure."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from core.policy.services import Strict

Channel = Literal["slack", "email", "console"]


class Routes(Strict):
    """The channels of each event. A channel that is not connected is recorded as failed; ``[]`` means none."""

    workflow_failed: list[Channel] = ["slack"]
    error_rate: list[Channel] = ["email", "slack"]
    deployment_failed: list[Channel] = ["slack", "email"]
    rolled_back: list[Channel] = ["slack", "email"]
    ready_for_review: list[Channel] = ["slack"]  # a pull request waits for a person's merge
    reverting: list[Channel] = ["slack", "email", "console"]  # a release does harm, and its revert waits for a merge
    watch_unsure: list[Channel] = ["slack", "email"]
    superseded: list[Channel] = ["slack", "email"]
    tests_failed: list[Channel] = ["slack"]
    no_fix: list[Channel] = ["console"]
    escalated: list[Channel] = ["slack"]
    low_confidence: list[Channel] = ["console"]
    refused: list[Channel] = ["console"]
    approval_asked: list[Channel] = ["slack"]
    approval_expired: list[Channel] = ["slack", "email"]
    rate_limit: list[Channel] = ["slack"]
    performance: list[Channel] = ["email"]
    resolved: list[Channel] = ["slack"]
    unverified: list[Channel] = ["slack", "email", "console"]  # production may serve an unconfirmed build
    merge_outstanding: list[Channel] = ["slack"]
    audit_head: list[Channel] = []  # once a day; choose a place that the platform cannot rewrite
    audit_failed: list[Channel] = ["slack", "email"]
    brake: list[Channel] = ["slack", "email"]  # automatic releases of a repository are on hold
    stopped: list[Channel] = ["slack"]  # a person stopped or started all releases


class SlackRules(Strict):
    people: dict[str, str] = Field(default={}, description="person by Slack user id (U0123ABCD)")


class CodeRabbitRules(Strict):
    """Wait for CodeRabbit's review of each fix, if GitHub is connected."""

    enabled: bool = False
    wait_minutes: float = Field(default=30, gt=0, description="minutes to wait; then, a person must approve")
    every_seconds: float = Field(default=30, gt=0, description="seconds between two checks")
    block: list[Literal["critical", "major", "minor", "nitpick"]] = ["critical", "major"]
