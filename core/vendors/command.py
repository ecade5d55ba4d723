"""The only module that starts processes.

Commands are argument lists, never shell text. Each runs in its own session, so that at the deadline the whole process
tree is killed; the output until then is kept.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from core.vendors import git_settings

QUIET = {"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8"}


@dataclass(frozen=True)
class Completed:
    """``code`` is the exit status, None at the deadline; the output is truncated to ``limit`` characters.

    ``stopped`` names the ceiling that the command exceeded, empty if none.
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
    """The limits of a command and all processes that it started; if one is exceeded, the whole tree is killed.

    The limits are checked every LOOK seconds from outside, because RLIMIT_NPROC does not apply to root, and limits of
    single processes do not limit their sum. ``tasks`` are processes and their threads, ``memory`` is resident bytes,
    ``output`` is printed bytes. ``disk`` and ``files`` limit the writable folders: bytes on disk, including deleted
    files that are still open, and directory entries. ``spare`` is the free space in bytes that must remain on their
    disk.
    """

    tasks: int = 64
    memory: int = 3 << 30
    output: int = 64 << 20
    disk: int = 2 << 30
    files: int = 200_000
    spare: int = 128 << 20


LOOK = 0.02
WALK = 0.3  # minimum seconds between two walks of the folders; at least WALKS times the last walk's duration
WALKS = 4
FEW = 32  # held at the end; in a sandbox the first of them takes all others with it, and a bomb must not be counted
GONE = 5.0  # seconds that a killed process may take to end
PAGE = os.sysconf("SC_PAGE_SIZE")


class CommandError(Exception):
    """A command failed; the message contains the end of its output."""


class Unreachable(CommandError):
    """A git remote is unreachable or refused access. A retry may help."""


def run(
    argv: Sequence[str],
    *,
    cwd: Path | str | None = None,
    timeout: float = 60,
    env: Mapping[str, str] | None = None,
    input: str | None = None,
    limit: int = 200_000,
    ceiling: Ceiling | None = None,
    folders: Sequence[Path] = (),
    pass_fds: Sequence[int] = (),
    errors: str = "replace",
) -> Completed:
    """Run ``argv`` with exactly ``env`` (default: only PATH and LANG, so that no secret is inherited).

    The ceiling's ``disk`` and ``files`` count ``folders``. ``errors`` is the decoding policy for output that is not
    UTF-8. Raises OSError (ENOSPC) when a command with a ceiling failed on a disk that others have filled.
    """
    started = time.monotonic()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, tempfile.TemporaryFile() as stdin:
        if input:
            stdin.write(input.encode("utf-8", "surrogateescape"))
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
            look = _looking(process.pid, ceiling, (out, err), folders) if ceiling else None
            code, stopped = _wait(process, started + timeout, look)
        finally:
            _end(process)
        if ceiling and code != 0:
            _check_disk(folders, ceiling)
        return Completed(
            code, _text(out, limit, errors), _text(err, limit, errors), time.monotonic() - started, stopped
        )


def _check_disk(folders: Sequence[Path], ceiling: Ceiling) -> None:
    """Raises OSError if the disk is nearly full even without the command's own files, after it ended.

    If the command itself filled the disk, that is its own fault, and its files are in its folders.
    """
    if reason := _disk_low(folders, ceiling):
        left = sum(found.st_blocks * 512 for found in _entries(folders))
        if _disk_low(folders, replace(ceiling, spare=ceiling.spare - left)):
            raise OSError(errno.ENOSPC, reason)


def _wait(process: subprocess.Popen, deadline: float, look: Callable[[], str] | None) -> tuple[int | None, str]:
    """(exit status, "") if the command ended; (None, "") at the deadline; (None, reason) if it exceeded a ceiling."""
    with contextlib.ExitStack() as held:
        ended = _ending(process, held)
        while (left := deadline - time.monotonic()) > 0:
            if (code := ended(min(left, LOOK) if look else left)) is not None:
                return code, ""
            if look and (why := look()):
                return -signal.SIGKILL, why
    return None, ""


def _ending(process: subprocess.Popen, held: contextlib.ExitStack) -> Callable[[float], int | None]:
    """Wait at most ``seconds`` for the exit status: woken by the kernel if possible, else by polling."""
    if (fd := _held(process.pid, held)) is not None:
        return lambda seconds: process.poll() if _wait_for(fd, seconds) else None

    def tried(seconds: float) -> int | None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.wait(seconds)
        return None

    return tried


