"""A real PostgreSQL for one test, on loopback, removed after it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests import kept
from tests.real import need


def programs() -> Path:
    """The folder of initdb: Debian keeps PostgreSQL's programs out of PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return Path(found[-1] if found else need("initdb")).parent


@dataclass(frozen=True)
class Server:
    """A PostgreSQL that can be stopped as by a crash, and started again."""

    address: str
    control: Sequence[str | Path]
    options: str
    log: str
    run: Callable[[Sequence], object]

    def start(self) -> None:
        self.run([*self.control, "-o", self.options, "-l", self.log, "start"])

    def stop(self) -> None:
        self.run([*self.control, "-m", "immediate", "stop"])


@contextmanager
def server() -> Iterator[Server]:
    """A running server, removed after the block. PostgreSQL refuses to run as root, so root runs it as another user."""
    folder_of = programs()
    with tempfile.TemporaryDirectory(prefix="postgres-") as folder:
        quiet = _as_its_user(Path(folder))
        data, port = f"{folder}/data", _free_port()
        subprocess.run(["cp", "-a", _initialized(), data], check=True)
        made = Server(
            f"postgresql://tests@127.0.0.1:{port}/postgres",
            [folder_of / "pg_ctl", "-D", data, "-w"],
            f"-c port={port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off",
            f"{folder}/log",
            lambda argv: subprocess.run(argv, **quiet),
        )
        made.start()
        try:
            yield made
        finally:
            made.stop()


def _as_its_user(folder: Path) -> dict:
    """How a program is run in the folder, which is its user's own."""
    own = {}
    if os.getuid() == 0:
        own = {"user": "nobody", "group": "nogroup", "extra_groups": []}
        shutil.chown(folder, "nobody", "nogroup")
    return {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": folder, "check": True, **own}


@cache
def _initialized() -> Path:
    """The data of a new server. initdb takes more than a second, so it runs once in a process."""
    folder = kept.folder("postgres")
    words = ["-D", folder / "data", "-U", "tests", "--auth=trust", "--no-sync"]
    subprocess.run([programs() / "initdb", *words], **_as_its_user(folder))
    return folder / "data"


@contextmanager
def postgres() -> Iterator[str]:
    """Its SQLAlchemy address."""
    with server() as made:
        yield made.address


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
