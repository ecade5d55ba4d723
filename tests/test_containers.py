"""Compose files, Dockerfile and release workflow: valid by their published schemas, and every command in them runs."""

from __future__ import annotations

import os
import re
import runpy
import shutil
import socket
import subprocess
import sys
import threading
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
COMPOSE = [ROOT / "compose.yaml", ROOT / "deploy/compose.yaml"]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")


def valid(schema: str, path: Path) -> subprocess.CompletedProcess:
    argv = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(path)]
    return subprocess.run(argv, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("path", COMPOSE, ids=lambda path: path.parent.name)
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
        assert jobs[name]["environment"] == name and jobs[name]["permissions"]["packages"] == "read"
        assert [step["run"].split()[-2] for step in jobs[name]["steps"][2:]] == ["tools/check_deployment.py"]


def test_a_deployment_signs_in_to_the_registry_and_names_the_policy_of_its_target(tmp_path):
    """With programs that only tell how they are called: their arguments, and what they get of the environment."""
    for folder in ("tools", "deploy", "bin"):
        (tmp_path / folder).mkdir()
    for name in ("tools/deploy_compose.sh", "deploy/compose.yaml"):
        shutil.copy(ROOT / name, tmp_path / name)
    told = tmp_path / "told"
    answers = {"ssh": '[ "$2" = pwd ] && echo /home/deploy || cat >/dev/null', "docker": "cat >/dev/null"}
    for name, answer in answers.items():
        program = tmp_path / "bin" / name
        program.write_text(f'#!/bin/sh\necho "{name} $* | $IMAGE $POLICY $DOCKER_HOST" >>{told}\n{answer}\n')
        program.chmod(0o755)
    given = {name: "x" for name in ("DEPLOY_KEY", "DEPLOY_KNOWN_HOSTS", "DEPLOY_ENV", "DEPLOY_PLATFORM", "TOKEN")}
    given |= {"TARGET": "staging", "IMAGE": "ghcr.io/Acme/Shop:1", "DEPLOY_HOST": "me@host", "GITHUB_ACTOR": "ada"}
    env = given | {"HOME": str(tmp_path), "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"}
    subprocess.run([tmp_path / "tools/deploy_compose.sh"], env=env, check=True, stdin=subprocess.DEVNULL)
    calls = told.read_text().splitlines()
    policy = "/home/deploy/platform/platform.staging.toml"
    assert (
        calls[-1] == f"docker compose -f compose.yaml up --detach --wait | ghcr.io/acme/shop:1 {policy} ssh://me@host"
    )
    assert any(line.startswith("docker login ghcr.io --username ada --password-stdin") for line in calls[:-1])


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


@pytest.mark.parametrize("answer", [b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]", b"oops\r\n\r\n",
                                    b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"])  # fmt: skip
def test_a_server_that_starts_and_answers_anything_is_waited_for(answer, capsys):
    """It reports the fault at the deadline; no answer ends it before."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_answered, args=(server, answer), daemon=True).start()
        assert check(f"http://127.0.0.1:{server.getsockname()[1]}") == 1
    assert "does not answer as expected" in capsys.readouterr().err


def _answered(server: socket.socket, answer: bytes) -> None:
    line, _ = server.accept()
    with line:
        line.recv(65_536)
        line.sendall(answer)


def test_a_deployment_without_tls_gets_no_token(capsys):
    assert check("http://platform.example.com") == 1
    assert "not https" in capsys.readouterr().err