def _looking(pid: int, ceiling: Ceiling, printed, folders: Sequence[Path]) -> Callable[[], str]:
    """A function that returns at each call why the command must stop; it walks the folders less often."""
    due = time.monotonic() + WALK

    def look() -> str:
        nonlocal due
        if why := _beyond(pid, ceiling, printed) or _disk_low(folders, ceiling):
            return why
        if (began := time.monotonic()) < due or not folders:
            return ""
        why = _overfull(pid, ceiling, folders)
        due = time.monotonic() + max(WALK, WALKS * (time.monotonic() - began))
        return why

    return look


def _disk_low(folders: Sequence[Path], ceiling: Ceiling) -> str:
    """Stop the command when the disk is nearly full, whatever filled it (e.g. a mapped file without a name)."""
    free = min((disk.f_bavail * disk.f_frsize for disk in map(os.statvfs, folders)), default=ceiling.spare)
    return f"less than {ceiling.spare >> 20} MB of the disk are free" if free < ceiling.spare else ""


def _overfull(pid: int, ceiling: Ceiling, folders: Sequence[Path]) -> str:
    size, count = _nameless(pid, ceiling.tasks), 0
    for found in _entries(folders):
        size, count = size + found.st_blocks * 512, count + 1
        if count > ceiling.files:
            return f"more than {ceiling.files} files in the folder that it may write"
        if size > ceiling.disk:
            break
    return f"more than {ceiling.disk >> 20} MB in the folder that it may write" if size > ceiling.disk else ""


def _entries(folders: Sequence[Path]) -> Iterator[os.stat_result]:
    """All entries in and below the folders; links are not followed, and vanished entries are skipped."""
    todo = [os.fspath(folder) for folder in folders]
    while todo:
        with contextlib.suppress(OSError), os.scandir(todo.pop()) as entries:
            for entry in entries:
                with contextlib.suppress(OSError):
                    if entry.is_dir(follow_symlinks=False):
                        todo.append(entry.path)
                    yield entry.stat(follow_symlinks=False)


def _nameless(pid: int, most: int) -> int:
    """Bytes of deleted files that the command's processes still hold open, which no walk finds."""
    found: dict[tuple[int, int], int] = {}
    for process in descendants(pid, most):
        with contextlib.suppress(OSError), os.scandir(f"/proc/{process}/fd") as held:
            for entry in held:
                with contextlib.suppress(OSError):
                    status = os.stat(entry.path)
                    if stat.S_ISREG(status.st_mode) and not status.st_nlink:
                        found[status.st_dev, status.st_ino] = status.st_blocks * 512
    return sum(found.values())


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
    """The process and its descendants, at most ``most``, each with its number of threads; empty without /proc."""
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
    """Kill the remaining descendants of the process, even outside of its session, and wait until they have ended."""
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
    """Wait at most GONE seconds until the process has ended; return at once if that cannot be determined."""
    with contextlib.ExitStack() as held:
        if (fd := _held(pid, held)) is not None:
            _wait_for(fd)


def _wait_for(fd: int, seconds: float = GONE) -> bool:
    """Has the process of this descriptor ended within the given seconds?"""
    gone = select.poll()
    gone.register(fd, select.POLLIN)
    return bool(gone.poll(seconds * 1000))


def _held(pid: int, held: contextlib.ExitStack) -> int | None:
    """A descriptor of the process, which never refers to another process with a reused number."""
    with contextlib.suppress(OSError, AttributeError):  # already ended, or a system without descriptors
        fd = os.pidfd_open(pid)
        held.callback(os.close, fd)
        return fd
    return None


def _text(file, limit: int, errors: str = "replace") -> str:
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - limit))
    return file.read(limit).decode("utf-8", errors)


def check(argv: Sequence[str], **kw) -> str:
    """The standard output of a command. Raises CommandError if it fails."""
    return succeeded(argv, run(argv, **kw))


def succeeded(argv: Sequence[str], done: Completed) -> str:
    """The standard output of a completed command. Raises CommandError if it failed."""
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
    """Run git in ``repo`` with the settings of git_settings.py, outside of any sandbox.

    For untrusted checkouts use core/repair/sandbox/checkout.py.
    """
    variables = QUIET | git_settings.environment() | dict(env or {})
    return check(["git", *args], cwd=repo, env=variables, timeout=timeout, input=input)
