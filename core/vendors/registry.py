"""The table of connectors: how each is built from the settings. Without its settings, a vendor is not connected."""

from __future__ import annotations

import base64
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from core.policy.reader import ConfigurationError, Policy, read_policy
from core.settings import Settings
from core.vendors import cloudwatch as aws
from core.vendors import newrelic as nerdgraph
from core.vendors.advisories import Advisories, SecurityAlerts
from core.vendors.base import Analyst, Check, CodeHost, HealthSource, Notifier, Reviewer, Source, VendorError
from core.vendors.coderabbit import CodeRabbit
from core.vendors.command import CommandError
from core.vendors.datadog import Datadog
from core.vendors.delivery.cluster import Cluster
from core.vendors.email import Email
from core.vendors.github import HEADERS, GitHub
from core.vendors.github_alerts import GitHubAlerts
from core.vendors.hints import NEEDS, hint
from core.vendors.http import Http
from core.vendors.kestra import Kestra, KestraAnalyst
from core.vendors.osv import Osv
from core.vendors.response_cache import answers
from core.vendors.sentry import Sentry
from core.vendors.slack import Slack, SlackWebhook
from core.vendors.vercel import Vercel

if TYPE_CHECKING:
    from core.vendors.openai import Chat

OFF = "not connected"


class Pinged(Protocol):
    """The protocol of every connector."""

    def check(self) -> Check: ...


log = logging.getLogger(__name__)
SKEW = 60.0  # seconds of clock difference from which the check reports it


def _http(s: Settings, vendor: str, address: str, headers: dict[str, str], secrets: list[str]) -> Http:
    """The HTTP client of a vendor, with its budget; private hosts only if the settings allow them.

    Without TLS, a private host gets no request if the settings require TLS: its address is then judged like any other.
    """
    hosts, parts = {host.strip() for host in s.private_hosts.split(",")}, urlsplit(address)
    private = (parts.hostname or "") in hosts and (parts.scheme == "https" or not s.require_tls)
    kept = answers(s.data_dir.resolve(), s.redis_url.get_secret_value())
    calls = policy(s).collect.calls(vendor)
    return Http(vendor, address, headers, secrets, calls=calls, private=private, kept=kept)


def datadog(s: Settings) -> Datadog | None:
    api, app = s.datadog_api_key.get_secret_value(), s.datadog_app_key.get_secret_value()
    if not (api and app):
        return None
    address = s.datadog_url or f"https://api.{s.datadog_site}"
    http = _http(s, "datadog", address, {"DD-API-KEY": api, "DD-APPLICATION-KEY": app}, [api, app])
    return Datadog(http, s.datadog_query, policy(s).metrics, s.datadog_metrics_filter, s.datadog_spans_query)


def sentry(s: Settings) -> Sentry | None:
    token = s.sentry_token.get_secret_value()
    if not (token and s.sentry_org):
        return None
    return Sentry(_http(s, "sentry", s.sentry_url, _bearer(token), [token]), s.sentry_org, s.sentry_project)


def github(s: Settings) -> GitHub | None:
    token = s.github_token.get_secret_value()
    branches = {r.github: r.branch for r in policy(s).repositories.values() if r.github}
    if not token:
        return None
    return GitHub(_http(s, "github", s.github_url, HEADERS | _bearer(token), [token]), sorted(branches), branches)


def newrelic(s: Settings) -> nerdgraph.NewRelic | None:
    key = s.newrelic_api_key.get_secret_value()
    if not (key and s.newrelic_account_id):
        return None
    address = s.newrelic_url or nerdgraph.ADDRESSES[s.newrelic_region]
    http = _http(s, "newrelic", address, {"API-Key": key}, [key])
    hosts = policy(s).infrastructure.enabled
    return nerdgraph.NewRelic(http, s.newrelic_account_id, s.newrelic_condition, hosts=hosts)


