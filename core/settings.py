"""Secrets and addresses come from the environment; services and policy from platform.toml.

Nothing is read on import: an entry point calls ``load()`` once and hands the result on.
"""

from __future__ import annotations

import tomllib
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from core.models import Impact
from core.models.access import Role
from core.policy import names

ROOT = Path(__file__).resolve().parent.parent


class ConfigurationError(Exception):
    """A setting or platform.toml cannot be used; the message says which, and what to write."""


class Settings(BaseSettings):
    """Every field is an environment variable of the same name in capitals. Empty means: not connected."""

    model_config = SettingsConfigDict(env_file=None, extra="ignore", env_ignore_empty=True)

    # the platform itself
    database_url: str = Field(default="", repr=False, description="SQLAlchemy address; empty: SQLite in DATA_DIR")
    data_dir: Path = Field(default=Path("data"), description="database, clones, worktrees, locks")
    platform_file: Path = Field(default=Path("platform.toml"), description="services and policy")
    public_url: str = Field(default="http://localhost:8501", description="the console's address, for links in messages")
    round_seconds: float = Field(default=300.0, gt=0, description="seconds between two rounds")
    sandbox_url: str = Field(default="", description="address of the demo's vendor simulator; set by `make demo`")
    console_engine: bool = Field(
        default=True, description="off: this console only shows; a worker elsewhere does the rounds"
    )

    sandbox_token: SecretStr = Field(default=SecretStr(""), description="the simulator's key; set by `make demo`")
    demo_password: SecretStr = Field(
        default=SecretStr(""),
        description="password of the demo's four people, told on its sign-in screen; set by `make demo`",
    )
    platform_token: SecretStr = Field(
        default=SecretStr(""),
        description="a person's API token: the command line acts for that person, and for nobody without",
    )
    audit_key: SecretStr = Field(
        default=SecretStr(""),
        description="signs the head of the audit trail; at least 32 characters; empty: a key in DATA_DIR/audit-key",
    )
    trusted_proxies: Annotated[str, AfterValidator(names.networks)] = Field(
        default="",
        description="networks (CIDR) of the proxies whose X-Forwarded-For is believed, by commas; empty: none",
    )

    private_hosts: str = Field(
        default="",
        description="vendors' hosts on a private network that may be called (GitHub Enterprise, Sentry), by commas",
    )

    # signals
    datadog_site: str = Field(default="datadoghq.com", description="e.g. datadoghq.eu, us3.datadoghq.com")
    datadog_url: str = Field(default="", description="replaces https://api.SITE")
    datadog_api_key: SecretStr = Field(default=SecretStr(""), description="Datadog API key")
    datadog_app_key: SecretStr = Field(
        default=SecretStr(""), description="Datadog application key (logs_read_data, metrics_read)"
    )
    datadog_query: str = Field(default="status:error", description="log search of a round")
    datadog_metrics_filter: str = Field(
        default="!env:staging,!env:stage,!env:stg,!env:test,!env:qa,!env:preview,!env:dev,!env:development",
        description="tag filter of the metric queries: production only; e.g. env:prod",
    )
    newrelic_region: Literal["us", "eu"] = Field(default="us", description="us or eu")
    newrelic_url: str = Field(default="", description="replaces the NerdGraph address")
    newrelic_api_key: SecretStr = Field(default=SecretStr(""), description="New Relic user key (NRAK-...)")
    newrelic_account_id: int = Field(default=0, description="New Relic account")
    newrelic_condition: str = Field(
        default="error.expected IS NOT true", description="NRQL condition on the TransactionError events to read"
    )
    github_url: str = Field(default="https://api.github.com", description="or https://HOST/api/v3")
    github_token: SecretStr = Field(
        default=SecretStr(""), description="token with contents, issues, pull requests, statuses"
    )
    sentry_url: str = Field(default="https://sentry.io", description="or us.sentry.io, de.sentry.io, your own host")
    sentry_token: SecretStr = Field(
        default=SecretStr(""), description="auth token with event:read, event:write, org:read"
    )
    sentry_org: str = Field(default="", description="organization slug")
    sentry_project: str = Field(default="", description="project slug or id; empty: every project")
    cloudwatch_log_groups: str = Field(default="", description="log groups, separated by commas")
    cloudwatch_filter: str = Field(
        default="?ERROR ?error ?Exception ?Traceback",
        description="filter pattern of the log events to read; empty: all",
    )
    cloudwatch_namespace: str = Field(default="", description="metrics namespace of the services")
    cloudwatch_dimension: str = Field(default="Service", description="the metrics' dimension that names the service")
    cloudwatch_role_arn: str = Field(default="", description="role to take on; empty: none")
    aws_region: str = Field(default="", description="empty: what boto3 finds by itself")
    aws_profile: str = Field(default="", description="empty: what boto3 finds by itself")
    aws_endpoint_url: str = Field(default="", description="replaces the AWS addresses")

    # analysis and fixes
    openai_base_url: str = Field(default="", description="any OpenAI-compatible server")
    openai_api_key: SecretStr = Field(default=SecretStr(""), description="its key")
    openai_model: str = Field(default="", description="its model; empty: the embedded analysis and repairer only")
    cline_bin: str = Field(
        default="", description="Cline CLI (path or name); empty: not used. It asks OPENAI_BASE_URL's model"
    )

    osv_url: str = Field(
        default="",
        description="https://api.osv.dev: fixes' packages are scanned for known vulnerabilities; empty: not scanned",
    )

    kestra_url: str = Field(default="", description="address of a Kestra server, 1.x or 2.x")
    kestra_tenant: str = Field(default="main", description="its tenant; main in the open source edition")
    kestra_namespace: str = Field(default="platform", description="namespace of the flows of core/cli/kestra")
    kestra_user: str = Field(default="", description="basic auth")
    kestra_password: SecretStr = Field(default=SecretStr(""), description="basic auth")
    kestra_token: SecretStr = Field(default=SecretStr(""), description="API token, in place of user and password")
    kestra_analysis_flow: str = Field(
        default="", description="flow whose AI agent gives an analysis (`analysis`); empty: none"
    )

    # delivery
    vercel_url: str = Field(default="https://api.vercel.com", description="address of the Vercel API")
    vercel_token: SecretStr = Field(default=SecretStr(""), description="Vercel access token")
    vercel_team_id: str = Field(default="", description="team_... or slug; empty: the personal account")

    # messages
    slack_url: str = Field(default="https://slack.com/api", description="address of the Slack Web API")
    slack_token: SecretStr = Field(default=SecretStr(""), description="bot token (xoxb-...) with chat:write")
    slack_channel: str = Field(default="", description="channel id for alerts")
    slack_signing_secret: SecretStr = Field(
        default=SecretStr(""),
        description="signing secret of the Slack app; its buttons answer at PUBLIC_URL/hooks/slack",
    )
    slack_webhook_url: SecretStr = Field(
        default=SecretStr(""), description="incoming webhook, in place of SLACK_TOKEN: messages without buttons"
    )
    smtp_host: str = Field(default="", description="mail server")
    smtp_port: int = Field(default=587, description="its port")
    smtp_user: str = Field(default="", description="mail user; empty: no sign-in")
    smtp_password: SecretStr = Field(default=SecretStr(""), description="its password")
    smtp_starttls: bool = Field(
        default=True, description="encrypt the connection; port 465 is encrypted from its start"
    )
    smtp_ca_file: str = Field(default="", description="certificates to trust, for a mail server of your own authority")
    email_from: str = Field(default="", description="sender of alerts")
    email_to: str = Field(default="", description="receivers of alerts, separated by commas")

    # webhooks in, at PUBLIC_URL/hooks/VENDOR; an empty secret: that door is shut
    sentry_webhook_secret: SecretStr = Field(
        default=SecretStr(""), description="client secret of the Sentry integration"
    )
    github_webhook_secret: SecretStr = Field(default=SecretStr(""), description="secret of the GitHub webhook")
    datadog_webhook_token: SecretStr = Field(
        default=SecretStr(""), description="sent by Datadog's webhook in the custom header X-Webhook-Token"
    )
    vercel_webhook_secret: SecretStr = Field(default=SecretStr(""), description="secret of the Vercel webhook")
    metrics_token: SecretStr = Field(
        default=SecretStr(""), description="bearer token of /metrics; empty: it answers on loopback only"
    )

    @property
    def database(self) -> str:
        return self.database_url or f"sqlite:///{self.data_dir.resolve() / 'platform.db'}"

    @cached_property
    def policy(self) -> Policy:
        return read_policy(self.platform_file)


