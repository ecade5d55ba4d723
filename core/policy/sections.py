"""The sections of platform.toml: what each key means, its default and its bounds. Pure."""

from __future__ import annotations

from datetime import time
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, Field, field_validator, model_validator

from core.models.access import Role
from core.models.templates import Template
from core.policy import names
from core.policy.autonomy import AutonomyRules
from core.policy.services import Service, Strict

WEEK = range(7)
Clock = Annotated[str, AfterValidator(names.clock)]
Zone = Annotated[str, AfterValidator(names.zone)]


class Thresholds(Strict):
    """The confidence thresholds of the decision matrix, in the order of its rows."""

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
    """Beta prior of a new pattern: (successes + prior*weight) / (n + weight)."""

    prior: float = 0.7
    weight: float = 4.0


class BusinessHours(Strict):
    """Automatic production deployments wait for these hours. Without days, they may run at any time."""

    zone: Zone = "UTC"
    days: list[int] = Field(default=[], description="0 = Monday")
    start: Clock = "09:00"
    end: Clock = "17:00"

    @model_validator(mode="after")
    def _lasts(self):
        if self.days and time.fromisoformat(self.start) == time.fromisoformat(self.end):
            raise ValueError("the business hours end when they start")
        if self.days and set(self.days).isdisjoint(WEEK):
            raise ValueError("the business hours have no day: 0 is Monday, 6 is Sunday")
        return self


class Freeze(Strict):
    """A period without releases. Both times need an offset, e.g. 2026-12-18T00:00:00+01:00."""

    name: str = Field(min_length=1)
    start: AwareDatetime
    end: AwareDatetime
    repositories: list[str] = Field(default=[], description="repositories that it covers; empty: all")

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
        default=2,
        ge=0,
        description="failed releases in a row after which a repository's automatic releases stop; 0: never",
    )
    settle_hours: float = Field(
        default=72,
        ge=0,
        description="hours without errors after which an escalated issue is dismissed; a return reopens it; 0: never",
    )
    freezes: list[Freeze] = Field(default=[], description="named periods without releases; rollbacks still run")
    business_hours: BusinessHours = BusinessHours()


class CorroborationRules(Strict):
    """What the team's own metrics or logs must show before a report leads to an automatic deployment."""

    required: bool = Field(default=True, description="without corroboration, a person must approve")
    failures: int = Field(default=5, ge=1, description="failures needed; fewer if the report counts fewer")
    share: float = Field(default=0.1, ge=0, le=1, description="share of the reported occurrences to be measured")
    background_factor: float = Field(
        default=2.0, gt=1, description="factor by which failures must exceed the background"
    )
    background_minutes: float = Field(default=60, gt=0, description="minutes before the report, as the background")
    span_minutes: float = Field(default=60, gt=0, description="longest span; of a longer report, only the end counts")
    slack_seconds: float = Field(default=120, ge=0, description="tolerance for clock skew and metric intervals")
    wait_seconds: float = Field(
        default=600, ge=0, description="wait for late metrics and logs before requesting approval"
    )
    public_sources: list[str] = Field(default=[], description='sources that outsiders can write to, e.g. ["datadog"]')


class SeverityRules(Strict):
    """The error rate of a service from which each severity applies."""

    medium: float = 0.01
    high: float = 0.25
    critical: float = 0.5


class Watch(Strict):
    seconds: float = Field(default=600, gt=0, description="maximum watch duration, unless more traffic is needed")
    earliest: float = Field(default=60, ge=0, description="seconds before which no release is confirmed")
    every: float = Field(default=30, gt=0, description="seconds between two looks")
    minimum_requests: int = Field(default=20, description="fewer requests are too little evidence")
    wrong_rollbacks: float = Field(
        default=0.005, gt=0, lt=1, description="accepted probability of rolling back a good release"
    )
    missed_harm: float = Field(
        default=0.02, gt=0, lt=1, description="accepted probability of an early verdict missing harm"
    )
    cured_share: float = Field(
        default=0.25, gt=0, lt=1, description="share of the old rate from which an error is not fixed"
    )
    error_rate_margin: float = Field(default=0.01, description="allowed rise of the error rate, as a share of requests")
    latency_factor: float = Field(default=1.5, description="allowed growth of the 95th percentile, as a factor")
    latency_floor_ms: float = Field(
        default=50.0, ge=0, description="growth of the 95th percentile that counts as noise"
    )
    source: str = Field(default="datadog", description="connector that provides the watch metrics")


class Maintenance(Strict):
    """A weekly window. In ``days``, 0 is Monday; times are in ``zone``."""

    zone: Zone = "UTC"
    days: list[int] = [1, 3]
    start: Clock = "02:00"
    minutes: int = Field(default=120, ge=1)

    @model_validator(mode="after")
    def _comes(self):
        if set(self.days).isdisjoint(WEEK):
            raise ValueError("the maintenance window has no day: 0 is Monday, 6 is Sunday")
        return self


class ModelRules(Strict):
    """Budget of the models that write fixes. Tokens and dollars include all attempts, also failed ones."""

    tries: int = Field(default=2, ge=0, le=5, description="attempts of each model at one fix; 0: no models")
    samples: int = Field(default=2, ge=1, le=10, description="answers asked for in one attempt and judged together")
    seconds: float = Field(default=300, gt=0, description="time limit of one attempt, in seconds")
    requests: int = Field(default=40, ge=1, description="maximum requests of a program such as Cline in one attempt")
    tokens_per_issue: int = 200_000
    tokens_per_day: int = 2_000_000
    usd_per_issue: float = 1.0
    usd_per_day: float = 10.0
    usd_per_million_tokens: float = Field(default=0.0, ge=0, description="price, if the model server reports none")


