"""The machine of a service's team: interpreters, environments, the package index, and free ports."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache, partial
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from packaging.utils import canonicalize_name

WHEELS = Path(__file__).parent / "wheels"
UV = Path(sys.executable).parent / "uv"


class Missing(RuntimeError):
    """The machine lacks something that a story needs."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def interpreter(version: str) -> str:
    """An interpreter of this version, e.g. "3.12". Raises Missing."""
    kept = sorted((Path.home() / ".pyenv" / "versions").glob(f"{version}.*/bin/python"))
    for found in [shutil.which(f"python{version}"), sys.executable, *map(str, kept)]:
        if found and _version(found) == version:
            return found
    raise Missing(f"Python {version} is not installed")


def chosen(versions: Sequence[str]) -> str:
    """The first of these versions that the machine has. Raises Missing."""
    for version in versions:
        with suppress(Missing):
            interpreter(version)
            return version
    raise Missing(f"none of Python {', '.join(versions)} is installed")


@cache
def _version(python: str) -> str:
    told = "import sys; print('%d.%d' % sys.version_info[:2])"
    done = subprocess.run([python, "-c", told], capture_output=True, text=True, timeout=60)
    return done.stdout.strip()


def environment(folder: Path, versions: Sequence[str], wanted: Sequence[str], index: str = "") -> Path:
    """A virtual environment with these packages, as the team's own pipeline builds it; returns its interpreter."""
    uv(folder.parent, "venv", "--quiet", "--python", interpreter(chosen(versions)), str(folder))
    python = folder / "bin" / "python"
    if wanted:
        uv(folder.parent, "pip", "install", "--quiet", "--python", str(python), *wanted, index=index)
    return python


def uv(where: Path, *words: str, index: str = "") -> str:
    own = {"UV_DEFAULT_INDEX": index, "UV_NO_CONFIG": "1"} if index else {}
    env = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"} | own
    done = subprocess.run([UV, *words], cwd=where, env=env, capture_output=True, text=True, timeout=600)
    if done.returncode:
        raise Missing(f"uv {' '.join(words[:2])}: {done.stderr.strip()[-600:]}")
    return done.stdout


# --- a package index on loopback --------------------------------------------------------------------


class _Index(BaseHTTPRequestHandler):
    """The simple repository API (PEP 503) over a folder of wheels."""

    def __init__(self, folder: Path, *args):
        self.folder = folder
        super().__init__(*args)

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        kind, _, name = self.path.strip("/").partition("/")
        if kind == "simple" and name:
            return self._listing(canonicalize_name(name))
        if kind == "files" and (path := self.folder / Path(name).name).is_file():
            return self._answer(path.read_bytes(), "application/octet-stream")
        return self.send_error(404)

    def _listing(self, name: str) -> None:
        files = [f.name for f in sorted(self.folder.iterdir()) if canonicalize_name(f.name.split("-")[0]) == name]
        if not files:
            return self.send_error(404)
        links = "".join(f'<a href="/files/{escape(file)}">{escape(file)}</a>\n' for file in files)
        return self._answer(f"<!DOCTYPE html><html><body>{links}</body></html>".encode(), "text/html")

    def _answer(self, body: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_):
        """No access log."""


@contextmanager
def index(folder: Path = WHEELS) -> Iterator[str]:
    """The address of a package index that holds these wheels and nothing else."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Index, folder)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/simple"
        finally:
            server.shutdown()