class Strict(BaseModel):
    """Unknown keys are refused, and so is NaN, with which no comparison holds: a limit of it would limit nothing."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class Repository(Strict):
    """A service's code: where it lies and how it is tested and shipped."""

    remote: Annotated[str, AfterValidator(names.remote)] = Field(description="git address to clone and push")
    branch: Annotated[str, AfterValidator(names.branch)] = "main"
    github: Annotated[str, AfterValidator(names.github)] = Field(
        default="", description="owner/name; empty: no pull requests"
    )
    vercel_project: Annotated[str, AfterValidator(names.optional_name)] = Field(
        default="", description="project name; empty: no deployments"
    )
    production_url: Annotated[str, AfterValidator(names.address)] = Field(
        default="", description="public address, for health checks"
    )
    health_path: Annotated[str, AfterValidator(names.health_path)] = "/health"
    environment: dict[Annotated[str, AfterValidator(names.variable)], str] = Field(
        default={}, description="variables of its deployments; no secrets"
    )
    test_command: Annotated[list[str], AfterValidator(names.command)] = ["python", "-m", "pytest", "-q"]
    source: list[Annotated[str, AfterValidator(names.folder)]] = Field(
        default=["."], min_length=1, description="folders of the program's code"
    )
    tests: Annotated[str, AfterValidator(names.folder)] = "tests"


