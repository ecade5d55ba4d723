"""Secrets and addresses come from the environment; services and policy from platform.toml.

Nothing is read on import: an entry point calls ``load()`` once and hands the result on.
"""

from __future__ import annotations

import tomllib
from functools import cached_property
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from core.models import Impact

ROOT = Path(__file__).resolve().parent.parent


class ConfigurationError(Exception):
    """A setting or platform.toml cannot be used; the message says which, and what to write."""


class Settings(BaseSettings):
    """Every field is an environment variable of the same name in capitals. Empty means: not connected."""

    model_config = SettingsConfigDict(env_file=None, extra="ignore", env_ignore_empty=True)

    # the platform itself
    database_url: str = Field("", description="SQLAlchemy address; empty: SQLite in DATA_DIR")
    data_dir: Path = Field(Path("data"), description="database, clones, worktrees, locks")
    platform_file: Path = Field(Path("platform.toml"), description="services and policy")
    public_url: str = Field("http://localhost:8501", description="the console's address, for links in messages")
    round_seconds: float = Field(300.0, gt=0, description="seconds between two rounds")
    sandbox_url: str = Field("", description="address of the demo's vendor simulator; set by `make demo`")
    console_engine: bool = Field(True, description="off: this console only shows; a worker elsewhere does the rounds")

    sandbox_token: SecretStr = Field(SecretStr(""), description="the simulator's key; set by `make demo`")

    # signals
    datadog_site: str = Field("datadoghq.com", description="e.g. datadoghq.eu, us3.datadoghq.com")
    datadog_url: str = Field("", description="replaces https://api.SITE")
    datadog_api_key: SecretStr = Field(SecretStr(""), description="Datadog API key")
    datadog_app_key: SecretStr = Field(
        SecretStr(""), description="Datadog application key (logs_read_data, metrics_read)"
    )
    datadog_query: str = Field("status:error", description="log search of a round")
    newrelic_region: Literal["us", "eu"] = Field("us", description="us or eu")
    newrelic_url: str = Field("", description="replaces the NerdGraph address")
    newrelic_api_key: SecretStr = Field(SecretStr(""), description="New Relic user key (NRAK-...)")
    newrelic_account_id: int = Field(0, description="New Relic account")
    github_url: str = Field("https://api.github.com", description="or https://HOST/api/v3")
    github_token: SecretStr = Field(SecretStr(""), description="token with contents, issues, pull requests, statuses")
    sentry_url: str = Field("https://sentry.io", description="or us.sentry.io, de.sentry.io, your own host")
    sentry_token: SecretStr = Field(SecretStr(""), description="auth token with event:read, event:write, org:read")
    sentry_org: str = Field("", description="organization slug")
    sentry_project: str = Field("", description="project slug or id; empty: every project")
    cloudwatch_log_groups: str = Field("", description="log groups, separated by commas")
    cloudwatch_namespace: str = Field("", description="metrics namespace of the services")
    aws_region: str = Field("", description="empty: what boto3 finds by itself")
    aws_profile: str = Field("", description="empty: what boto3 finds by itself")
    aws_endpoint_url: str = Field("", description="replaces the AWS addresses")

    # analysis and fixes
    openai_base_url: str = Field("", description="any OpenAI-compatible server")
    openai_api_key: SecretStr = Field(SecretStr(""), description="its key")
    openai_model: str = Field("", description="its model; empty: the embedded analysis and repairer only")

    # delivery
    vercel_url: str = Field("https://api.vercel.com", description="address of the Vercel API")
    vercel_token: SecretStr = Field(SecretStr(""), description="Vercel access token")
    vercel_team_id: str = Field("", description="team_...; empty: the personal account")

    # messages
    slack_url: str = Field("https://slack.com/api", description="address of the Slack Web API")
    slack_token: SecretStr = Field(SecretStr(""), description="bot token (xoxb-...) with chat:write")
    slack_channel: str = Field("", description="channel id for alerts")
    smtp_host: str = Field("", description="mail server")
    smtp_port: int = Field(587, description="its port")
    smtp_user: str = Field("", description="mail user; empty: no sign-in")
    smtp_password: SecretStr = Field(SecretStr(""), description="its password")
    smtp_starttls: bool = Field(True, description="encrypt the connection")
    email_from: str = Field("", description="sender of alerts")
    email_to: str = Field("", description="receivers of alerts, separated by commas")

    @property
    def database(self) -> str:
        return self.database_url or f"sqlite:///{self.data_dir.resolve() / 'platform.db'}"

    @cached_property
    def policy(self) -> Policy:
        return read_policy(self.platform_file)


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Repository(Strict):
    """A service's code: where it lies and how it is tested and shipped."""

    remote: str = Field(description="git address to clone and push")
    branch: str = "main"
    github: str = Field("", description="owner/name; empty: no pull requests")
    vercel_project: str = Field("", description="project name; empty: no deployments")
    production_url: str = Field("", description="public address, for health checks")
    health_path: str = "/health"
    test_command: list[str] = ["python", "-m", "pytest", "-q"]
    source: list[str] = Field(["."], description="folders of the program's code")
    tests: str = "tests"


