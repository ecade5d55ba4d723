"""Finds mistakes in the settings of the signal sources without calling them. Pure.

Each row detects a typical mistake in one setting, and names what it contains and where to find the right value.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import urlsplit

from pydantic import SecretStr

from core.settings import Settings
from core.vendors.base import Check
from core.vendors.datadog import SITES

NEEDS = {  # settings that are required together
    "datadog": ("datadog_api_key", "datadog_app_key"),
    "newrelic": ("newrelic_api_key", "newrelic_account_id"),
    "sentry": ("sentry_token", "sentry_org"),
    "github": ("github_token",),
    "cloudwatch": ("cloudwatch_log_groups",),
    "osv": ("osv_url",),
    "kubernetes": ("kubernetes_api_url", "kubernetes_token"),
}
WHERE = {
    "datadog_api_key": "Organization Settings > API Keys",
    "datadog_app_key": "Organization Settings > Application Keys, with logs_read_data, timeseries_query, monitors_read "
    "and, for traces, apm_read",
    "newrelic_api_key": "one.newrelic.com > user menu > API keys, of the type User",
    "newrelic_account_id": "the number beside the account's name: one.newrelic.com > user menu > API keys",
    "sentry_token": "Settings > Developer Settings > a new internal integration with org:read, event:read, event:write",
    "sentry_org": "the slug in your organization's address: https://SLUG.sentry.io",
    "github_token": "Settings > Developer settings > Fine-grained tokens",
    "cloudwatch_log_groups": "CloudWatch > Log groups",
    "cloudwatch_namespace": "CloudWatch > All metrics",
    "vercel_token": "vercel.com > Account Settings > Tokens, for the team that owns the project",
    "vercel_team_id": "vercel.com > the team's Settings > General; empty for a personal account",
    "kubernetes_ca_file": "path on this machine; kubectl config view --raw has it as certificate-authority-data",
    "kubernetes_api_url": "kubectl cluster-info",
    "kubernetes_token": "kubectl create token NAME, of a service account that may get and patch the Deployment",
}
REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")
Row = tuple[str, str, Callable[[str], bool], str, str]  # vendor, setting, test for the mistake, what it is, fix


def _host(address: str) -> str:
    return urlsplit(address).hostname or ""


ROWS: tuple[Row, ...] = (
    (
        "datadog",
        "datadog_site",
        lambda v: v not in SITES,
        "is not a Datadog site",
        f"one of {', '.join(SITES)}: the address that you see in the browser, without https:// and app.",
    ),
    (
        "datadog",
        "datadog_api_key",
        lambda v: bool(re.fullmatch(r"[0-9a-f]{40}", v)),
        "is an application key (40 characters); an API key has 32",
        WHERE["datadog_api_key"],
    ),
    (
        "datadog",
        "datadog_app_key",
        lambda v: bool(re.fullmatch(r"[0-9a-f]{32}", v)),
        "is an API key (32 characters); an application key has 40",
        WHERE["datadog_app_key"],
    ),
    (
        "newrelic",
        "newrelic_api_key",
        lambda v: not v.startswith("NRAK-"),
        "is not a user key, which begins with NRAK-; license and ingest keys cannot read",
        WHERE["newrelic_api_key"],
    ),
    (
        "sentry",
        "sentry_token",
        lambda v: "://" in v,
        "is a DSN, which can only report errors; reading needs an auth token",
        WHERE["sentry_token"],
    ),
    (
        "sentry",
        "sentry_url",
        lambda v: "/api/" in v or not _host(v),
        "is not the base URL of a Sentry server",
        "https://sentry.io, https://us.sentry.io, https://de.sentry.io, or https://HOST of your own, without a path",
    ),
    (
        "sentry",
        "sentry_org",
        lambda v: not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", v),
        "is not a slug, which has only lower-case letters, digits and dashes",
        WHERE["sentry_org"],
    ),
    (
        "github",
        "github_url",
        lambda v: _host(v) in ("github.com", "www.github.com"),
        "is the browser address, not the API",
        "https://api.github.com",
    ),
    (
        "github",
        "github_url",
        lambda v: _host(v).startswith("github.") and not urlsplit(v).path.rstrip("/").endswith("/api/v3"),
        "is the browser address of GitHub Enterprise, not the API",
        "https://HOST/api/v3",
    ),
    (
        "osv",
        "osv_url",
        lambda v: _host(v) in ("osv.dev", "www.osv.dev"),
        "is the browser address, not the API",
        "https://api.osv.dev",
    ),
    (
        "osv",
        "osv_url",
        lambda v: urlsplit(v).path.rstrip("/").endswith("/v1"),
        "must not end with /v1, which is added automatically",
        "https://api.osv.dev",
    ),
    (
        "cloudwatch",
        "aws_region",
        lambda v: bool(v) and not REGION.fullmatch(v),
        "is not a region",
        "e.g. eu-central-1 or us-east-1: the name in the console's address",
    ),
    (
        "cloudwatch",
        "cloudwatch_role_arn",
        lambda v: bool(v) and not re.fullmatch(r"arn:aws[\w-]*:iam::\d{12}:role/.+", v),
        "is not the ARN of a role",
        "arn:aws:iam::ACCOUNT:role/NAME (IAM > Roles)",
    ),
    (
        "cloudwatch",
        "cloudwatch_log_groups",
        lambda v: "arn:" in v,
        "contains an ARN instead of a group name",
        WHERE["cloudwatch_log_groups"],
    ),
)


def hint(settings: Settings, vendor: str) -> Check | None:
    """The missing or mistyped setting of a vendor; None if there is none, or if no setting is set."""
    needs = NEEDS.get(vendor, ())
    given = [name for name in needs if _text(settings, name)]
    if not given:
        return None
    if absent := [name for name in needs if name not in given]:
        text = f"{' and '.join(map(str.upper, absent))} is missing, while {given[0].upper()} is set"
        return Check(False, text, "; ".join(f"{name.upper()}: {WHERE[name]}" for name in absent))
    return next(filter(None, (_row(settings, row) for row in ROWS if row[0] == vendor)), None)


def _row(settings: Settings, row: Row) -> Check | None:
    _, name, wrong, what, right = row
    value = _text(settings, name)
    if not wrong(value):
        return None
    shown = "" if isinstance(getattr(settings, name), SecretStr) else f" ({value!r})"
    return Check(False, f"{name.upper()}{shown} {what}", f"{name.upper()}: {right}")


def _text(settings: Settings, name: str) -> str:
    value = getattr(settings, name)
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value or "")