class SuccessCheck(Strict):
    """What holds while a service works: an address and its expected answer, or a metric and its bound."""

    url: Annotated[str, AfterValidator(names.address)] = Field(
        default="", description="address that is fetched at each look"
    )
    status: int = Field(default=200, ge=100, le=599, description="its expected status")
    contains: str = Field(default="", description="text within the first 64 kB of its answer")
    metric: Literal["", "error_rate", "p95_ms"] = Field(default="", description="in place of an address")
    at_most: float = Field(default=0, ge=0, description="the metric's bound: a share of 1, or milliseconds")

    @model_validator(mode="after")
    def _one_kind(self):
        if bool(self.url) == bool(self.metric):
            raise ValueError("a check has either a url or a metric")
        return self


class Service(Strict):
    repository: str
    critical: bool = False
    impact: Impact = Impact.MEDIUM
    paths: list[str] = Field(
        default=[], description="what a fix may touch (globs); empty: all of the repository's source"
    )
    forbidden: list[str] = Field(default=[], description="what a fix may not touch, beside [fix] forbidden")
    max_lines: int = Field(default=0, ge=0, description="a lower [fix] max_lines for this service; 0: as there")
    max_files: int = Field(default=0, ge=0, description="a lower [fix] max_files for this service; 0: as there")
    upstreams: list[str] = []
    corroboration: bool | None = Field(default=None, description="overrides [corroboration] required for this service")
    checks: dict[Annotated[str, AfterValidator(names.name)], SuccessCheck] = Field(
        default={}, description="success checks of a release; one that passed before it and fails since is harm"
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
    days: list[int] = Field(default=[], description="0 = Monday")
    start: str = "09:00"
    end: str = "17:00"


class Freeze(Strict):
    """A span of time without releases. Both times carry their offset, e.g. 2026-12-18T00:00:00+01:00."""

    name: str = Field(min_length=1)
    start: AwareDatetime
    end: AwareDatetime
    repositories: list[str] = Field(default=[], description="empty: all of them")

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
        default=2, ge=0, description="failed releases in a row that hold a repository's automatic releases; 0: never"
    )
    freezes: list[Freeze] = Field(default=[], description="named spans without releases; rollbacks still happen")
    business_hours: BusinessHours = BusinessHours()


class CorroborationRules(Strict):
    """What the team's own metrics or logs must show before a report leads to an automatic deployment."""

    required: bool = Field(default=True, description="without corroboration, a person approves")
    failures: int = Field(default=5, ge=1, description="failures that suffice; fewer when the report tells of fewer")
    share: float = Field(default=0.1, ge=0, le=1, description="share of the report's occurrences that must be seen")
    background_factor: float = Field(default=2.0, gt=1, description="failures must exceed the background so many times")
    background_minutes: float = Field(
        default=60, gt=0, description="before the report: what the background is measured in"
    )
    span_minutes: float = Field(default=60, gt=0, description="of a longer report, only its last minutes count")
    slack_seconds: float = Field(
        default=120, ge=0, description="on both sides: clock skew and the width of metric intervals"
    )
    wait_seconds: float = Field(
        default=600, ge=0, description="wait for late metrics and logs before a person is asked"
    )
    public_sources: list[str] = Field(
        default=[], description='sources that strangers can write to as well, e.g. ["datadog"]'
    )


