"""Secrets and addresses come from the environment; services and policy from platform.toml.

Nothing is read on import: an entry point calls ``load()`` once and hands the result on.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    Field,
    SecretStr,
    ValidationError,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from core.policy import names
from core.policy.reader import ConfigurationError, Policy, read_policy

ROOT = Path(__file__).resolve().parent.parent


class Settings(BaseSettings):
    """Every field is an environment variable of the same name in capitals. Empty means: not connected."""

    model_config = SettingsConfigDict(env_file=None, extra="ignore", env_ignore_empty=True)

    # the platform itself
    database_url: str = Field("", repr=False, description="SQLAlchemy address; empty: SQLite in DATA_DIR")
    data_dir: Path = Field(Path("data"), description="database, clones, worktrees, locks")
    platform_file: Path = Field(Path("platform.toml"), description="services and policy")
    public_url: str = Field("http://localhost:8501", description="the console's address, for links in messages")
    round_seconds: float = Field(300.0, gt=0, description="seconds between two rounds")
    sandbox_url: str = Field("", description="address of the demo's vendor simulator; set by `make demo`")
    console_engine: bool = Field(True, description="off: this console only shows; a worker elsewhere does the rounds")

    sandbox_token: SecretStr = Field(SecretStr(""), description="the simulator's key; set by `make demo`")
    demo_password: SecretStr = Field(
        SecretStr(""), description="password of the demo's four people, told on its sign-in screen; set by `make demo`"
    )
    platform_token: SecretStr = Field(
        SecretStr(""), description="a person's API token: the command line acts for that person, and for nobody without"
    )
    audit_key: SecretStr = Field(
        SecretStr(""),
        description="signs the head of the audit trail; at least 32 characters; empty: a key in DATA_DIR/audit-key",
    )
    trusted_proxies: Annotated[str, AfterValidator(names.networks)] = Field(
        "",
        description="networks (CIDR) of the proxies whose X-Forwarded-For is believed, by commas; empty: none",
    )

    private_hosts: str = Field(
        "", description="vendors' hosts on a private network that may be called (GitHub Enterprise, Sentry), by commas"
    )

    # signals
    datadog_site: str = Field("datadoghq.com", description="e.g. datadoghq.eu, us3.datadoghq.com")
    datadog_url: str = Field("", description="replaces https://api.SITE")
    datadog_api_key: SecretStr = Field(SecretStr(""), description="Datadog API key")
    datadog_app_key: SecretStr = Field(
        SecretStr(""), description="Datadog application key (logs_read_data, metrics_read)"
    )
    datadog_query: str = Field("status:error", description="log search of a round")
    datadog_metrics_filter: str = Field(
        "!env:staging,!env:stage,!env:stg,!env:test,!env:qa,!env:preview,!env:dev,!env:development",
        description="tag filter of the metric queries: production only; e.g. env:prod",
    )
    newrelic_region: Literal["us", "eu"] = Field("us", description="us or eu")
    newrelic_url: str = Field("", description="replaces the NerdGraph address")
    newrelic_api_key: SecretStr = Field(SecretStr(""), description="New Relic user key (NRAK-...)")
    newrelic_account_id: int = Field(0, description="New Relic account")
    newrelic_condition: str = Field(
        "error.expected IS NOT true", description="NRQL condition on the TransactionError events to read"
    )
    github_url: str = Field("https://api.github.com", description="or https://HOST/api/v3")
    github_token: SecretStr = Field(SecretStr(""), description="token with contents, issues, pull requests, statuses")
    sentry_url: str = Field("https://sentry.io", description="or us.sentry.io, de.sentry.io, your own host")
    sentry_token: SecretStr = Field(SecretStr(""), description="auth token with event:read, event:write, org:read")
    sentry_org: str = Field("", description="organization slug")
    sentry_project: str = Field("", description="project slug or id; empty: every project")
    cloudwatch_log_groups: str = Field("", description="log groups, separated by commas")
    cloudwatch_filter: str = Field(
        "?ERROR ?error ?Exception ?Traceback", description="filter pattern of the log events to read; empty: all"
    )
    cloudwatch_namespace: str = Field("", description="metrics namespace of the services")
    cloudwatch_dimension: str = Field("Service", description="the metrics' dimension that names the service")
    cloudwatch_role_arn: str = Field("", description="role to take on; empty: none")
    aws_region: str = Field("", description="empty: what boto3 finds by itself")
    aws_profile: str = Field("", description="empty: what boto3 finds by itself")
    aws_endpoint_url: str = Field("", description="replaces the AWS addresses")

    # analysis and fixes
    openai_base_url: str = Field("", description="any OpenAI-compatible server")
    openai_api_key: SecretStr = Field(SecretStr(""), description="its key")
    openai_model: str = Field("", description="its model; empty: the embedded analysis and repairer only")
    cline_bin: str = Field("", description="Cline CLI (path or name); empty: not used. It asks OPENAI_BASE_URL's model")

    osv_url: str = Field(
        "", description="https://api.osv.dev: fixes' packages are scanned for known vulnerabilities; empty: not scanned"
    )

    kestra_url: str = Field("", description="address of a Kestra server, 1.x or 2.x")
    kestra_tenant: str = Field("main", description="its tenant; main in the open source edition")
    kestra_namespace: str = Field("platform", description="namespace of the flows of core/cli/kestra")
    kestra_user: str = Field("", description="basic auth")
    kestra_password: SecretStr = Field(SecretStr(""), description="basic auth")
    kestra_token: SecretStr = Field(SecretStr(""), description="API token, in place of user and password")
    kestra_analysis_flow: str = Field("", description="flow whose AI agent gives an analysis (`analysis`); empty: none")

    # delivery
    vercel_url: str = Field("https://api.vercel.com", description="address of the Vercel API")
    vercel_token: SecretStr = Field(SecretStr(""), description="Vercel access token")
    vercel_team_id: str = Field("", description="team_... or slug; empty: the personal account")

    # messages
    slack_url: str = Field("https://slack.com/api", description="address of the Slack Web API")
    slack_token: SecretStr = Field(SecretStr(""), description="bot token (xoxb-...) with chat:write")
    slack_channel: str = Field("", description="channel id for alerts")
    slack_signing_secret: SecretStr = Field(
        SecretStr(""), description="signing secret of the Slack app; its buttons answer at PUBLIC_URL/hooks/slack"
    )
    slack_webhook_url: SecretStr = Field(
        SecretStr(""), description="incoming webhook, in place of SLACK_TOKEN: messages without buttons"
    )
    smtp_host: str = Field("", description="mail server")
    smtp_port: int = Field(587, description="its port")
    smtp_user: str = Field("", description="mail user; empty: no sign-in")
    smtp_password: SecretStr = Field(SecretStr(""), description="its password")
    smtp_starttls: bool = Field(True, description="encrypt the connection; port 465 is encrypted from its start")
    smtp_ca_file: str = Field("", description="certificates to trust, for a mail server of your own authority")
    email_from: str = Field("", description="sender of alerts")
    email_to: str = Field("", description="receivers of alerts, separated by commas")

    # webhooks in, at PUBLIC_URL/hooks/VENDOR; an empty secret: that door is shut
    sentry_webhook_secret: SecretStr = Field(SecretStr(""), description="client secret of the Sentry integration")
    github_webhook_secret: SecretStr = Field(SecretStr(""), description="secret of the GitHub webhook")
    datadog_webhook_token: SecretStr = Field(
        SecretStr(""), description="sent by Datadog's webhook in the custom header X-Webhook-Token"
    )
    vercel_webhook_secret: SecretStr = Field(SecretStr(""), description="secret of the Vercel webhook")
    metrics_token: SecretStr = Field(
        SecretStr(""), description="bearer token of /metrics; empty: it answers on loopback only"
    )

    @property
    def database(self) -> str:
        return self.database_url or f"sqlite:///{self.data_dir.resolve() / 'platform.db'}"

    @cached_property
    def policy(self) -> Policy:
        return read_policy(self.platform_file)


def load() -> Settings:
    """Settings of this process. Raises ConfigurationError naming the variable at fault."""
    try:
        return Settings()
    except ValidationError as error:
        faults = "; ".join(f"{str(e['loc'][0]).upper()}: {e['msg']}" for e in error.errors())
        raise ConfigurationError(faults) from None
