"""A platform without services, and a real repository of one."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from core import bootstrap
from core.access.rights import Actor, IdentityProof
from core.models.access import Role
from tests import screens

GIT = ["git", "-c", "user.name=a", "-c", "user.email=a@x.io", "-c", "init.defaultBranch=main"]
FILES = {
    "services/orders/pyproject.toml": '[project]\nname = "orders"\nversion = "1"\n',
    "services/orders/orders/__init__.py": "",
    "services/orders/orders/total.py": "def total(rows):\n    return sum(rows)\n",
    "services/orders/tests/test_total.py": (
        "from orders.total import total\n\n\ndef test_total():\n    assert total([1, 2]) == 3\n"
    ),
    "docs/index.md": "# Docs\n",
    ".github/workflows/release.yml": "on: workflow_dispatch\n",
}


def git(folder: Path, *words: str) -> None:
    subprocess.run([*GIT, *words], cwd=folder, check=True, capture_output=True)


def committed(folder: Path, files: dict[str, str]) -> Path:
    """A repository with one commit of these files."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"]):
        git(folder, *words)
    return folder


@pytest.fixture
def remote(tmp_path) -> Path:
    """A repository with the branches main and develop."""
    folder = committed(tmp_path / "remote", FILES)
    git(folder, "branch", "develop")
    return folder


@pytest.fixture
def console(tmp_path):
    """The settings of a console on an empty platform: people, and no platform.toml."""
    return screens.open_empty(tmp_path / "data")


@pytest.fixture
def runtime(console):
    return bootstrap.build(console)


@pytest.fixture
def admin() -> Actor:
    return Actor("admin", Role.ADMIN, proof=IdentityProof.SESSION)