class SeverityRules(Strict):
    """Share of a service's requests that fail from which a severity begins."""

    medium: float = 0.01
    high: float = 0.25
    critical: float = 0.5


class Watch(Strict):
    seconds: float = Field(
        default=600, gt=0, description="how long a deployment is watched at most, unless more traffic is needed"
    )
    earliest: float = Field(
        default=60, ge=0, description="no verdict that a release is good comes before this many seconds"
    )
    every: float = Field(default=30, gt=0, description="seconds between two looks")
    minimum_requests: int = Field(default=20, description="fewer than these is no evidence")
    wrong_rollbacks: float = Field(
        default=0.005, gt=0, lt=1, description="accepted probability of rolling back a good release"
    )
    missed_harm: float = Field(
        default=0.02, gt=0, lt=1, description="accepted probability that an early verdict misses harm"
    )
    cured_share: float = Field(
        default=0.25, gt=0, lt=1, description="share of its former rate at which a fault is not cured"
    )
    error_rate_margin: float = Field(default=0.01, description="allowed rise of the error rate")
    latency_factor: float = Field(default=1.5, description="allowed growth of the 95th percentile")
    latency_floor_ms: float = Field(default=50.0, ge=0, description="growth of it that is noise, for a severity too")
    source: str = Field(default="datadog", description="connector whose metrics are watched")


class Maintenance(Strict):
    """Weekly window. ``days`` 0 = Monday; times in ``zone``."""

    zone: str = "UTC"
    days: list[int] = [1, 3]
    start: str = "02:00"
    minutes: int = 120


class ModelRules(Strict):
    """What models may cost that write fixes. Tokens and dollars are summed over all attempts, the failed ones too."""

    tries: int = Field(default=2, ge=0, le=5, description="attempts of each model at one fix; 0: no model is asked")
    seconds: float = Field(default=300, gt=0, description="deadline of one attempt")
    requests: int = Field(default=40, ge=1, description="requests that a program such as Cline may make in one attempt")
    tokens_per_issue: int = 200_000
    tokens_per_day: int = 2_000_000
    usd_per_issue: float = 1.0
    usd_per_day: float = 10.0
    usd_per_million_tokens: float = Field(default=0.0, ge=0, description="price where the model's server tells none")


class FixRules(Strict):
    models: ModelRules = ModelRules()
    attempts: int = Field(default=3, ge=1, le=10)
    max_lines: int = 200
    max_files: int = 5
    complexity: int = 10
    coverage: float = 0.8
    slowdown: float = Field(default=2.0, gt=1, description="a changed function may take so many times its old time")
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
    expires_minutes: int = Field(default=480, ge=1, le=1_000_000)
    four_eyes: Literal["critical", "always"] = Field(
        default="critical", description="for which services whoever asked for a fix cannot approve it"
    )


class Access(Strict):
    """Who may come in, for how long, and what the identity provider's claims are worth."""

    session_hours: float = Field(default=12, gt=0)
    lock_after: int = Field(default=5, ge=1, description="wrong passwords in a row")
    lock_minutes: float = Field(default=15, gt=0)
    password_days: float = Field(default=365, ge=0, description="age at which a password must be changed; 0: never")
    public_status: bool = Field(default=True, description="/status shows its counts to anybody")
    groups: dict[str, list[str]] = Field(
        default={}, description="group: its people; an approval can be escalated to it"
    )
    oidc_claim: str = Field(
        default="groups", description="claim whose values oidc_roles names, beside e-mail addresses"
    )
    oidc_roles: dict[str, Role] = Field(default={}, description="value of the claim, or verified e-mail address: role")
    oidc_email_verified: bool = Field(
        default=True,
        description="false: the provider leaves email_verified out and lets nobody choose an address themselves",
    )
    oidc_default: Role | None = Field(default=None, description="role of everybody else there; none: they stay outside")


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
    people: dict[str, str] = Field(
        default={}, description="Slack user id (U0123ABCD) = the person who may answer with it"
    )


class CodeRabbitRules(Strict):
    """Wait for CodeRabbit's review of each fix, where GitHub is connected."""

    enabled: bool = False
    wait_minutes: float = Field(default=30, gt=0, description="no review by then: a person approves in its place")
    every_seconds: float = Field(default=30, gt=0, description="between two looks")
    block: list[Literal["critical", "major", "minor", "nitpick"]] = ["critical", "major"]


