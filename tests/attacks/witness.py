"""Watches this process from inside: programs started, addresses called, files written, code run out of a text."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.attacks.payloads import CANARY

DEEDS = ("os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.forkpty", "pty.spawn", "subprocess.Popen",
         "socket.connect", "socket.bind", "socket.getaddrinfo", "urllib.Request", "smtplib.connect", "ctypes.dlopen",
         "pickle.find_class", "webbrowser.open", "shutil.rmtree", "os.remove", "os.rename", "os.link", "os.symlink",
         "os.chmod", "os.mkdir", "os.rmdir")  # fmt: skip
_watching: list[list[str]] = []


def _hook(event: str, args: tuple) -> None:
    if not _watching:
        return
    if event.startswith(DEEDS) or (event == "open" and _written(*args)) or (event == "exec" and _from_text(args[0])):
        _watching[-1].append(f"{event} {args!r}"[:300])


def _written(path: object, mode: object, flags: object) -> bool:
    return isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)) and not _byte_code(str(path))


def _byte_code(path: str) -> bool:
    """A module of ours that is imported for the first time is compiled beside its text."""
    return "__pycache__" in path


def _from_text(code: object) -> bool:
    """Code that was compiled from a text, as eval and exec do; dataclasses and named tuples do so for their own."""
    name = getattr(code, "co_filename", "")
    return name.startswith("<") and not name.startswith("<frozen") and _caller() not in ("dataclasses", "collections")


def _caller() -> str:
    frame = sys._getframe(3)
    return str(frame.f_globals.get("__name__", ""))


sys.addaudithook(_hook)


@contextmanager
def nothing_happens() -> Iterator[None]:
    """Fails when the block does anything that is felt outside of it."""
    CANARY.unlink(missing_ok=True)
    beside, running = set(os.listdir(tempfile.gettempdir())), _marked()
    deeds: list[str] = []
    _watching.append(deeds)
    try:
        yield
    finally:
        _watching.remove(deeds)
    assert not deeds, deeds[:5]
    assert not CANARY.exists()
    new = set(os.listdir(tempfile.gettempdir())) - beside
    assert not {name for name in new if name.startswith("attack")}
    assert _marked() <= running


def _marked() -> set[str]:
    """Processes whose command line names the canary."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes()
        except OSError:
            continue
        if CANARY.name.encode() in line and path.parent.name != str(os.getpid()):
            found.add(path.parent.name)
    return found
