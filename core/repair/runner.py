"""Runs repository and generated code where it can reach nothing but its own tree.

Bubblewrap is the real thing: no network, a read-only world, no secrets, bounded time, memory,
processes and files. The limited runner is weaker and says so; a policy has to ask for it.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from core.repair.shapes import Runner
from core.settings import FixRules
from core.vendors.command import Completed, run

MEMORY, FILE_SIZE, PROCESSES, CPU_SECONDS = 2 << 30, 64 << 20, 64, 120
ENVIRONMENT = {
    "LANG": "C.UTF-8",
    "HOME": "/tmp",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONHASHSEED": "0",
    "TZ": "UTC",
}
LIMITS = (
    "prlimit",
    f"--as={MEMORY}",
    f"--nproc={PROCESSES}",
    f"--fsize={FILE_SIZE}",
    f"--cpu={CPU_SECONDS}",
    "--core=0",
    "--",
)


def _program(argv: Sequence[str]) -> list[str]:
    """``python`` is always the interpreter that runs this process, with its installed packages."""
    first = sys.executable if argv[0] in ("python", "python3") else argv[0]
    return [first, *map(str, argv[1:])]


def _path() -> str:
    return f"{Path(sys.executable).parent}:/usr/bin:/bin"


class BubblewrapRunner:
    """Tree writable at /w; its .git is hidden, so that neither hooks nor history can be changed."""

    name = "bubblewrap"
    weaker_because = ""

    def run(self, argv: Sequence[str], tree: Path, timeout: float = 120) -> Completed:
        wrapped = [*self._walls(tree.resolve()), *LIMITS, *_program(argv)]
        return run(wrapped, timeout=timeout, env=ENVIRONMENT | {"PATH": _path()})

    def _walls(self, tree: Path) -> list[str]:
        walls = ["bwrap", "--unshare-user", "--unshare-all", "--disable-userns"]
        walls += ["--die-with-parent", "--new-session", "--ro-bind", "/usr", "/usr", *_system_links()]
        walls += ["--proc", "/proc", "--dev", "/dev", "--size", str(256 << 20), "--tmpfs", "/tmp"]
        for prefix in _prefixes():
            walls += ["--ro-bind", prefix, prefix]
        walls += ["--bind", str(tree), "/w", "--chdir", "/w", *_hidden_git(tree)]
        return [*walls, "--uid", "65534", "--gid", "65534", "--cap-drop", "ALL"]


def _system_links() -> list[str]:
    walls = []
    for name in ("bin", "lib", "lib64"):
        path = Path("/", name)
        if path.is_symlink():
            walls += ["--symlink", str(path.readlink()), str(path)]
        elif path.exists():
            walls += ["--ro-bind", str(path), str(path)]
    return walls


@cache
def _prefixes() -> tuple[str, ...]:
    """Folders of the interpreter and its packages that /usr does not already hold."""
    found = {str(Path(p).resolve()) for p in (sys.prefix, sys.base_prefix)} | {sys.prefix}
    return tuple(sorted(p for p in found if p != "/usr" and not p.startswith("/usr/")))


def _hidden_git(tree: Path) -> list[str]:
    git = tree / ".git"
    if git.is_dir():
        return ["--tmpfs", "/w/.git"]
    return ["--ro-bind", "/dev/null", "/w/.git"] if git.exists() else []


class LimitedRunner:
    """Own session, clean environment, resource limits and an audit hook that denies sockets."""

    name = "limited"
    weaker_because = (
        "files of this machine stay readable, and native code could pass the audit hook that denies "
        "sockets, new processes and writing outside of the tree"
    )

    def run(self, argv: Sequence[str], tree: Path, timeout: float = 120) -> Completed:
        guard = Path(__file__).parent / "limited"
        env = ENVIRONMENT | {"PATH": _path(), "PYTHONPATH": str(guard), "GUARDED_TREE": str(tree.resolve())}
        return run([*LIMITS, *_program(argv)], cwd=tree, timeout=timeout, env=env)


@cache
def bubblewrap_works() -> bool:
    """Whether a sandbox can really be started here; tried once a process."""
    try:
        return BubblewrapRunner().run(["python", "-c", "print(1)"], Path(__file__).parent, 20).ok
    except OSError:  # no such program
        return False


def runner(rules: FixRules) -> Runner | None:
    """The strongest runner that works here and that ``rules`` allow; None: run no code at all."""
    if rules.runner != "limited" and bubblewrap_works():
        return BubblewrapRunner()
    weaker_allowed = rules.allow_limited_runner and rules.runner != "bubblewrap"
    return LimitedRunner() if weaker_allowed else None