class Service(Strict):
    repository: str
    critical: bool = False
    impact: Impact = Impact.MEDIUM
    paths: list[str] = Field([], description="what a fix may touch (globs); empty: all of the repository's source")
    upstreams: list[str] = []


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


class Guards(Strict):
    critical_services: list[str] = ["payment", "auth", "core-api"]
    critical_confidence: float = 0.8
    deployments_per_hour: int = 5
    minimum_occurrences: int = 2
    approval_always: bool = False
    stop_after_rollbacks: int = 3
    business_hours: BusinessHours = BusinessHours()


class SeverityRules(Strict):
    """Share of a service's requests that fail from which a severity begins."""

    medium: float = 0.01
    high: float = 0.25
    critical: float = 0.5


class Watch(Strict):
    seconds: float = Field(600, gt=0, description="how long a deployment is watched")
    every: float = Field(30, gt=0, description="seconds between two looks")
    minimum_requests: int = Field(20, description="fewer than these is no evidence")
    error_rate_margin: float = Field(0.01, description="allowed rise of the error rate")
    latency_factor: float = Field(1.5, description="allowed growth of the 95th percentile")
    source: str = Field("datadog", description="connector whose metrics are watched")


class Maintenance(Strict):
    """Weekly window. ``days`` 0 = Monday; times in ``zone``."""

    zone: str = "UTC"
    days: list[int] = [1, 3]
    start: str = "02:00"
    minutes: int = 120


class FixRules(Strict):
    attempts: int = Field(3, ge=1, le=10)
    max_lines: int = 200
    max_files: int = 5
    complexity: int = 10
    coverage: float = 0.8
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
            "*.lock",
            "pyproject.toml",
            "setup.py",
            "setup.cfg",
            "Dockerfile",
            "Makefile",
            "**/migrations/**",
            "auth/**",
            "**/auth/**",
            "**/secrets/**",
            "conftest.py",
            "**/conftest.py",
        ],
        description="never touched by a fix, whatever a service allows",
    )


class ApprovalRules(Strict):
    expires_minutes: int = 480


class MetricNames(Strict):
    """Names of the services' own metrics at the vendors that ask for them."""

    requests: str = "requests"
    errors: str = "errors"
    p95_ms: str = "latency.p95"


class Policy(Strict):
    version: int = 1
    repositories: dict[str, Repository] = {}
    services: dict[str, Service] = {}
    weights: Weights = Weights()
    history: History = History()
    thresholds: Thresholds = Thresholds()
    guards: Guards = Guards()
    severity: SeverityRules = SeverityRules()
    watch: Watch = Watch()
    maintenance: Maintenance = Maintenance()
    fix: FixRules = FixRules()
    approval: ApprovalRules = ApprovalRules()
    metrics: MetricNames = MetricNames()

    @model_validator(mode="after")
    def _known_repositories(self):
        for name, service in self.services.items():
            if service.repository not in self.repositories:
                raise ValueError(f"service {name!r} names the unknown repository {service.repository!r}")
        return self

    def is_critical(self, service: str) -> bool:
        known = self.services.get(service)
        return service in self.guards.critical_services or bool(known and known.critical)


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
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'file'}: {e['msg']}" for e in error.errors())
        raise ConfigurationError(f"{name}: {faults}") from None


def load() -> Settings:
    """Settings of this process. Raises ConfigurationError naming the variable at fault."""
    try:
        return Settings()
    except ValidationError as error:
        faults = "; ".join(f"{str(e['loc'][0]).upper()}: {e['msg']}" for e in error.errors())
        raise ConfigurationError(faults) from None
