"""The product's settings for the demo's world: its environment and its platform.toml."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

from core.demo.vendors import cloudwatch, datadog, github, kestra, model, newrelic, sentry, slack, smtp, vercel

NODE_CLINE = str(Path(__file__).resolve().parents[2] / "tests/node/node_modules/@cline/cli-linux-x64/bin/cline")
MODEL = "Scripted: it answers from a small table of prepared patches for the demo's faults, and is no model."
KESTRA = "Runs the analysis flow. Its AI agent is a script that repeats the report and changes no decision."
CODERABBIT = "Reviews each pull request by three fixed rules, in CodeRabbit's format."
CLINE = "The real program in the sandbox, with the scripted model behind it."


def environment(folder: Path) -> dict[str, str]:
    """The product's settings that point it at this world."""
    state = json.loads((folder / "sandbox.json").read_text())
    base = f"http://127.0.0.1:{state['port']}"
    return (_agents(base) if state.get("agents") else {}) | {
        "SANDBOX_URL": base,
        "SANDBOX_TOKEN": state["token"],
        "DATA_DIR": str(folder / "data"),
        "ROUND_SECONDS": "10",
        "PLATFORM_FILE": str(folder / "platform.toml"),
        "DATADOG_URL": f"{base}/datadog",
        "DATADOG_API_KEY": datadog.API_KEY,
        "DATADOG_APP_KEY": datadog.APP_KEY,
        "SENTRY_URL": f"{base}/sentry",
        "SENTRY_TOKEN": sentry.TOKEN,
        "SENTRY_ORG": sentry.ORG,
        "NEWRELIC_URL": f"{base}/newrelic/graphql",
        "NEWRELIC_API_KEY": newrelic.KEY,
        "NEWRELIC_ACCOUNT_ID": str(newrelic.ACCOUNT),
        "AWS_ENDPOINT_URL": f"{base}/aws",
        "AWS_ACCESS_KEY_ID": cloudwatch.KEY,
        "AWS_SECRET_ACCESS_KEY": cloudwatch.SECRET,
        "AWS_REGION": cloudwatch.REGION,
        "CLOUDWATCH_LOG_GROUPS": cloudwatch.GROUP,
        "CLOUDWATCH_NAMESPACE": cloudwatch.NAMESPACE,
        "GITHUB_URL": f"{base}/github",
        "GITHUB_TOKEN": github.TOKEN,
        "VERCEL_URL": f"{base}/vercel",
        "VERCEL_TOKEN": vercel.TOKEN,
        "SLACK_URL": f"{base}/slack/api",
        "SLACK_TOKEN": slack.TOKEN,
        "SLACK_CHANNEL": slack.CHANNEL,
        "SLACK_SIGNING_SECRET": slack.SIGNING_SECRET,
        "OSV_URL": f"{base}/osv",
        "SMTP_HOST": "127.0.0.1",
        "SMTP_PORT": str(state["mail_port"]),
        "SMTP_STARTTLS": "false",
        "SMTP_USER": smtp.USER,
        "SMTP_PASSWORD": smtp.PASSWORD,
        "EMAIL_FROM": smtp.SENDER,
        "EMAIL_TO": smtp.RECEIVER,
    }


def cline() -> str:
    """The real Cline CLI: CLINE_BIN, or one on the PATH, or that of `make node`; empty if there is none."""
    return shutil.which(os.environ.get("CLINE_BIN") or "cline") or shutil.which(NODE_CLINE) or ""


def _agents(base: str) -> dict[str, str]:
    """Connects a model server, Kestra and, where it is installed, the real Cline CLI."""
    return {
        "OPENAI_BASE_URL": f"{base}/model/v1",
        "OPENAI_API_KEY": model.KEY,
        "OPENAI_MODEL": model.NAME,
        "KESTRA_URL": f"{base}/kestra",
        "KESTRA_USER": kestra.USER,
        "KESTRA_PASSWORD": kestra.PASSWORD,
        "KESTRA_ANALYSIS_FLOW": "analysis",
        "CLINE_BIN": cline(),
    }


def agents(on: bool) -> list[dict[str, str]]:
    """The AI agents of the demo for the screen: ``kind`` is simulated, real or off."""
    simulated, real = ("simulated" if on else "off"), ("real" if on and cline() else "off")
    missing = "" if cline() else " It is not installed: make node installs it."
    return [
        {"name": "Embedded repairer", "kind": "real", "says": "Analyses and repairs without a model."},
        {"name": "Model server", "kind": simulated, "says": MODEL},
        {"name": "Kestra", "kind": simulated, "says": KESTRA},
        {"name": "CodeRabbit", "kind": simulated, "says": CODERABBIT},
        {"name": "Cline CLI", "kind": real, "says": f"{CLINE}{missing}"},
    ]


def write_environment(folder: Path) -> int:
    """Write them to .env, for a product in another container that shares the folder and the loopback."""
    text = "".join(f"{name}='{value}'\n" for name, value in environment(folder).items())
    (folder / ".env").write_text(text, encoding="utf-8")
    return 0


PLATFORM = """version = 1

[repositories.shop]
remote = "{origin}"
github = "acme/shop"
vercel_project = "shop"
production_url = "http://127.0.0.1:{port}/edge/shop"
folder = "."
source = ["shop"]
tests = "tests"
environment_build = "platform"  # the shop needs nothing besides

{services}
[guards]
minimum_occurrences = 2
deployments_per_hour = 50

[fix.autonomy]
granted = ["*/embedded/sibling"]  # for the demonstration: here no class has the outcomes yet to earn it

[watch]
seconds = 20  # a demonstration decides in seconds, on less evidence than the defaults ask for
earliest = 8
every = 3
minimum_requests = 20
missed_harm = 0.15
cured_share = 0.5
error_rate_margin = 0.05
latency_floor_ms = 500  # this machine builds and tests besides

[metrics]
requests = "shop.requests"
errors = "shop.errors"
p95_ms = "shop.latency.p95"
step = 5

[fix]
allow_limited_runner = true

[slack.people]
{user} = "approver"
"""
SERVICES = {"catalog": "low", "cart": "low", "checkout": "medium", "pricing": "low", "search": "low", "account": "low"}


AGENTS = """
[coderabbit]
enabled = true
every_seconds = 2
"""


def write_platform(folder: Path, port: int, agents: bool = False) -> None:
    services = "".join(
        f'[services.{name}]\nrepository = "shop"\nimpact = "{impact}"\ncritical = {str(name == "checkout").lower()}\n'
        f'upstreams = ["carrier", "mailer"]\n\n'
        for name, impact in SERVICES.items()
    )
    (folder / "platform.toml").write_text(
        PLATFORM.format(origin=(folder / "origin.git").resolve(), port=port, services=services, user=slack.USER)
        + (AGENTS if agents else "")
    )
