"""The shop's git repository: a bare origin, the team's clone, and how the team ships and reverts."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from core.demo.faults import DemoFault

TEMPLATE = Path(__file__).parent / "shop"
HISTORY = (  # earlier releases, with the files that each added
    (
        "Ada Noor",
        "Catalog and prices",
        ("README.md", "pyproject.toml", "shop/__init__.py", "shop/data.py", "shop/pricing.py", "shop/catalog.py"),
    ),
    ("Ben Okafor", "Cart and carrier", ("shop/upstream.py", "shop/cart.py")),
    ("Ada Noor", "Checkout with receipts", ("shop/checkout.py",)),
    ("Cleo Marin", "Search", ("shop/search.py",)),
    (
        "Ben Okafor",
        "Accounts, server, tests",
        ("shop/account.py", "shop/__main__.py", "requirements.txt", "tests/test_shop.py"),
    ),
)


def git(folder: Path, *args: str, author: str = "Ada Noor") -> str:
    env = {
        "PATH": os.environ["PATH"],
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_AUTHOR_NAME": author,
        "GIT_AUTHOR_EMAIL": f"{author.split()[0].lower()}@shop.example",
        "GIT_COMMITTER_NAME": author,
        "GIT_COMMITTER_EMAIL": f"{author.split()[0].lower()}@shop.example",
    }
    done = subprocess.run(["git", *args], cwd=folder, env=env, capture_output=True, text=True, timeout=60)
    if done.returncode:
        raise RuntimeError(f"git {args[0]}: {done.stderr.strip()[-300:]}")
    return done.stdout


class ShopRepo:
    def __init__(self, folder: Path):
        self.origin, self.team = folder / "origin.git", folder / "team"

    def build(self) -> ShopRepo:
        """Create the repository with its history; an existing one is kept."""
        if self.origin.exists():
            return self
        self.team.mkdir(parents=True)
        git(self.team, "init", "--quiet", "--initial-branch=main")
        for number, (author, message, files) in enumerate(HISTORY, 1):
            for name in files:
                (self.team / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(TEMPLATE / name, self.team / name)
            self._commit(message, author)
            git(self.team, "tag", f"v{number}")
        git(self.team.parent, "clone", "--quiet", "--bare", "team", "origin.git")
        git(self.team, "remote", "add", "origin", str(self.origin))
        return self

    def _commit(self, message: str, author: str) -> str:
        git(self.team, "add", "--all")
        git(self.team, "commit", "--quiet", "--message", message, author=author)
        return self.head()

    def head(self) -> str:
        return git(self.team, "rev-parse", "HEAD").strip()

    def newest(self) -> str:
        """The newest commit of the main branch, whoever pushed it."""
        return git(self.origin, "rev-parse", "main").strip()

    def _pull(self) -> None:
        git(self.team, "fetch", "--quiet", "origin")
        git(self.team, "reset", "--quiet", "--hard", "origin/main")

    def ship(self, fault: DemoFault) -> str:
        """Commit the fault to main as the team would; returns the commit. Raises ValueError if it does not apply."""
        return self._edit([(f, old, new) for f, old, new in fault.edits], fault.message)

    def revert(self, fault: DemoFault) -> str:
        """Revert the fault as the team would. Raises ValueError if the code no longer contains the fault."""
        return self._edit([(f, new, old) for f, old, new in fault.edits if new], f'Revert "{fault.message}"')

    def _edit(self, edits: list[tuple[str, str, str]], message: str) -> str:
        self._pull()
        for name, old, new in edits:
            path = self.team / name
            text = path.read_text(encoding="utf-8")
            if text.count(old) != 1:
                raise ValueError(f"{name} no longer holds what this changes; start a fresh demo to ship it again")
            path.write_text(text.replace(old, new), encoding="utf-8")
        sha = self._commit(message, "Cleo Marin")
        git(self.team, "push", "--quiet", "origin", "main")
        return sha

    def export(self, sha: str, folder: Path) -> None:
        """The files of a commit."""
        folder.mkdir(parents=True, exist_ok=True)
        git(self.origin, f"--work-tree={folder}", "checkout", "--force", sha, "--", ".")
