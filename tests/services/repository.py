"""A service's folder as a git repository: a bare origin, and what its team commits and deploys."""

from __future__ import annotations

import shutil
from pathlib import Path

from core.demo.repo import ShopRepo, git

APPS = Path(__file__).parent / "apps"
TEAM = "Robin Sale"


class Repository(ShopRepo):
    """To the simulated vendors it is a repository like the demo's."""

    def __init__(self, folder: Path, app: str):
        super().__init__(folder)
        shutil.copytree(APPS / app, self.team, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
        git(self.team, "init", "--quiet", "--initial-branch=main")
        readme = next(self.team.glob("README*")).name
        for files, message in ((readme, "Say what this is"), ("--all", "Release")):
            git(self.team, "add", files)
            git(self.team, "commit", "--quiet", "--message", message, author=TEAM)
        git(folder, "clone", "--quiet", "--bare", "team", "origin.git")

    def head(self) -> str:
        return git(self.origin, "rev-parse", "main").strip()

    def subjects(self) -> list[str]:
        return git(self.origin, "log", "main", "--format=%s").splitlines()

    def changed(self, since: str) -> list[str]:
        """The files of main that differ from the commit ``since``."""
        return git(self.origin, "diff", "--name-only", since, "main").split()