class FixRules(Strict):
    order: list[Literal["embedded", "openai", "cline"]] = Field(
        default=["embedded", "openai", "cline"],
        min_length=1,
        description="fixers in the order of use; one that is not listed is not used",
    )
    models: ModelRules = ModelRules()
    autonomy: AutonomyRules = AutonomyRules()
    attempts: int = Field(default=3, ge=1, le=10)
    templates: list[Template] = Field(default=list(Template), description="templates of the fixes that are written")
    max_lines: int = 200
    max_files: int = 5
    complexity: int = 10
    coverage: float = Field(default=0.8, ge=0, le=1, description="share of the changed statements that tests must run")
    strict_coverage: bool = Field(
        default=False, description="require that share also in a file that is covered less; false: as much as the file"
    )
    documentation: Literal["block", "warn", "off"] = Field(
        default="block", description="docstrings, README and changelog: block a fix that lacks them, warn, or off"
    )
    tests_seconds: float = Field(
        default=600, ge=10, description="seconds that a whole test suite may take; beyond, the related tests are run"
    )
    slowdown: float = Field(default=2.0, gt=1, description="allowed slowdown of a changed function, as a factor")
    runner: Literal["auto", "bubblewrap", "limited"] = "auto"
    allow_limited_runner: bool = False
    forbidden: list[str] = Field(
        default=[
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
        description="files that no fix may touch, whatever a service allows",
    )

    @field_validator("order")
    @classmethod
    def _each_once(cls, order: list[str]) -> list[str]:
        if len(set(order)) < len(order):
            raise ValueError("a fixer stands in fix.order more than once")
        return order

    def of(self, service: Service) -> FixRules:
        """The rules for one service, which can only make them stricter."""
        return self.model_copy(
            update={
                "forbidden": [*self.forbidden, *service.forbidden],
                "max_lines": min(self.max_lines, service.max_lines or self.max_lines),
                "max_files": min(self.max_files, service.max_files or self.max_files),
            }
        )


class ApprovalRules(Strict):
    expires_minutes: int = Field(default=480, ge=1, le=1_000_000)
    four_eyes: Literal["critical", "always"] = Field(
        default="critical", description="services whose fixes their requester cannot approve"
    )


class Access(Strict):
    """Who can sign in, for how long, and which roles the claims of the identity provider give."""

    session_hours: float = Field(default=12, gt=0)
    lock_after: int = Field(default=5, ge=1, description="wrong passwords in a row that lock the account")
    lock_minutes: float = Field(default=15, gt=0)
    password_days: float = Field(default=365, ge=0, description="days after which a password must be changed; 0: never")
    token_requests_per_minute: int = Field(default=120, ge=1, description="requests that one API token may send")
    person_requests_per_minute: int = Field(
        default=300, ge=1, description="requests that one person may send with all API tokens"
    )
    public_status: bool = Field(default=True, description="show /status without sign-in")
    groups: dict[str, list[str]] = Field(default={}, description="groups of people; approvals can be assigned to them")
    oidc_claim: str = Field(default="groups", description="claim whose values oidc_roles maps to roles")
    oidc_roles: dict[str, Role] = Field(default={}, description="role by claim value or verified e-mail address")
    oidc_email_verified: bool = Field(
        default=True, description="false: for a provider that omits email_verified and lets nobody choose their address"
    )
    oidc_default: Role | None = Field(
        default=None, description="role of everyone else at the provider; none: no access"
    )


class OsvRules(Strict):
    """The scan for known vulnerabilities, if OSV_URL is set."""

    unscanned: Literal["pass", "ask"] = Field(
        default="pass", description="if OSV is unreachable and a fix imports no new package: pass, or require approval"
    )
    private: list[str] = Field(default=[], description="private packages (globs), whose names are never sent")


class MetricNames(Strict):
    """Names of the service metrics, for vendors that need them."""

    requests: str = "requests"
    errors: str = "errors"
    p95_ms: str = "latency.p95"
    step: int = Field(default=20, ge=1, description="interval of Datadog queries, in seconds")


class Collect(Strict):
    """Maximum calls to a vendor in one collection cycle; the next cycle reads the rest."""

    calls_a_round: int = Field(default=150, ge=10)
    by_vendor: dict[str, int] = Field(default={}, description='e.g. {"github": 400}')

    def calls(self, vendor: str) -> int:
        return self.by_vendor.get(vendor, self.calls_a_round)


class Inputs(Strict):
    """What the platform accepts at /otlp, /ingest and /hooks/alertmanager, and whose it is."""

    labels: list[str] = Field(
        default=["service", "job", "app", "namespace"],
        description="labels of an Alertmanager alert that can name the service; the first with a known one counts",
    )
    names: dict[str, str] = Field(
        default={}, description='service by the name that its sender uses, e.g. {"shop-cart" = "cart"}'
    )
    requests_per_minute: int = Field(default=600, ge=1, description="requests that one token may send in a minute")
    keep_days: float = Field(default=14, gt=0, description="days for which payloads are kept after they were read")
    keep_megabytes: int = Field(
        default=256, ge=1, description="size of all payloads; beyond it, the oldest that were read are removed"
    )
    edge_days: float = Field(default=7, gt=0, description="days for which a call between services is remembered")
