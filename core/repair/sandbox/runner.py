"""Runs repository and generated code where it can reach nothing but its own tree.

Bubblewrap is the real thing: no network, a read-only world, no secrets, bounded time, memory, processes, files
and output, and nothing outlives it. The limited runner is weaker and says so; a policy has to ask for it.
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
    "nice",  # what watches over it comes first, and so does the console
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
    """Argument list; ``python`` is the interpreter with its packages, by default the one that runs this process."""
    return interpreter.program(argv)


def interpreter_of(runner: Runner) -> Interpreter:
    """The interpreter on which a runner runs ``python``."""
    return getattr(runner, "interpreter", PLATFORM)


def on(runner: Runner, interpreter: Interpreter, servers: Servers = NONE) -> Runner:
    """The same runner on another interpreter, with servers; one that is not ours stays as it is."""
    if isinstance(runner, BubblewrapRunner):
        return replace(runner, interpreter=interpreter, servers=servers)
    return replace(runner, interpreter=interpreter) if isinstance(runner, LimitedRunner) else runner


def version_of(runner: Runner) -> tuple[int, int] | None:
    """The Python version of a service's own interpreter; None where that is the platform's."""
    interpreter = interpreter_of(runner)
    return None if interpreter is PLATFORM else interpreter.version


def linting(runner: Runner) -> Runner:
    """The same runner on the interpreter that has the linters for the code that this one runs."""
    return on(runner, interpreter_of(runner).linters or PLATFORM)


@dataclass(frozen=True)
class BubblewrapRunner:
    """Checkout writable at /w; its .git is hidden, so that neither hooks nor history can be changed.

    ``tree`` is the checkout, or the folder of a service in it, where the command runs.
    """

    interpreter: Interpreter = PLATFORM
    servers: Servers = NONE
    name = "bubblewrap"
    weaker_because = ""

    def run(self, argv: Sequence[str], tree: Path, timeout: float = 120) -> Completed:
        inside = [*LIMITS, *self.servers.around(self.interpreter.python, self.interpreter.program(argv))]
        around = walls(tree.resolve(), interpreter=self.interpreter, more=self.servers.walls())
        variables = ENVIRONMENT | {"PATH": self.interpreter.path} | self.interpreter.told
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
    """Runs a command behind walls and returns when nothing of it is left. ``folders`` and ``more`` are command.run's.

    Bubblewrap itself ends a moment before the kernel has ended the processes of its namespace: the first of
    them is gone only after all others, so it is waited for.
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
    """Bubblewrap's arguments for a room with the system's programs, an empty /tmp, and nothing else of the machine.

    The programs are those of ``image``, the root folder of another system, where that is given.
    """
    made = ["--unshare-user", "--unshare-all", *(["--share-net"] if network else []), "--disable-userns"]
    made += ["--die-with-parent", "--new-session", *(_image(image) if image else _system())]
    made += ["--proc", "/proc", "--dev", "/dev"]
    return [*made, "--size", str(SHARED_MEMORY), "--tmpfs", "/dev/shm", "--size", str(SCRATCH), "--tmpfs", "/tmp"]


def closed() -> list[str]:
    """The last arguments: nothing of the room itself can be written, and no right of root is left."""
    return ["--remount-ro", "/proc", "--remount-ro", "/dev", "--remount-ro", "/", "--cap-drop", "ALL"]


def _image(root: Path) -> list[str]:
    """The folders of another system's root; what belongs to the room itself is left out."""
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
    """Own session, clean environment, resource limits and an audit hook that denies what the code may not do.

    The hook is not there for ``python -I``, which reads no PYTHONPATH: that runs the platform's own tools over files
    of the repository, imports nothing of it, and has nothing else between it and the machine.
    """

    interpreter: Interpreter = PLATFORM
    name = "limited"
    weaker_because = (
        "files of this machine stay readable, native code could pass the audit hook that denies sockets, new "
        "processes and writing outside of the tree, and git and the review's tools run without a wall around them"
    )

    def run(self, argv: Sequence[str], tree: Path, timeout: float = 120) -> Completed:
        guard = Path(__file__).parent / "limited"
        with tempfile.TemporaryDirectory(prefix="limited-") as scratch:
            env = ENVIRONMENT | {"PATH": self.interpreter.path} | self.interpreter.told
            env |= {"TMPDIR": scratch, "HOME": scratch}
            env |= {"PYTHONPATH": str(guard)}
            env["GUARDED"] = os.pathsep.join((str(root_of(tree.resolve())), os.path.realpath(scratch)))
            limits = LIMITS if shutil.which("prlimit") else ()
            folders = (tree, Path(scratch))
            inside = [*limits, *self.interpreter.program(argv)]
            return run(inside, cwd=tree, timeout=timeout, env=env, ceiling=CEILING, folders=folders)


def read_back(path: Path, limit: int = FILE_SIZE) -> str:
    """Text of a file that sandboxed code could write: empty for a link, a pipe, or what is larger than ``limit``.

    Followed, a link would read this machine's files; a pipe would be waited for without end.
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
