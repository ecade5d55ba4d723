"""The sections of platform.toml: what each key means, its default and its bounds. Pure."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from core.models import Impact
from core.models.access import Role
from core.policy import names


class Strict(BaseModel):
    """Unknown keys are refused, and so is NaN, with which no comparison holds: a limit of it would limit nothing."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class Repository(Strict):
    """A service's code: where it lies and how it is tested and shipped."""

    remote: Annotated[str, AfterValidator(names.remote)] = Field(description="git address to clone and push")
    branch: Annotated[str, AfterValidator(names.branch)] = "main"
    github: Annotated[str, AfterValidator(names.github)] = Field("", description="owner/name; empty: no pull requests")
    vercel_project: Annotated[str, AfterValidator(names.optional_name)] = Field(
        "", description="project name; empty: no deployments"
    )
    production_url: Annotated[str, AfterValidator(names.address)] = Field(
        "", description="public address, for health checks"
    )
    health_path: Annotated[str, AfterValidator(names.health_path)] = "/health"
    environment: dict[Annotated[str, AfterValidator(names.variable)], str] = Field(
        {}, description="variables of its deployments; no secrets"
    )
    test_command: Annotated[list[str], AfterValidator(names.command)] = ["python", "-m", "pytest", "-q"]
    source: list[Annotated[str, AfterValidator(names.folder)]] = Field(
        ["."], min_length=1, description="folders of the program's code"
    )
    tests: Annotated[str, AfterValidator(names.folder)] = "tests"


class SuccessCheck(Strict):
    """What holds while a service works: an address and its expected answer, or a metric and its bound."""

    url: Annotated[str, AfterValidator(names.address)] = Field("", description="address that is fetched at each look")
    status: int = Field(200, ge=100, le=599, description="its expected status")
    contains: str = Field("", description="text within the first 64 kB of its answer")
    metric: Literal["", "error_rate", "p95_ms"] = Field("", description="in place of an address")
    at_most: float = Field(0, ge=0, description="the metric's bound: a share of 1, or milliseconds")

    @model_validator(mode="after")
    def _one_kind(self):
        if bool(self.url) == bool(self.metric):
            raise ValueError("a check has either a url or a metric")
        return self


class Service(Strict):
    repository: str
    critical: bool = False
    impact: Impact = Impact.MEDIUM
    paths: list[str] = Field([], description="what a fix may touch (globs); empty: all of the repository's source")
    forbidden: list[str] = Field([], description="what a fix may not touch, beside [fix] forbidden")
    max_lines: int = Field(0, ge=0, description="a lower [fix] max_lines for this service; 0: as there")
    max_files: int = Field(0, ge=0, description="a lower [fix] max_files for this service; 0: as there")
    upstreams: list[str] = []
    corroboration: bool | None = Field(None, description="overrides [corroboration] required for this service")
    checks: dict[Annotated[str, AfterValidator(names.name)], SuccessCheck] = Field(
        {}, description="success checks of a release; one that passed before it and fails since is harm"
    )


class Thresholds(Strict):
    """The rows of the decision matrix, in DESIGN order; every number is a confidence."""

    escalate_below: float = 0.6
    auto_any: float = 0.9
    auto_mild: float = 0.8
    auto_contained: float = 0.7


class Weights(Strict):
    analysis: float = 0.4
    history: float = 0.3
    simplicity: float = 0.2
    low_impact: float = 0.1

    @model_validator(mode="after")
    def _sum(self):
        if abs(sum(self.model_dump().values()) - 1) > 1e-9:
            raise ValueError("the weights must sum to 1")
        return self


class History(Strict):
    """Beta prior of a pattern nobody has seen: (successes + prior*weight) / (n + weight)."""

    prior: float = 0.7
    weight: float = 4.0


class BusinessHours(Strict):
    """Automatic production deployments wait for these hours; an empty list of days means: always."""

    zone: str = "UTC"
    days: list[int] = Field([], description="0 = Monday")
    start: str = "09:00"
    end: str = "17:00"


class Freeze(Strict):
    """A span of time without releases. Both times carry their offset, e.g. 2026-12-18T00:00:00+01:00."""

    name: str = Field(min_length=1)
    start: AwareDatetime
    end: AwareDatetime
    repositories: list[str] = Field([], description="empty: all of them")

    @model_validator(mode="after")
    def _ends_later(self):
        if self.end <= self.start:
            raise ValueError(f"the freeze {self.name!r} ends before it starts")
        return self


