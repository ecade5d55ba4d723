"""A real PostgreSQL of the test's own, on loopback, gone with the test."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.real import need


def _programs() -> Path:
    """Where initdb lies: Debian keeps PostgreSQL's own programs out of PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return Path(found[-1] if found else need("initdb")).parent


@contextmanager
def postgres() -> Iterator[str]:
    """Its SQLAlchemy address. PostgreSQL refuses to run as root, so root lends it another user and its own folder."""
    programs = _programs()
    with tempfile.TemporaryDirectory(prefix="postgres-") as folder:
        own = {}
        if os.getuid() == 0:
            own = {"user": "nobody", "group": "nogroup", "extra_groups": []}
            shutil.chown(folder, "nobody", "nogroup")
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": folder, "check": True, **own}
        data, port = f"{folder}/data", _free_port()
        subprocess.run([programs / "initdb", "-D", data, "-U", "tests", "--auth=trust", "--no-sync"], **quiet)
        control = [programs / "pg_ctl", "-D", data, "-w"]
        options = f"-c port={port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off"
        subprocess.run([*control, "-o", options, "-l", f"{folder}/log", "start"], **quiet)
        try:
            yield f"postgresql://tests@127.0.0.1:{port}/postgres"
        finally:
            subprocess.run([*control, "-m", "immediate", "stop"], **quiet)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
