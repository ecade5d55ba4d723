"""Compose files, Dockerfile and release workflow: valid by their published schemas, and every command in them runs."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from dotenv import dotenv_values
from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route

from core.demo import command, setup
from tests.vendors.loopback import serving

ROOT = Path(__file__).resolve().parent.parent
COMPOSE = [ROOT / "compose.yaml", *sorted((ROOT / "deploy").glob("compose.*.yaml"))]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")


def valid(schema: str, path: Path) -> subprocess.CompletedProcess:
    argv = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(path)]
    return subprocess.run(argv, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("path", COMPOSE, ids=lambda path: path.name)
def test_a_compose_file_is_valid(path, tmp_path):
    found = valid("vendor.compose-spec", path)
    assert found.returncode == 0, found.stdout
    broken = tmp_path / "broken.yaml"
    broken.write_text(path.read_text(encoding="utf-8").replace("services:", "servces:"), encoding="utf-8")
    assert valid("vendor.compose-spec", broken).returncode == 1


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_is_valid(path):
    found = valid("vendor.github-workflows", path)
    assert found.returncode == 0, found.stdout


def test_development_has_everything():
    services = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"]
    assert set(services) == {"database", "simulator", "settings", "console", "worker", "kestra", "flows"}
    for name, service in services.items():
        assert set(service.get("depends_on", {})) <= set(services), name


def commands() -> list[list[str]]:
    """The commands of our own image in the compose files, and that of the Dockerfile."""
    of_files = [yaml.safe_load(path.read_text(encoding="utf-8"))["services"].values() for path in COMPOSE]
    own = [one["command"] for services in of_files for one in services if one.get("command", [""])[0] == "python"]
    return [*own, yaml.safe_load(re.findall(r"^CMD (.*)$", DOCKERFILE, re.M)[0])]


@pytest.mark.parametrize("argv", {" ".join(argv): argv for argv in commands()}.values(), ids=" ".join)
def test_each_command_is_one_of_the_product(argv):
    """Its own parser takes it: with --help behind, it says how it is used and does nothing."""
    assert argv[0] == "python" and argv[1] == "-m"
    found = subprocess.run([sys.executable, *argv[1:], "--help"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert found.returncode == 0 and "usage" in found.stdout.lower(), found.stderr


def test_the_image_copies_files_that_exist_and_that_its_ignore_file_lets_through():
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    copied = [part for line in re.findall(r"^COPY (.*) \S+$", DOCKERFILE, re.M) for part in line.split()]
    assert copied and all((ROOT / part).exists() and f"!{part}" in ignored for part in copied)
    assert "USER platform" in DOCKERFILE and "--require-hashes -r requirements.lock" in DOCKERFILE


def test_the_simulators_settings_are_written_for_another_container(tmp_path, monkeypatch):
    told = {"DATADOG_URL": "http://127.0.0.1:8600/datadog", "EMAIL_FROM": "Platform <a@b.example>"}
    monkeypatch.setattr(setup, "environment", lambda folder: told)
    assert command.main(["--dir", str(tmp_path), "env"]) == 0
    assert dotenv_values(tmp_path / ".env") == told


def test_production_is_deployed_after_staging_and_both_are_checked():
    jobs = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text(encoding="utf-8"))["jobs"]
    assert [(name, job.get("needs")) for name, job in jobs.items()] == [
        ("check", None), ("image", "check"), ("staging", "image"), ("production", "staging"),
    ]  # fmt: skip
    for name in ("staging", "production"):
        assert jobs[name]["environment"] == name
        assert [step["run"].split()[-2] for step in jobs[name]["steps"][2:]] == ["tools/check_deployment.py"]
    assert subprocess.run(["bash", "-n", ROOT / "tools/deploy_compose.sh"], check=False).returncode == 0


def check(url: str) -> int:
    return runpy.run_path(str(ROOT / "tools/check_deployment.py"))["main"](url, seconds=0)


@pytest.mark.parametrize(
    ("state", "names", "code"),
    [
        ("ok", ["issues", "connector_up", "last_round_age_seconds"], 0),
        ("failed", ["issues", "connector_up", "last_round_age_seconds"], 1),
        ("ok", ["issues"], 1),
    ],
)
def test_a_deployment_is_checked_by_its_health_and_its_metrics(state, names, code, monkeypatch):
    monkeypatch.setenv("METRICS_TOKEN", "scrape-me")

    def metrics(request):
        if request.headers.get("authorization") != "Bearer scrape-me":
            return PlainTextResponse("", 401)
        return PlainTextResponse("".join(f"# TYPE platform_{name} gauge\n" for name in names))

    routes = [Route("/healthz", lambda _: JSONResponse({"status": state})), Route("/metrics", metrics)]
    with serving(Starlette(routes=routes)) as url:
        assert check(url) == code


def test_a_deployment_without_tls_gets_no_token(capsys):
    assert check("http://platform.example.com") == 1
    assert "not https" in capsys.readouterr().err
