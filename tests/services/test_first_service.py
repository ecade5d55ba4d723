"""The README's "Connect your first service", followed word by word in a clean folder."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.demo.repo import git
from core.policy.reader import read_policy
from core.settings import ROOT
from tests.services.machine import free_port
from tests.services.production import stop

SECTION = "## Connect your first service"
BLOCK = re.compile(r"(?ms)^```(bash|toml)\n(.*?)^```")
STARTS = 300.0  # seconds; a busy machine starts slowly


def steps() -> list[tuple[str, str]]:
    """("bash", a command) and ("toml", the text of platform.toml), in the section's order."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    section = text.partition(SECTION)[2].partition("\n## ")[0]
    return [
        (kind, part)
        for kind, block in BLOCK.findall(section)
        for part in ([block] if kind == "toml" else filter(str.strip, block.splitlines()))
    ]


@pytest.fixture
def clean(tmp_path) -> Iterator[Path]:
    """A fresh checkout of what git keeps, without an environment."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file() and not name.startswith("tests/"):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, tmp_path / name)
    yield tmp_path


def shell(line: str, folder: Path, env: dict[str, str]) -> subprocess.CompletedProcess:
    return subprocess.run(["bash", "-c", line], cwd=folder, env=env, capture_output=True, text=True, timeout=900)


def installs(line: str) -> bool:
    return "pip install" in line or "-m venv" in line


def test_the_section_names_every_step():
    lines = [text for kind, text in steps() if kind == "bash"]
    for words in ("pip install", "core doctor", "core user add", "streamlit run"):
        assert any(words in line for line in lines), words
    assert [kind for kind, _ in steps()].count("toml") == 1


def test_the_first_service_is_connected_by_following_the_readme(clean):
    """With the packages of this environment in place of those that the first step downloads, unless CONNECT_INSTALL
    asks for them. The repository is one of this machine; all else is as it stands there."""
    port = free_port()
    env = {"PATH": os.environ["PATH"], "HOME": str(clean), "LANG": "C.UTF-8", "STREAMLIT_SERVER_PORT": str(port),
           "STREAMLIT_SERVER_HEADLESS": "true", "PUBLIC_URL": f"http://127.0.0.1:{port}"}  # fmt: skip
    for kind, text in steps():
        follow(text, clean, env, port) if kind == "bash" else configured(text, clean)
    known = read_policy(clean / "platform.toml")
    assert len(known.repositories) == len(known.services) == 1


def follow(line: str, folder: Path, env: dict[str, str], port: int) -> None:
    if installs(line) and not os.environ.get("CONNECT_INSTALL"):
        if not (folder / ".venv").exists():
            (folder / ".venv").symlink_to(Path(sys.prefix))
        return
    if "streamlit run" in line:
        starts(line, folder, env, port)
        return
    done = shell(line.replace("NAME", "robin"), folder, env)
    if "core doctor" in line:  # it names what is missing, and where to get it
        assert done.returncode in (0, 1) and "->" in done.stdout, done.stdout + done.stderr
    else:
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"


def configured(text: str, folder: Path) -> None:
    """The reader's own repository in place of the example's."""
    team = folder / "team"
    team.mkdir()
    git(team, "init", "--quiet", "--initial-branch=main")
    (team / "README.md").write_text("A service\n")
    git(team, "add", "--all")
    git(team, "commit", "--quiet", "--message", "Begin")
    changed = re.sub(r'(?m)^remote = ".*"', f'remote = "{team}"', text, count=1)
    assert changed != text
    (folder / "platform.toml").write_text(changed, encoding="utf-8")


def starts(line: str, folder: Path, env: dict[str, str], port: int) -> None:
    process = subprocess.Popen(["bash", "-c", f"exec {line}"], cwd=folder, env=env, start_new_session=True,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
    deadline, answer = time.monotonic() + STARTS, ""
    try:
        while time.monotonic() < deadline and process.poll() is None:
            try:
                assert urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5).status == 200
                return
            except urllib.error.HTTPError as error:
                answer = error.read().decode()
            except (urllib.error.URLError, ConnectionError, TimeoutError) as error:
                answer = str(error)
            time.sleep(0.3)
        pytest.fail(f"{line}: the console is not well: {answer}; exit {process.poll()}")
    finally:
        stop(process)
