"""Secrets and addresses come from the environment; services and policy from platform.toml.

Nothing is read on import: an entry point calls ``load()`` once and hands the result on.
"""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

from dotenv import dotenv_values
from pydantic import (
    AfterValidator,
    Field,
    SecretStr,
    ValidationError,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from core.policy import names
from core.policy.reader import ConfigurationError, Policy, read_policy

ENV_FILE = ".env"
NETWORK = ("HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
ROOT = Path(__file__).resolve().parent.parent


class Settings(BaseSettings):
    """Every field is an environment variable of the same name in capitals. Empty means not connected."""

    model_config = SettingsConfigDict(env_file=None, extra="ignore", env_ignore_empty=True)

    # the platform itself
    database_url: str = Field(default="", repr=False, description="SQLAlchemy URL; empty: SQLite in DATA_DIR")
    data_dir: Path = Field(default=Path("data"), description="folder for the database, clones, worktrees and locks")
    redis_url: SecretStr = Field(
        default=SecretStr(""),
        description="Redis 7 for the cached answers of vendors (redis://, rediss://); empty: DATA_DIR/answers.db",
    )
    platform_file: Path = Field(default=Path("platform.toml"), description="file with the services and the policy")
    public_url: str = Field(
        default="http://localhost:8501", description="address of the console, for links in notifications"
    )
    round_seconds: float = Field(default=300.0, gt=0, description="seconds between two collection cycles")
    sandbox_url: str = Field(default="", description="address of the demo's vendor simulator; set by `make demo`")
    console_engine: bool = Field(
        default=True, description="run the engine in the console process; if off, a separate worker runs it"
    )

    sandbox_token: SecretStr = Field(default=SecretStr(""), description="key of the simulator; set by `make demo`")
    demo_password: SecretStr = Field(
        default=SecretStr(""),
        description="password of the four demo people, shown on the sign-in page; set by `make demo`",
    )
    platform_token: SecretStr = Field(
        default=SecretStr(""),
        description="API token of the person whom the command line acts for; without it, no actions",
    )
    audit_key: SecretStr = Field(
        default=SecretStr(""),
        description="key that signs the audit trail head, at least 32 characters; empty: DATA_DIR/audit-key",
    )
    trusted_proxies: Annotated[str, AfterValidator(names.networks)] = Field(
        default="",
        description="networks (CIDR) of trusted proxies, separated by commas; empty: X-Forwarded-For is ignored",
    )

    private_hosts: str = Field(
        default="",
        description="allowed vendor hosts on private networks (GitHub Enterprise, Sentry), separated by commas",
    )

    require_tls: bool = Field(
        default=False,
        description="require TLS of the vendors in PRIVATE_HOSTS, of the model server and of the console's visitors; "
        "this machine itself is exempt",
    )

    package_index_url: SecretStr = Field(
        default=SecretStr(""),
        description="addresses of the package indexes that services are built from, separated by spaces; empty: as uv "
        "or pip are configured, else PyPI",
    )

    # signals
    datadog_site: str = Field(default="datadoghq.com", description="e.g. datadoghq.eu, us3.datadoghq.com")
    datadog_url: str = Field(default="", description="overrides https://api.SITE")
    datadog_api_key: SecretStr = Field(default=SecretStr(""), description="Datadog API key")
    datadog_app_key: SecretStr = Field(
        default=SecretStr(""),
        description="Datadog application key with logs_read_data, timeseries_query and monitors_read; for traces, "
        "apm_read",
    )
    datadog_query: str = Field(default="status:error", description="log search query of each collection cycle")
    datadog_spans_query: str = Field(
        default="status:error", description="search query of the failing spans whose traces are read"
    )
    datadog_metrics_filter: str = Field(
        default="!env:staging,!env:stage,!env:stg,!env:test,!env:qa,!env:preview,!env:dev,!env:development",
        description="tag filter of the metric queries, to select production, e.g. env:prod",
    )
    newrelic_region: Literal["us", "eu"] = Field(default="us", description="us or eu")
    newrelic_url: str = Field(default="", description="overrides the NerdGraph address")
    newrelic_api_key: SecretStr = Field(default=SecretStr(""), description="New Relic user key (NRAK-...)")
    newrelic_account_id: int = Field(default=0, description="New Relic account id")
    newrelic_condition: str = Field(
        default="error.expected IS NOT true", description="NRQL condition on the TransactionError events to read"
    )
    github_url: str = Field(
        default="https://api.github.com", description="GitHub API; https://HOST/api/v3 for GitHub Enterprise"
    )
    github_token: SecretStr = Field(
        default=SecretStr(""),
        description="GitHub token with contents, issues, pull requests and statuses; to read more: actions, "
        "deployments, Dependabot alerts and code scanning alerts (read)",
    )
    sentry_url: str = Field(
        default="https://sentry.io", description="Sentry address; also us.sentry.io, de.sentry.io or your own host"
    )
    sentry_token: SecretStr = Field(
        default=SecretStr(""),
        description="Sentry auth token with event:read, event:write and org:read; to read releases, project:releases",
    )
    sentry_org: str = Field(default="", description="Sentry organization slug")
    sentry_project: str = Field(default="", description="Sentry project slug or id; empty: all projects")
    cloudwatch_log_groups: str = Field(default="", description="CloudWatch log groups, separated by commas")
    cloudwatch_filter: str = Field(
        default="?ERROR ?error ?Exception ?Traceback",
        description="CloudWatch filter pattern of the log events to read; empty: all",
    )
    cloudwatch_namespace: str = Field(default="", description="CloudWatch namespace of the service metrics")
    cloudwatch_dimension: str = Field(default="Service", description="CloudWatch dimension that names the service")
    cloudwatch_role_arn: str = Field(default="", description="AWS role to assume; empty: none")
    aws_region: str = Field(default="", description="AWS region; empty: the default of boto3")
    aws_profile: str = Field(default="", description="AWS profile; empty: the default of boto3")
    aws_endpoint_url: str = Field(default="", description="overrides the AWS addresses")

    # analysis and fixes
    openai_base_url: str = Field(default="", description="address of an OpenAI-compatible server")
    openai_api_key: SecretStr = Field(default=SecretStr(""), description="key of that server")
    openai_model: str = Field(
        default="", description="model on that server; empty: only the embedded analysis and repairer"
    )
    cline_bin: str = Field(default="", description="Cline CLI (path or name), which uses OPENAI_MODEL; empty: not used")

    osv_url: str = Field(
        default="",
        description="address of OSV (https://api.osv.dev), to scan packages for known vulnerabilities; empty: no scan",
    )

    kestra_url: str = Field(default="", description="address of a Kestra server, 1.x or 2.x")
    kestra_tenant: str = Field(default="main", description="Kestra tenant; main in the open source edition")
    kestra_namespace: str = Field(default="platform", description="Kestra namespace of the flows in core/cli/kestra")
    kestra_user: str = Field(default="", description="user for basic authentication at Kestra")
    kestra_password: SecretStr = Field(default=SecretStr(""), description="password for basic authentication at Kestra")
    kestra_token: SecretStr = Field(default=SecretStr(""), description="Kestra API token, instead of user and password")
    kestra_analysis_flow: str = Field(
        default="", description="Kestra flow whose AI agent returns an analysis (`analysis`); empty: none"
    )

    # delivery
    vercel_url: str = Field(default="https://api.vercel.com", description="address of the Vercel API")
    vercel_token: SecretStr = Field(default=SecretStr(""), description="Vercel access token")
    vercel_team_id: str = Field(
        default="", description="Vercel team id (team_...) or slug; empty: the personal account"
    )

    kubernetes_api_url: str = Field(default="", description="address of the Kubernetes API, e.g. https://HOST:6443")
    kubernetes_token: SecretStr = Field(
        default=SecretStr(""), description="token of a service account that may get and patch the Deployment or Rollout"
    )
    kubernetes_ca_file: str = Field(default="", description="CA certificate of the Kubernetes API; empty: public CAs")

    # messages
    slack_url: str = Field(default="https://slack.com/api", description="address of the Slack Web API")
    slack_token: SecretStr = Field(default=SecretStr(""), description="Slack bot token (xoxb-...) with chat:write")
    slack_channel: str = Field(default="", description="Slack channel id for notifications")
    slack_signing_secret: SecretStr = Field(
        default=SecretStr(""),
        description="signing secret of the Slack app, for buttons that call PUBLIC_URL/hooks/slack",
    )
    slack_webhook_url: SecretStr = Field(
        default=SecretStr(""),
        description="Slack incoming webhook, instead of SLACK_TOKEN; its messages have no buttons",
    )
    smtp_host: str = Field(default="", description="mail server")
    smtp_port: int = Field(default=587, description="port of the mail server")
    smtp_user: str = Field(default="", description="user of the mail server; empty: no authentication")
    smtp_password: SecretStr = Field(default=SecretStr(""), description="password of the mail user")
    smtp_starttls: bool = Field(default=True, description="use STARTTLS; port 465 always uses TLS")
    smtp_ca_file: str = Field(default="", description="CA certificates to trust, for a mail server with a private CA")
    email_from: str = Field(default="", description="sender address of notifications")
    email_to: str = Field(default="", description="recipients of notifications, separated by commas")

    # webhooks in, at PUBLIC_URL/hooks/VENDOR; an empty secret: that door is shut
    sentry_webhook_secret: SecretStr = Field(
        default=SecretStr(""), description="client secret of the Sentry integration"
    )
    github_webhook_secret: SecretStr = Field(default=SecretStr(""), description="secret of the GitHub webhook")
    datadog_webhook_token: SecretStr = Field(
        default=SecretStr(""), description="secret that Datadog's webhook sends in the custom header X-Webhook-Token"
    )
    vercel_webhook_secret: SecretStr = Field(default=SecretStr(""), description="secret of the Vercel webhook")
    metrics_token: SecretStr = Field(
        default=SecretStr(""), description="bearer token of /metrics; empty: loopback only"
    )

    @property
    def database(self) -> str:
        return self.database_url or f"sqlite:///{self.data_dir.resolve() / 'platform.db'}"

    @cached_property
    def policy(self) -> Policy:
        return read_policy(self.platform_file)


def env_file(settings: Settings) -> Path:
    """The file of variables beside platform.toml. The environment of the process goes before it."""
    return settings.platform_file.with_name(ENV_FILE)


def _network(beside: Path) -> None:
    """Give this process the proxy and the certificates of the file, where its environment names none.

    The HTTP clients, git and the vendors' own libraries read them from the environment.
    """
    for name, value in dotenv_values(beside).items():
        if value and name in NETWORK and not (os.environ.get(name) or os.environ.get(name.lower())):
            os.environ[name] = value


def load(file: Path | None = None) -> Settings:
    """Settings of this process, with ``file`` as its .env. Raises ConfigurationError naming the invalid variable."""
    try:
        beside = file or Path(os.environ.get("PLATFORM_FILE") or "platform.toml").with_name(ENV_FILE)
        _network(beside)
        return Settings(_env_file=beside)  # pyright: ignore[reportCallIssue] - an argument of pydantic-settings
    except ValidationError as error:
        faults = "; ".join(f"{str(e['loc'][0]).upper()}: {e['msg']}" for e in error.errors())
        raise ConfigurationError(faults) from None
