"""Runs repository and generated code so that it reaches only its own tree.

Bubblewrap is the full sandbox: no network, a read-only file system, no secrets, limits on time, memory, processes,
files and output, and no process outlives it. The limited runner is weaker, reports that, and needs the policy's
permission.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from core.policy.sections import FixRules
from core.repair.sandbox.interpreter import PLATFORM, Interpreter
from core.repair.sandbox.place import root_of
from core.repair.sandbox.servers import NONE, Servers
from core.repair.types import Runner
from core.vendors.command import Ceiling, Completed, run, wait_gone

MEMORY, FILE_SIZE, PROCESSES, CPU_SECONDS = 2 << 30, 64 << 20, 64, 120
CEILING = Ceiling(tasks=PROCESSES)
SCRATCH, SHARED_MEMORY = 256 << 20, 64 << 20
USR = Path("/usr")
OF_THE_ROOM = ("proc", "dev", "tmp", "sys", "run", "w")
ENVIRONMENT = {
    "LANG": "C.UTF-8",
    "HOME": "/tmp",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONHASHSEED": "0",
    "TZ": "UTC",
}
LIMITS = (
    "nice",  # the supervisor and the console have priority
    "-n10",
    "prlimit",
    f"--as={MEMORY}",
    f"--nproc={PROCESSES}",
    f"--fsize={FILE_SIZE}",
    f"--cpu={CPU_SECONDS}",
    "--core=0",
    "--",
)


def program(argv: Sequence[str], interpreter: Interpreter = PLATFORM) -> list[str]:
    """The argument list; ``python`` is the interpreter with its packages, by default that of this process."""
    return interpreter.program(argv)


def interpreter_of(runner: Runner) -> Interpreter:
    """The interpreter that a runner uses for ``python``."""
    return getattr(runner, "interpreter", PLATFORM)


def on(runner: Runner, interpreter: Interpreter, servers: Servers = NONE) -> Runner:
    """The same runner on another interpreter, with servers; a foreign runner stays unchanged."""
    if isinstance(runner, BubblewrapRunner):
        return replace(runner, interpreter=interpreter, servers=servers)
    return replace(runner, interpreter=interpreter) if isinstance(runner, LimitedRunner) else runner


def version_of(runner: Runner) -> tuple[int, int] | None:
    """The Python version of a service's own interpreter; None if it is the platform's."""
    interpreter = interpreter_of(runner)
    return None if interpreter is PLATFORM else interpreter.version


def linting(runner: Runner) -> Runner:
    """The same runner on the interpreter with the linters for its code."""
    return on(runner, interpreter_of(runner).linters or PLATFORM)


@dataclass(frozen=True)
class BubblewrapRunner:
    """The checkout is writable at /w; its .git is hidden, so that hooks and history cannot be changed.

    ``tree`` is the checkout, or the folder of a service in it, where the command runs.
    """

    interpreter: Interpreter = PLATFORM
    servers: Servers = NONE
    name = "bubblewrap"
    weaker_because = ""

    def run(self, argv: Sequence[str], tree: Path, timeout: float = 120) -> Completed:
        inside = [*LIMITS, *self.servers.around(self.interpreter.python, self.interpreter.program(argv))]
        around = walls(tree.resolve(), interpreter=self.interpreter, more=self.servers.walls())
        variables = ENVIRONMENT | {"PATH": self.interpreter.path} | self.interpreter.environment
        variables |= self.servers.variables
        return behind(around, inside, timeout, variables, CEILING, [root_of(tree.resolve())])


def behind(
    walls: Sequence[str],
    argv: Sequence[str],
    timeout: float,
    env: Mapping[str, str],
    ceiling: Ceiling | None,
    folders: Sequence[Path] = (),
    **more,
) -> Completed:
    """Run a command in bubblewrap and return when all of its processes have ended; arguments as for ``command.run``.

    Bubblewrap ends shortly before the kernel has ended the processes of its namespace. The first of them ends last, so
    that one is waited for.
    """
    reader, writer = os.pipe()
    with open(reader, "rb", buffering=0) as pipe:
        try:
            named = ["bwrap", "--info-fd", str(writer), *walls, *argv]
            done = run(named, timeout=timeout, env=env, ceiling=ceiling, folders=folders, pass_fds=(writer,), **more)
        finally:
            os.close(writer)
        os.set_blocking(reader, False)
        if first := re.search(rb'"child-pid": (\d+)', pipe.read(1000) or b""):
            wait_gone(int(first[1]))
        return done


def walls(
    tree: Path, readable: Sequence[Path] = (), interpreter: Interpreter = PLATFORM, more: Sequence[str] = ()
) -> list[str]:
    """Bubblewrap's arguments: only the checkout (at /w), /tmp and /dev/shm can be written; ``readable`` is shown too.

    /proc, /dev and / are made read-only at the end: started by root, the code inside still counts as root for
    the files of /proc/sys (kernel.core_pattern would run a program outside), and both others are memory.
    """
    made, root = empty_room(image=interpreter.root), root_of(tree)
    for shown in map(str, (*beyond_usr(interpreter.folders), *readable)):
        made += ["--ro-bind", shown, shown]
    inside = Path("/w", tree.relative_to(root))
    made += ["--bind", str(root), "/w", "--chdir", str(inside), *_hidden_git(root), *more]
    return [*made, *closed(), "--uid", "65534", "--gid", "65534"]


def empty_room(network: bool = False, image: Path | None = None) -> list[str]:
    """Bubblewrap's arguments for a root with the system's programs, an empty /tmp, and nothing else of the machine.

    If ``image``, the root folder of another system, is given, its programs are used.
    """
    made = ["--unshare-user", "--unshare-all", *(["--share-net"] if network else []), "--disable-userns"]
    made += ["--die-with-parent", "--new-session", *(_image(image) if image else _system())]
    made += ["--proc", "/proc", "--dev", "/dev"]
    return [*made, "--size", str(SHARED_MEMORY), "--tmpfs", "/dev/shm", "--size", str(SCRATCH), "--tmpfs", "/tmp"]


def closed() -> list[str]:
    """The last arguments: the root is read-only, and all capabilities are dropped."""
    return ["--remount-ro", "/proc", "--remount-ro", "/dev", "--remount-ro", "/", "--cap-drop", "ALL"]


def _image(root: Path) -> list[str]:
    """The folders of another system's root, without those that the sandbox provides itself."""
    made = []
    for path in sorted(root.iterdir()):
        if path.is_symlink():
            made += ["--symlink", str(path.readlink()), f"/{path.name}"]
        elif path.is_dir() and path.name not in OF_THE_ROOM:
            made += ["--ro-bind", str(path), f"/{path.name}"]
    return made


