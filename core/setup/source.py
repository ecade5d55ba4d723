"""The step "source": where errors come from: a token for the service, or a vendor, whose connection is tested."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import SecretStr, ValidationError

from core.settings import Settings
from core.setup.jobs import Tell
from core.setup.results import SetupFinding
from core.vendors import registry
from core.vendors.hints import NEEDS, WHERE
from core.vendors.redact import Redactor

MORE = {  # optional settings of a vendor, besides its NEEDS
    "sentry": ("sentry_url", "sentry_project"),
    "datadog": ("datadog_site",),
    "newrelic": ("newrelic_region",),
    "cloudwatch": ("aws_region", "aws_profile", "cloudwatch_role_arn"),
    "github": ("github_url",),
    "vercel": ("vercel_team_id",),
    "kubernetes": ("kubernetes_ca_file",),
}
VENDORS = ("sentry", "datadog", "newrelic", "cloudwatch", "github")
DELIVERING = {  # the vendor whose credentials a way to production needs
    "pull_request": "github",
    "github_actions": "github",
    "vercel": "vercel",
    "kubernetes": "kubernetes",
}


@dataclass(frozen=True)
class SettingField:
    """One variable of the form. ``secret``: it is written but never shown again."""

    name: str
    label: str
    help: str
    secret: bool
    needed: bool


def fields(vendor: str) -> list[SettingField]:
    needed = NEEDS.get(vendor, (f"{vendor}_token",))
    return [_field(name, name in needed) for name in (*needed, *MORE.get(vendor, ()))]


def _field(name: str, needed: bool) -> SettingField:
    found = Settings.model_fields[name]
    where = WHERE.get(name, "")
    return SettingField(name, name.upper(), where or found.description or "", found.annotation is SecretStr, needed)


def with_values(settings: Settings, given: Mapping[str, str]) -> Settings:
    """The settings with these values. Raises ValueError that names the variable without quoting the value."""
    current = {name: getattr(settings, name) for name in type(settings).model_fields}
    try:
        return type(settings)(**{**current, **{name: value.strip() for name, value in given.items() if value.strip()}})
    except ValidationError as error:
        raise ValueError("; ".join(f"{str(one['loc'][0]).upper()}: {one['msg']}" for one in error.errors())) from None


def check(settings: Settings, vendor: str, given: Mapping[str, str], tell: Tell) -> SetupFinding:
    """Test the vendor's connection with these values."""
    hide = Redactor(value for value in given.values())
    tell(f"Asking {vendor}")
    found = registry.check(with_values(settings, given), vendor)
    return SetupFinding(found.ok, hide(found.message), hide(found.fix))
