"""With real-looking wrong settings the doctor names the setting, says what it is, and where the right one is.

Some are seen without asking anybody; for the others the simulators answer as the vendors do.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from core import runtime
from core.cli import doctor
from core.db import store
from core.demo.vendors import cloudwatch, datadog, github, newrelic, sentry
from core.settings import Settings
from core.vendors import registry
from core.vendors.base import VendorError
from tests.vendors.simulators import simulators

PLATFORM = """
[repositories.shop]
remote = "/nowhere/shop.git"
github = "{github}"
[services.cart]
repository = "shop"
"""


@pytest.fixture(scope="module")
def sim(tmp_path_factory):
    with simulators(tmp_path_factory.mktemp("world")) as made:
        yield made


@pytest.fixture
def line(sim, tmp_path, monkeypatch):
    """The doctor's line of a vendor, with all settings right but the given ones."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", cloudwatch.KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", cloudwatch.SECRET)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    right = {
        "datadog_url": f"{sim.url}/datadog",
        "datadog_api_key": datadog.API_KEY,
        "datadog_app_key": datadog.APP_KEY,
        "newrelic_url": f"{sim.url}/newrelic/graphql",
        "newrelic_api_key": newrelic.KEY,
        "newrelic_account_id": newrelic.ACCOUNT,
        "sentry_url": f"{sim.url}/sentry",
        "sentry_token": sentry.TOKEN,
        "sentry_org": sentry.ORG,
        "github_url": f"{sim.url}/github",
        "github_token": github.TOKEN,
        "aws_endpoint_url": f"{sim.url}/aws",
        "aws_region": cloudwatch.REGION,
        "cloudwatch_log_groups": cloudwatch.GROUP,
        "osv_url": f"{sim.url}/osv",
    }

    def examine(vendor: str, given: dict) -> doctor.DoctorLine:
        given = {
            name: value.replace("SIM", sim.url) if isinstance(value, str) else value for name, value in given.items()
        }
        for name in [n for n in given if n.startswith("AWS_")]:
            monkeypatch.setenv(name, given.pop(name))
        (tmp_path / "platform.toml").write_text(PLATFORM.format(github=given.pop("repository", github.NAME)))
        settings = Settings(platform_file=tmp_path / "platform.toml", data_dir=tmp_path, **right | given)
        check = dict(registry.checks(settings))[vendor]
        return doctor.DoctorLine(vendor, "ok" if check.ok else "fault", check.message, check.fix)

    return examine


TABLE = [  # vendor, what is wrong, what the doctor says, what it points to
    # seen without asking
    ("datadog", {"datadog_app_key": ""}, "DATADOG_APP_KEY is missing", "Application Keys"),
    ("datadog", {"datadog_api_key": ""}, "DATADOG_API_KEY is missing", "API Keys"),
    ("datadog", {"datadog_site": "app.datadoghq.eu"}, "'app.datadoghq.eu') is not a Datadog site", "datadoghq.eu"),
    ("datadog", {"datadog_site": "https://datadoghq.com"}, "is not a Datadog site", "without https://"),
    ("datadog", {"datadog_api_key": "ab12" * 10}, "is an application key (40", "API Keys"),
    ("datadog", {"datadog_app_key": "ab12" * 8}, "is an API key (32", "Application Keys"),
    ("newrelic", {"newrelic_account_id": 0}, "NEWRELIC_ACCOUNT_ID is missing", "account's name"),
    (
        "newrelic",
        {"newrelic_api_key": "eu01xx" + "a1" * 15 + "NRAL"},
        "is not a user key",
        "API keys, of the type User",
    ),
    ("sentry", {"sentry_org": ""}, "SENTRY_ORG is missing", "https://SLUG.sentry.io"),
    ("sentry", {"sentry_org": "Acme Inc."}, "is not a slug", "organization's address"),
    ("sentry", {"sentry_token": "https://ab@o1.ingest.sentry.io/2"}, "is a DSN", "internal integration"),
    ("sentry", {"sentry_url": "https://sentry.io/api/0"}, "is not the base URL", "without a path"),
    ("sentry", {"sentry_url": "sentry.io"}, "is not the base URL", "https://sentry.io"),
    ("github", {"github_url": "https://github.com"}, "is the browser address, not the API", "https://api.github.com"),
    (
        "github",
        {"github_url": "https://github.corp.example"},
        "the browser address of GitHub Enterprise",
        "https://HOST/api/v3",
    ),
    ("cloudwatch", {"aws_region": "Frankfurt"}, "is not a region", "eu-central-1"),
    ("cloudwatch", {"cloudwatch_role_arn": "reader"}, "is not the ARN of a role", "IAM > Roles"),
    (
        "cloudwatch",
        {"cloudwatch_log_groups": "arn:aws:logs:eu-central-1:1:log-group:/x"},
        "contains an ARN",
        "Log groups",
    ),
    (
        "kubernetes",
        {"kubernetes_api_url": "https://k8s.example"},
        "KUBERNETES_TOKEN is missing",
        "kubectl create token",
    ),
    ("osv", {"osv_url": "https://osv.dev"}, "is the browser address, not the API", "https://api.osv.dev"),
    ("osv", {"osv_url": "https://api.osv.dev/v1/"}, "must not end with /v1", "https://api.osv.dev"),
    # said by the vendor
    ("datadog", {"datadog_api_key": "another-key"}, "refused access", "DATADOG_API_KEY"),
    ("datadog", {"datadog_app_key": "another-key"}, "refused access", "DATADOG_APP_KEY: an application key"),
    ("newrelic", {"newrelic_api_key": "NRAK-ANOTHER"}, "BAD_API_KEY", "NEWRELIC_REGION=eu"),
    ("newrelic", {"newrelic_account_id": 7654321}, "account 7654321 does not exist", "NEWRELIC_ACCOUNT_ID"),
    ("sentry", {"sentry_token": "sntrys_another"}, "refused the credential (401): Invalid token", "SENTRY_TOKEN"),
    ("sentry", {"sentry_org": "acne"}, "(404)", "SENTRY_ORG: the slug in the address of your organization, now 'acne'"),
    ("github", {"github_token": "ghp_another"}, "refused the credential (401): Bad credentials", "GITHUB_TOKEN"),
    ("github", {"repository": "acme/shoop"}, "acme/shoop: did not find", "repositories.*.github in platform.toml"),
    ("cloudwatch", {"AWS_SECRET_ACCESS_KEY": "wrong"}, "InvalidSignatureException", "does not belong to the key"),
    ("cloudwatch", {"AWS_ACCESS_KEY_ID": "AKIAOTHER00000000000"}, "UnrecognizedClient", "AWS_ACCESS_KEY_ID"),
    ("cloudwatch", {"cloudwatch_log_groups": "/shop/prod"}, "log group /shop/prod", "CLOUDWATCH_LOG_GROUPS"),
    ("cloudwatch", {"aws_profile": "nobody"}, "ProfileNotFound", "aws configure list-profiles"),
    ("osv", {"osv_url": "SIM/empty"}, "reports no vulnerability of pyyaml 5.3.1, which has one", "OSV_URL"),
    ("osv", {"osv_url": "SIM/elsewhere"}, "(404)", "OSV_URL: https://api.osv.dev"),
    # nobody answers there
    ("datadog", {"datadog_url": "http://127.0.0.1:9"}, "is unreachable at 127.0.0.1:9", "DATADOG_SITE"),
    ("sentry", {"sentry_url": "https://10.0.0.7"}, "private address; add the host to PRIVATE_HOSTS", "SENTRY_URL"),
    ("sentry", {"sentry_url": "http://sentry.corp.example"}, "not encrypted", "SENTRY_URL"),
    ("osv", {"osv_url": "http://127.0.0.1:9"}, "is unreachable at 127.0.0.1:9", "OSV_URL"),
    ("osv", {"osv_url": "http://osv.corp.example"}, "not encrypted", "OSV_URL"),
    ("github", {"github_url": "http://127.0.0.1:9"}, "is unreachable", "GITHUB_URL"),
    ("newrelic", {"newrelic_url": "http://127.0.0.1:9"}, "is unreachable", "NEWRELIC_REGION"),
    ("cloudwatch", {"aws_endpoint_url": "http://127.0.0.1:9"}, "is unreachable", "AWS_ENDPOINT_URL"),
]


