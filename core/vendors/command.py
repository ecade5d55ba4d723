"""The only place that starts a process.

Commands are argument lists, never shell text. Each runs in a session of its own, so that at the
deadline the whole tree is killed; what it had printed by then is kept.
"""

from __future__ import annotations

import contextlib
import os
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
    """``code`` is None when the deadline came first; the texts are cut at ``limit`` characters."""

    code: int | None
    stdout: str
    stderr: str
    seconds: float

    @property
    def ok(self) -> bool:
        return self.code == 0

    @property
    def timed_out(self) -> bool:
        return self.code is None


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
        )
        code: int | None
        try:
            code = process.wait(timeout)
        except subprocess.TimeoutExpired:
            code = None
        finally:
            _end(process)
        return Completed(code, _text(out, limit), _text(err, limit), time.monotonic() - started)


def _end(process: subprocess.Popen) -> None:
    """Kill what is left of the session, also children that outlived their parent."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


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