class Guards(Strict):
    critical_services: list[str] = ["payment", "auth", "core-api"]
    critical_confidence: float = 0.8
    deployments_per_hour: int = 5
    minimum_occurrences: int = 2
    approval_always: bool = False
    stop_after_rollbacks: int = 3
    brake_after_failures: int = Field(
        2, ge=0, description="failed releases in a row that hold a repository's automatic releases; 0: never"
    )
    freezes: list[Freeze] = Field([], description="named spans without releases; rollbacks still happen")
    business_hours: BusinessHours = BusinessHours()


class CorroborationRules(Strict):
    """What the team's own metrics or logs must show before a report leads to an automatic deployment."""

    required: bool = Field(True, description="without corroboration, a person approves")
    failures: int = Field(5, ge=1, description="failures that suffice; fewer when the report tells of fewer")
    share: float = Field(0.1, ge=0, le=1, description="share of the report's occurrences that must be seen")
    background_factor: float = Field(2.0, gt=1, description="failures must exceed the background so many times")
    background_minutes: float = Field(60, gt=0, description="before the report: what the background is measured in")
    span_minutes: float = Field(60, gt=0, description="of a longer report, only its last minutes count")
    slack_seconds: float = Field(120, ge=0, description="on both sides: clock skew and the width of metric intervals")
    wait_seconds: float = Field(600, ge=0, description="wait for late metrics and logs before a person is asked")
    public_sources: list[str] = Field([], description='sources that strangers can write to as well, e.g. ["datadog"]')


class SeverityRules(Strict):
    """Share of a service's requests that fail from which a severity begins."""

    medium: float = 0.01
    high: float = 0.25
    critical: float = 0.5


class Watch(Strict):
    seconds: float = Field(
        600, gt=0, description="how long a deployment is watched at most, unless more traffic is needed"
    )
    earliest: float = Field(60, ge=0, description="no verdict that a release is good comes before this many seconds")
    every: float = Field(30, gt=0, description="seconds between two looks")
    minimum_requests: int = Field(20, description="fewer than these is no evidence")
    wrong_rollbacks: float = Field(0.005, gt=0, lt=1, description="accepted probability of rolling back a good release")
    missed_harm: float = Field(0.02, gt=0, lt=1, description="accepted probability that an early verdict misses harm")
    cured_share: float = Field(0.25, gt=0, lt=1, description="share of its former rate at which a fault is not cured")
    error_rate_margin: float = Field(0.01, description="allowed rise of the error rate")
    latency_factor: float = Field(1.5, description="allowed growth of the 95th percentile")
    latency_floor_ms: float = Field(50.0, ge=0, description="growth of it that is noise, for a severity too")
    source: str = Field("datadog", description="connector whose metrics are watched")


class Maintenance(Strict):
    """Weekly window. ``days`` 0 = Monday; times in ``zone``."""

    zone: str = "UTC"
    days: list[int] = [1, 3]
    start: str = "02:00"
    minutes: int = 120


class ModelRules(Strict):
    """What models may cost that write fixes. Tokens and dollars are summed over all attempts, the failed ones too."""

    tries: int = Field(2, ge=0, le=5, description="attempts of each model at one fix; 0: no model is asked")
    seconds: float = Field(300, gt=0, description="deadline of one attempt")
    requests: int = Field(40, ge=1, description="requests that a program such as Cline may make in one attempt")
    tokens_per_issue: int = 200_000
    tokens_per_day: int = 2_000_000
    usd_per_issue: float = 1.0
    usd_per_day: float = 10.0
    usd_per_million_tokens: float = Field(0.0, ge=0, description="price where the model's server tells none")