@cache
def _system() -> tuple[str, ...]:
    made = ["--ro-bind", "/usr", "/usr"]
    for name in ("bin", "lib", "lib64"):
        path = Path("/", name)
        if path.is_symlink():
            made += ["--symlink", str(path.readlink()), str(path)]
        elif path.exists():
            made += ["--ro-bind", str(path), str(path)]
    return tuple(made)


def beyond_usr(folders: Sequence[Path]) -> list[Path]:
    """The folders that /usr does not already hold."""
    return [path for path in folders if path != USR and not path.is_relative_to(USR)]


def _hidden_git(tree: Path) -> list[str]:
    git = tree / ".git"
    if git.is_dir():
        return ["--tmpfs", "/w/.git"]
    return ["--ro-bind", "/dev/null", "/w/.git"] if git.exists() else []


@dataclass(frozen=True)
class LimitedRunner:
    """The limited runner: own session, clean environment, resource limits, and an audit hook against forbidden actions.

    The hook is not active for ``python -I``, which ignores PYTHONPATH: this runs the platform's own tools over files of
    the repository without importing them, and without any other protection.
    """

    interpreter: Interpreter = PLATFORM
    name = "limited"
    weaker_because = (
        "files of this machine stay readable, native code could bypass the audit hook that denies sockets, new "
        "processes and writing outside of the tree, and git and the review's tools run without a sandbox"
    )

    def run(self, argv: Sequence[str], tree: Path, timeout: float = 120) -> Completed:
        guard = Path(__file__).parent / "limited"
        with tempfile.TemporaryDirectory(prefix="limited-") as scratch:
            env = ENVIRONMENT | {"PATH": self.interpreter.path} | self.interpreter.environment
            env |= {"TMPDIR": scratch, "HOME": scratch}
            env |= {"PYTHONPATH": str(guard)}
            env["GUARDED"] = os.pathsep.join((str(root_of(tree.resolve())), os.path.realpath(scratch)))
            limits = LIMITS if shutil.which("prlimit") else ()
            folders = (tree, Path(scratch))
            inside = [*limits, *self.interpreter.program(argv)]
            return run(inside, cwd=tree, timeout=timeout, env=env, ceiling=CEILING, folders=folders)


def read_back(path: Path, limit: int = FILE_SIZE) -> str:
    """The text of a file that sandboxed code could write: empty for a link, a pipe, or more than ``limit`` bytes.

    A link could point to files of this machine, and reading a pipe could block forever.
    """
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
            status = os.fstat(file.fileno())
            plain = stat.S_ISREG(status.st_mode) and status.st_size <= limit
            return file.read(limit).decode("utf-8", "replace") if plain else ""
    except OSError:
        return ""


@cache
def bubblewrap_works() -> bool:
    """Can a sandbox be started on this machine? Tested once per process."""
    try:
        return BubblewrapRunner().run(["python", "-c", "print(1)"], Path(__file__).parent, 20).ok
    except OSError:  # no such program
        return False


def runner(rules: FixRules) -> Runner | None:
    """The strongest runner that works on this machine and that ``rules`` allow; None: run no code."""
    if rules.runner != "limited" and bubblewrap_works():
        return BubblewrapRunner()
    weaker_allowed = rules.allow_limited_runner and rules.runner != "bubblewrap"
    return LimitedRunner() if weaker_allowed else None