def cloudwatch(s: Settings) -> aws.CloudWatch | None:
    groups = [group.strip() for group in s.cloudwatch_log_groups.split(",") if group.strip()]
    if not (groups or s.cloudwatch_namespace):
        return None
    rules = policy(s)
    return aws.CloudWatch(
        partial(aws.connect, s.aws_region, s.aws_profile, s.cloudwatch_role_arn),
        groups,
        pattern=s.cloudwatch_filter,
        namespace=s.cloudwatch_namespace,
        services=sorted(rules.services),
        names=rules.metrics,
        dimension=s.cloudwatch_dimension,
        endpoint=s.aws_endpoint_url,
        calls=rules.collect.calls("cloudwatch"),
        hosts=rules.infrastructure.cloudwatch if rules.infrastructure.enabled else (),
    )


def vercel(s: Settings) -> Vercel | None:
    token = s.vercel_token.get_secret_value()
    projects = sorted({r.vercel_project for r in policy(s).repositories.values() if r.vercel_project})
    return Vercel(Http("vercel", s.vercel_url, _bearer(token), [token]), s.vercel_team_id, projects) if token else None


def cluster(s: Settings) -> Cluster | None:
    token = s.kubernetes_token.get_secret_value()
    return Cluster(s.kubernetes_api_url, token, s.kubernetes_ca_file) if s.kubernetes_api_url and token else None


def slack(s: Settings) -> Slack | SlackWebhook | None:
    token, webhook = s.slack_token.get_secret_value(), s.slack_webhook_url.get_secret_value()
    if token and s.slack_channel:
        return Slack(Http("slack", s.slack_url, _bearer(token), [token]), s.slack_channel)
    return SlackWebhook(Http("slack", webhook, {}, [webhook])) if webhook else None


def osv(s: Settings) -> Osv | None:
    """OSV needs no key; every result names the service, and whether it is the demo's simulated one."""
    if not s.osv_url:
        return None
    simulated = bool(s.sandbox_url) and s.osv_url.startswith(s.sandbox_url)
    where = urlsplit(s.osv_url).netloc.rsplit("@")[-1] + (" (simulated)" if simulated else "")
    return Osv(_http(s, "osv", s.osv_url, {}, []), where)


def kestra(s: Settings) -> Kestra | None:
    if not s.kestra_url:
        return None
    token, password = s.kestra_token.get_secret_value(), s.kestra_password.get_secret_value()
    basic = base64.b64encode(f"{s.kestra_user}:{password}".encode()).decode()
    headers = _bearer(token) if token else {"Authorization": f"Basic {basic}"} if s.kestra_user else {}
    secrets = [secret for secret in (token, password, basic) if secret]
    return Kestra(_http(s, "kestra", s.kestra_url, headers, secrets), s.kestra_tenant, s.kestra_namespace)


def email(s: Settings) -> Email | None:
    receivers = [address.strip() for address in s.email_to.split(",") if address.strip()]
    if not (s.smtp_host and s.email_from and receivers):
        return None
    return Email(
        s.smtp_host,
        s.smtp_port,
        s.email_from,
        receivers,
        user=s.smtp_user,
        password=s.smtp_password.get_secret_value(),
        starttls=s.smtp_starttls,
        ca_file=s.smtp_ca_file,
    )


class Use(StrEnum):
    """The uses of a connector, besides those that the policy configures."""

    SOURCE = "source"  # read in each collection cycle
    HEALTH = "health"  # its metrics judge releases, if [watch] source names it
    NOTIFIER = "notifier"  # a channel of [routes]


@dataclass(frozen=True)
class ConnectorSpec:
    """``build`` returns the client, or None without its settings."""

    build: Callable[[Settings], Any]
    uses: frozenset[Use] = frozenset()


def _for(build: Callable[[Settings], Any], *uses: Use) -> ConnectorSpec:
    return ConnectorSpec(build, frozenset(uses))


CONNECTORS = {  # in the order of reading and display; a new vendor is one line here
    "sentry": _for(sentry, Use.SOURCE),
    "datadog": _for(datadog, Use.SOURCE, Use.HEALTH),
    "newrelic": _for(newrelic, Use.SOURCE, Use.HEALTH),
    "cloudwatch": _for(cloudwatch, Use.SOURCE, Use.HEALTH),
    "github": _for(github, Use.SOURCE),
    "vercel": _for(vercel),
    "kubernetes": _for(cluster),
    "osv": _for(osv),
    "kestra": _for(kestra),
    "slack": _for(slack, Use.NOTIFIER),
    "email": _for(email, Use.NOTIFIER),
}