class FixRules(Strict):
    models: ModelRules = ModelRules()
    attempts: int = Field(3, ge=1, le=10)
    max_lines: int = 200
    max_files: int = 5
    complexity: int = 10
    coverage: float = 0.8
    slowdown: float = Field(2.0, gt=1, description="a changed function may take so many times its old time")
    runner: Literal["auto", "bubblewrap", "limited"] = "auto"
    allow_limited_runner: bool = False
    forbidden: list[str] = Field(
        [
            ".git*",
            ".github/**",
            ".ci/**",
            ".env*",
            "**/.env*",
            "*requirements*.txt",
            "*constraints*.txt",
            "requirements/**",
            "*.lock",
            "pylock*.toml",
            "Pipfile",
            "pyproject.toml",
            "setup.py",
            "setup.cfg",
            "Dockerfile",
            "Makefile",
            "**/migrations/**",
            "auth/**",
            "**/auth/**",
            "**/secrets/**",
            "**/payment/**",
            "**/payments/**",
            "conftest.py",
            "**/conftest.py",
        ],
        description="never touched by a fix, whatever a service allows",
    )

    def of(self, service: Service) -> FixRules:
        """These rules as they hold for one service: it can only make them stricter."""
        return self.model_copy(
            update={
                "forbidden": [*self.forbidden, *service.forbidden],
                "max_lines": min(self.max_lines, service.max_lines or self.max_lines),
                "max_files": min(self.max_files, service.max_files or self.max_files),
            }
        )


class ApprovalRules(Strict):
    expires_minutes: int = Field(480, ge=1, le=1_000_000)
    four_eyes: Literal["critical", "always"] = Field(
        "critical", description="for which services whoever asked for a fix cannot approve it"
    )


class Access(Strict):
    """Who may come in, for how long, and what the identity provider's claims are worth."""

    session_hours: float = Field(12, gt=0)
    lock_after: int = Field(5, ge=1, description="wrong passwords in a row")
    lock_minutes: float = Field(15, gt=0)
    password_days: float = Field(365, ge=0, description="age at which a password must be changed; 0: never")
    public_status: bool = Field(True, description="/status shows its counts to anybody")
    groups: dict[str, list[str]] = Field({}, description="group: its people; an approval can be escalated to it")
    oidc_claim: str = Field("groups", description="claim whose values oidc_roles names, beside e-mail addresses")
    oidc_roles: dict[str, Role] = Field({}, description="value of the claim, or verified e-mail address: role")
    oidc_email_verified: bool = Field(
        True, description="false: the provider leaves email_verified out and lets nobody choose an address themselves"
    )
    oidc_default: Role | None = Field(None, description="role of everybody else there; none: they stay outside")


Channel = Literal["slack", "email", "console"]


class Routes(Strict):
    """Who hears of what. A channel that is not connected is recorded as failed; ``[]`` tells nobody."""

    workflow_failed: list[Channel] = ["slack"]
    error_rate: list[Channel] = ["email", "slack"]
    deployment_failed: list[Channel] = ["slack", "email"]
    rolled_back: list[Channel] = ["slack", "email"]
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
    unverified: list[Channel] = ["slack", "email", "console"]  # production may serve a build that nobody confirmed
    merge_outstanding: list[Channel] = ["slack"]
    audit_head: list[Channel] = []  # once a day: a place that the platform's own account cannot rewrite
    audit_failed: list[Channel] = ["slack", "email"]
    brake: list[Channel] = ["slack", "email"]  # a repository's automatic releases are held
    stopped: list[Channel] = ["slack"]  # a person stopped or started all releases


class SlackRules(Strict):
    people: dict[str, str] = Field({}, description="Slack user id (U0123ABCD) = the person who may answer with it")


class CodeRabbitRules(Strict):
    """Wait for CodeRabbit's review of each fix, where GitHub is connected."""

    enabled: bool = False
    wait_minutes: float = Field(30, gt=0, description="no review by then: a person approves in its place")
    every_seconds: float = Field(30, gt=0, description="between two looks")
    block: list[Literal["critical", "major", "minor", "nitpick"]] = ["critical", "major"]


class OsvRules(Strict):
    """The scan for known vulnerabilities, where OSV_URL names a service to ask."""

    unscanned: Literal["pass", "ask"] = Field(
        "pass", description="when it is out of reach and a fix imports no new package: go on, or ask a person"
    )
    private: list[str] = Field([], description="packages of your own (globs); their names are never sent")


class MetricNames(Strict):
    """Names of the services' own metrics at the vendors that ask for them."""

    requests: str = "requests"
    errors: str = "errors"
    p95_ms: str = "latency.p95"
    step: int = Field(20, ge=1, description="seconds of an interval that Datadog is asked for, whatever the span")


class Collect(Strict):
    """How many calls one round may make at a vendor; what is left over, the next round reads."""

    calls_a_round: int = Field(150, ge=10)
    by_vendor: dict[str, int] = Field({}, description='e.g. {"github": 400}')

    def calls(self, vendor: str) -> int:
        return self.by_vendor.get(vendor, self.calls_a_round)