class OsvRules(Strict):
    """The scan for known vulnerabilities, where OSV_URL names a service to ask."""

    unscanned: Literal["pass", "ask"] = Field(
        default="pass", description="when it is out of reach and a fix imports no new package: go on, or ask a person"
    )
    private: list[str] = Field(default=[], description="packages of your own (globs); their names are never sent")


class MetricNames(Strict):
    """Names of the services' own metrics at the vendors that ask for them."""

    requests: str = "requests"
    errors: str = "errors"
    p95_ms: str = "latency.p95"
    step: int = Field(
        default=20, ge=1, description="seconds of an interval that Datadog is asked for, whatever the span"
    )


class Collect(Strict):
    """How many calls one round may make at a vendor; what is left over, the next round reads."""

    calls_a_round: int = Field(default=150, ge=10)
    by_vendor: dict[str, int] = Field(default={}, description='e.g. {"github": 400}')

    def calls(self, vendor: str) -> int:
        return self.by_vendor.get(vendor, self.calls_a_round)


class Policy(Strict):
    version: int = 1
    repositories: dict[Annotated[str, AfterValidator(names.name)], Repository] = {}
    services: dict[str, Service] = {}
    weights: Weights = Weights()
    history: History = History()
    thresholds: Thresholds = Thresholds()
    guards: Guards = Guards()
    corroboration: CorroborationRules = CorroborationRules()
    severity: SeverityRules = SeverityRules()
    watch: Watch = Watch()
    maintenance: Maintenance = Maintenance()
    fix: FixRules = FixRules()
    approval: ApprovalRules = ApprovalRules()
    access: Access = Access()
    metrics: MetricNames = MetricNames()
    routes: Routes = Routes()
    slack: SlackRules = SlackRules()
    coderabbit: CodeRabbitRules = CodeRabbitRules()
    osv: OsvRules = OsvRules()
    collect: Collect = Collect()

    @model_validator(mode="after")
    def _known_repositories(self):
        for name, repository in self.repositories.items():
            if not repository.remote:
                raise ValueError(f"repositories.{name}.remote is empty: it is the git address to clone and push")
        for freeze in self.guards.freezes:
            if unknown := set(freeze.repositories) - set(self.repositories):
                raise ValueError(f"the freeze {freeze.name!r} names the unknown repository {min(unknown)!r}")
        for name, service in self.services.items():
            if service.repository not in self.repositories:
                raise ValueError(f"service {name!r} names the unknown repository {service.repository!r}")
        return self

    def is_critical(self, service: str) -> bool:
        known = self.services.get(service)
        return service in self.guards.critical_services or bool(known and known.critical)

    def asks_corroboration(self, service: str) -> bool:
        """Does a person have to approve a fix of this service whose report nothing corroborates?"""
        known = self.services.get(service)
        own = known.corroboration if known else None
        return self.corroboration.required if own is None else own


def read_policy(path: Path) -> Policy:
    """Policy of a platform.toml. Raises ConfigurationError with the line or the key at fault."""
    try:
        return parse_policy(path.read_text(encoding="utf-8"), str(path))
    except FileNotFoundError:
        raise ConfigurationError(f"{path}: no such file; copy platform.example.toml and name your services") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: {error}") from None


def parse_policy(text: str, name: str) -> Policy:
    """Policy of the text of a platform.toml; ``name`` stands in the messages."""
    try:
        return Policy(**tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{name}: {error}") from None
    except RecursionError:
        raise ConfigurationError(f"{name}: it is nested too deeply") from None
    except ValidationError as error:
        faults = "; ".join(f"{_key(e['loc'])}: {e['msg']}" for e in error.errors())
        raise ConfigurationError(f"{name}: {faults}") from None


def _key(place: tuple[str | int, ...]) -> str:
    """The dotted key of a fault. A stranger's name in it is shown as Python writes it."""
    words = [part for part in map(str, place) if part != "[key]"]
    return ".".join(word if word.isprintable() else repr(word) for word in words) or "file"


def load() -> Settings:
    """Settings of this process. Raises ConfigurationError naming the variable at fault."""
    try:
        return Settings()
    except ValidationError as error:
        faults = "; ".join(f"{str(e['loc'][0]).upper()}: {e['msg']}" for e in error.errors())
        raise ConfigurationError(faults) from None