def policy(settings: Settings) -> Policy:
    """The policy if it can be read, else the default: a connector must not fail because of platform.toml."""
    try:
        return read_policy(settings.platform_file)
    except ConfigurationError:
        return Policy()


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _built(settings: Settings, use: Use) -> list:
    made = (connector.build(settings) for connector in CONNECTORS.values() if use in connector.uses)
    return [one for one in made if one is not None]


def sources(settings: Settings) -> list[Source]:
    return _built(settings, Use.SOURCE)


def health_source(settings: Settings) -> HealthSource | None:
    """The connector with the metrics that the policy's watch uses; None if it is not connected."""
    name = policy(settings).watch.source
    connector = CONNECTORS.get(name)
    return connector.build(settings) if connector and Use.HEALTH in connector.uses else None


def code_host(settings: Settings) -> CodeHost | None:
    return github(settings)


def reviewer(settings: Settings) -> Reviewer | None:
    """CodeRabbit is used through GitHub, with GitHub's token."""
    host = github(settings)
    return CodeRabbit(host.http) if host else None


def advisories(settings: Settings) -> Advisories | None:
    return osv(settings)


def alerts(settings: Settings) -> SecurityAlerts | None:
    """The security alerts of GitHub, with GitHub's token and a budget of their own."""
    host = github(settings)
    return GitHubAlerts(host.http) if host else None


def notifiers(settings: Settings) -> list[Notifier]:
    return _built(settings, Use.NOTIFIER)


def chat(settings: Settings) -> Chat | None:
    if not settings.openai_model:
        return None
    from core.vendors.openai import Chat  # its client takes half a second to load

    key = settings.openai_api_key.get_secret_value()
    return Chat(settings.openai_base_url, key, settings.openai_model, tls=settings.require_tls)


def _models(settings: Settings, embedded: Analyst) -> list[Analyst]:
    model = chat(settings)
    if not model:
        return []
    from core.vendors.openai import OpenAIAnalyst

    return [OpenAIAnalyst(model, embedded)]


def analysts(settings: Settings, embedded: Analyst) -> list[Analyst]:
    """The analysts of models; none can override the limits of the embedded analysis."""
    asked, agent, flow = _models(settings, embedded), kestra(settings), settings.kestra_analysis_flow
    if agent and flow:
        return [*asked, KestraAnalyst(agent, flow, embedded, lambda: policy(settings).analysis.tools)]
    return asked


def checks(settings: Settings) -> Iterator[tuple[str, Check]]:
    """The self-check of every connector."""
    for name in CONNECTORS:
        yield name, check(settings, name)


def check(settings: Settings, name: str) -> Check:
    """The self-check of one connector; mistakes in its settings are reported first."""
    if found := hint(settings, name):
        return found
    try:
        made = CONNECTORS[name].build(settings)
    except Exception as error:  # one connector that cannot be built must not end the checks of all others
        log.exception("the connector %s could not be built", name)
        return Check(False, f"could not be built from its settings ({type(error).__name__})", f"see {name.upper()}_*")
    return _check(name, made)


def answered(name: str, ask: Callable[[], Check], fix: str) -> Check:
    """The result of a check. One that raises is a fault with this ``fix``, and ends no other check."""
    try:
        return ask()
    except (ConfigurationError, CommandError, VendorError) as error:
        return Check(False, str(error), fix)
    except Exception as error:
        log.exception("the check of %s failed", name)
        return Check(False, f"the check itself failed ({type(error).__name__})", fix)


def _check(name: str, made: Pinged | None) -> Check:
    if made is None:
        needs = ", ".join(map(str.upper, NEEDS.get(name, ()))) or f"the {name.upper()} variables"
        return Check(False, OFF, f"set {needs} to connect it")
    found = answered(name, made.check, f"see {name.upper()}_*, and the log")
    skew = getattr(getattr(made, "http", None), "skew", 0.0)
    if abs(skew) < SKEW:
        return found
    way = "ahead of" if skew > 0 else "behind"
    return replace(found, message=f"{found.message}; this machine's clock is {abs(skew):.0f} s {way} {name}'s")