@pytest.mark.parametrize(("vendor", "given", "says", "fix"), TABLE)
def test_a_wrong_setting_is_named(line, vendor, given, says, fix):
    told = line(vendor, given)
    assert told.state == "fault"
    assert says in told.message, told.message
    assert fix in told.fix, told.fix
    secrets = [v for k, v in given.items() if ("key" in k.lower() or "token" in k) and v]
    assert not any(secret in told.message + told.fix for secret in secrets)


@pytest.mark.parametrize("vendor", ["datadog", "newrelic", "sentry", "github", "cloudwatch", "osv"])
def test_right_settings_are_right(line, vendor):
    assert line(vendor, {}).state == "ok"


def test_nothing_set_is_no_fault(tmp_path):
    """The doctor says what to set."""
    settings = Settings(platform_file=tmp_path / "none.toml", data_dir=tmp_path)
    store.open_store(settings.database)
    lines = {row.what: row for row in doctor.examine(runtime.Runtime(settings))}
    wanted = {"osv": "OSV_URL", "datadog": "DATADOG_APP_KEY", "newrelic": "NEWRELIC_ACCOUNT_ID", "sentry": "SENTRY_ORG"}
    for vendor, name in wanted.items():
        assert lines[vendor].state == "off" and name in lines[vendor].fix


def test_a_connector_that_cannot_be_built_ends_no_other_check(monkeypatch, tmp_path):
    def broken(settings):
        raise TypeError("s3cr3t")

    settings = Settings(_env_file=None, data_dir=tmp_path)
    names = [name for name, _ in registry.checks(settings)]
    spec = replace(registry.CONNECTORS["sentry"], build=broken)
    monkeypatch.setitem(registry.CONNECTORS, "sentry", spec)
    found = dict(registry.checks(settings))
    assert list(found) == names and not found["sentry"].ok
    assert "could not be built" in found["sentry"].message and "s3cr3t" not in str(found["sentry"])


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (KeyError("s3cr3t"), "the check itself failed (KeyError)"),
        (VendorError("sentry", "no route"), "sentry: no route"),
    ],
)
def test_a_connector_whose_check_raises_ends_no_other_check(monkeypatch, tmp_path, fault, message):
    class Broken:
        def check(self):
            raise fault

    settings = Settings(_env_file=None, data_dir=tmp_path)
    names = [name for name, _ in registry.checks(settings)]
    spec = replace(registry.CONNECTORS["sentry"], build=lambda _: Broken())
    monkeypatch.setitem(registry.CONNECTORS, "sentry", spec)
    found = dict(registry.checks(settings))
    assert list(found) == names and (found["sentry"].ok, found["sentry"].message) == (False, message)
