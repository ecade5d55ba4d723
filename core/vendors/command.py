"""The only place that starts a process.

Commands are argument lists, never shell text. Each runs in a session of its own, so that at the
deadline the whole tree is killed; what it had printed by then is kept.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

QUIET = {"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8"}


@dataclass(frozen=True)
class Completed:
    """``code`` is None when the deadline came first; the texts are cut at ``limit`` characters.

    ``stopped`` says which ceiling the command went beyond, empty when none.
    """

    code: int | None
    stdout: str
    stderr: str
    seconds: float
    stopped: str = ""

    @property
    def ok(self) -> bool:
        return self.code == 0

    @property
    def timed_out(self) -> bool:
        return self.code is None


@dataclass(frozen=True)
class Ceiling:
    """What a command and all that it started may use together; beyond it the whole tree is killed.

    It is looked at every LOOK seconds from outside: the kernel counts RLIMIT_NPROC for everyone but root, and
    no limit of a single process bounds the sum. ``tasks`` are processes and their threads, ``memory`` is
    resident bytes, ``output`` is bytes printed.
    """

    tasks: int = 64
    memory: int = 3 << 30
    output: int = 64 << 20


LOOK = 0.02
FEW = 32  # held at the end; in a sandbox the first of them takes all others with it, and a bomb must not be counted
GONE = 5.0  # seconds that a killed process may take to be gone
PAGE = os.sysconf("SC_PAGE_SIZE")


class CommandError(Exception):
    """A command that had to succeed did not; the message holds the end of what it printed."""


def run(
    argv: Sequence[str],
    *,
    cwd: Path | str | None = None,
    timeout: float = 60,
    env: Mapping[str, str] | None = None,
    input: str | None = None,
    limit: int = 200_000,
    ceiling: Ceiling | None = None,
    pass_fds: Sequence[int] = (),
) -> Completed:
    """Run ``argv`` with exactly ``env`` (default: PATH and LANG alone, so that no secret is inherited)."""
    started = time.monotonic()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, tempfile.TemporaryFile() as stdin:
        if input:
            stdin.write(input.encode())
            stdin.seek(0)
        process = subprocess.Popen(
            [str(a) for a in argv],
            cwd=cwd,
            env=dict(QUIET if env is None else env),
            stdin=stdin,
            stdout=out,
            stderr=err,
            start_new_session=True,
            pass_fds=pass_fds,
        )
        try:
            code, stopped = _wait(process, started + timeout, ceiling, (out, err))
        finally:
            _end(process)
        return Completed(code, _text(out, limit), _text(err, limit), time.monotonic() - started, stopped)


def _wait(process: subprocess.Popen, deadline: float, ceiling: Ceiling | None, printed) -> tuple[int | None, str]:
    """(exit status, "") of a command that ended by itself; (None, "") at the deadline; else why it has to stop."""
    while (left := deadline - time.monotonic()) > 0:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.wait(min(left, LOOK) if ceiling else left), ""
        if ceiling and (why := _beyond(process.pid, ceiling, printed)):
            return -signal.SIGKILL, why
    return None, ""


def _beyond(pid: int, ceiling: Ceiling, printed) -> str:
    tree = descendants(pid, ceiling.tasks + 1)
    if (tasks := sum(tree.values())) > ceiling.tasks:
        return f"{tasks} processes and threads, {ceiling.tasks} are allowed"
    if sum(map(_resident, tree)) > ceiling.memory:
        return f"more than {ceiling.memory >> 20} MB of memory"
    if sum(os.fstat(file.fileno()).st_size for file in printed) > ceiling.output:
        return f"more than {ceiling.output >> 20} MB of output"
    return ""


def descendants(pid: int, most: int) -> dict[int, int]:
    """The process and those below it, at most so many, each with its number of threads; empty without a /proc."""
    found: dict[int, int] = {}
    todo = [pid]
    while todo and len(found) < most:
        current = todo.pop()
        with contextlib.suppress(OSError):
            threads = os.listdir(f"/proc/{current}/task")
            found[current] = len(threads)
            for thread in threads:
                children = Path(f"/proc/{current}/task/{thread}/children").read_text(encoding="ascii")
                todo += map(int, children.split())
    return found


def _resident(pid: int) -> int:
    with contextlib.suppress(OSError, IndexError):
        return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * PAGE
    return 0


def _end(process: subprocess.Popen) -> None:
    """Kill what is left below the process, also what has left its session, and wait until it is gone."""
    with contextlib.ExitStack() as held:
        left = [fd for pid in descendants(process.pid, FEW) if (fd := _held(pid, held)) is not None]
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        for fd in left:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                signal.pidfd_send_signal(fd, signal.SIGKILL)
        process.wait()
        for fd in left:
            _wait_for(fd)


def wait_gone(pid: int) -> None:
    """Wait, GONE seconds at most, until the process has ended; at once where that cannot be asked."""
    with contextlib.ExitStack() as held:
        if (fd := _held(pid, held)) is not None:
            _wait_for(fd)


def _wait_for(fd: int) -> None:
    gone = select.poll()
    gone.register(fd, select.POLLIN)
    gone.poll(GONE * 1000)


def _held(pid: int, held: contextlib.ExitStack) -> int | None:
    """A descriptor of the process, so that never another one that got its number is meant."""
    with contextlib.suppress(OSError, AttributeError):  # gone already, or a system without them
        fd = os.pidfd_open(pid)
        held.callback(os.close, fd)
        return fd
    return None


def _text(file, limit: int) -> str:
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - limit))
    return file.read(limit).decode("utf-8", "replace")


def check(argv: Sequence[str], **kw) -> str:
    """Standard output of a command that has to succeed. Raises CommandError."""
    done = run(argv, **kw)
    if not done.ok:
        how = "ran out of time" if done.timed_out else f"ended with {done.code}"
        printed = (done.stderr or done.stdout).strip()[-800:]
        raise CommandError(f"{' '.join(map(str, argv[:3]))} {how}: {printed}")
    return done.stdout


def git(
    repo: Path | str,
    *args: str,
    timeout: float = 60,
    env: Mapping[str, str] | None = None,
    input: str | None = None,
) -> str:
    """git in ``repo`` with hooks off, no prompts, and no configuration of this machine's user."""
    quiet = dict(
        QUIET,
        GIT_TERMINAL_PROMPT="0",
        GIT_CONFIG_NOSYSTEM="1",
        GIT_CONFIG_GLOBAL=os.devnull,
        GIT_AUTHOR_NAME="DevOps Intelligence Platform",
        GIT_AUTHOR_EMAIL="platform@localhost",
        GIT_COMMITTER_NAME="DevOps Intelligence Platform",
        GIT_COMMITTER_EMAIL="platform@localhost",
    )
    return check(
        ["git", "-c", f"core.hooksPath={os.devnull}", "-c", "protocol.ext.allow=never", *args],
        cwd=repo,
        env=quiet | dict(env or {}),
        timeout=timeout,
        input=input,
    )
