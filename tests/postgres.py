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
from pathlib import Path

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
        own = {}
        if os.getuid() == 0:
            own = {"user": "nobody", "group": "nogroup", "extra_groups": []}
            shutil.chown(folder, "nobody", "nogroup")
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": folder, "check": True, **own}
        data, port = f"{folder}/data", _free_port()
        subprocess.run([folder_of / "initdb", "-D", data, "-U", "tests", "--auth=trust", "--no-sync"], **quiet)
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


@contextmanager
def postgres() -> Iterator[str]:
    """Its SQLAlchemy address."""
    with server() as made:
        yield made.address


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
