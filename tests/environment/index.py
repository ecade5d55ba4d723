"""A small package index on the loopback, with wheels and source distributions that the tests make."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import threading
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from core.repair.environment import alone


def wheel(name: str, version: str, files: Mapping[str, bytes | str], metadata: str = "") -> tuple[str, bytes]:
    """(file name, content) of a pure wheel with these files."""
    info = f"{name.replace('-', '_')}-{version}.dist-info"
    told = metadata or f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    whole = dict(files) | {f"{info}/METADATA": told}
    whole |= {f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"}
    whole[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in [*whole, f"{info}/RECORD"])
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for path, content in whole.items():
            archive.writestr(path, content)
    return f"{name.replace('-', '_')}-{version}-py3-none-any.whl", made.getvalue()


def sdist(name: str, version: str, setup: str, more: Mapping[str, str] | None = None) -> tuple[str, bytes]:
    """A source distribution whose own build backend (``backend.py``) runs ``setup`` and then makes a wheel."""
    pyproject = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    built_name, built = wheel(name, version, {f"{name}.py": f"version = {version!r}\n"})
    backend = f"{setup}\nimport base64, os\nWHEEL = {built.hex()!r}\n"
    backend += (
        f"def build_wheel(folder, config_settings=None, metadata_directory=None):\n"
        f"    with open(os.path.join(folder, {built_name!r}), 'wb') as file:\n"
        f"        file.write(bytes.fromhex(WHEEL))\n    return {built_name!r}\n"
    )
    top = f"{name}-{version}"
    told = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    files = {"pyproject.toml": pyproject, "backend.py": backend, "PKG-INFO": told, **(more or {})}
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        for path, text in files.items():
            entry = tarfile.TarInfo(f"{top}/{path}")
            entry.size = len(text.encode())
            archive.addfile(entry, io.BytesIO(text.encode()))
    return f"{top}.tar.gz", made.getvalue()


def installed() -> list[tuple[str, bytes]]:
    """Wheels of pytest, coverage and what they need, from the packages that run these tests, without native code."""
    found = []
    for name, one in alone.distributions().items():
        paths = [f for f in one.files or () if ".." not in f.parts and f.suffix not in (".so", ".pyc")]
        paths = [f for f in paths if not f.parts[0].endswith(".dist-info") and f.suffix != ".pth"]
        files = {str(f): Path(str(f.locate())).read_bytes() for f in paths if Path(str(f.locate())).is_file()}
        found.append(wheel(name, one.version, files, one.read_text("METADATA") or ""))
    return found


class Serving:
    """``asked`` are the paths of all requests, ``signed`` their Authorization headers. Files lie on another port."""

    def __init__(self, packages: list[tuple[str, bytes]], as_json: bool = True, token: str = ""):
        self.files, self.as_json, self.token = dict(packages), as_json, token
        self.asked, self.signed = [], []
        self.pages, self.store = self._server(self._page), self._server(self._file)

    def _server(self, answer) -> ThreadingHTTPServer:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                outer.asked.append(self.path)
                outer.signed.append((answer.__name__, self.headers.get("authorization", "")))
                status, kind, body = answer(self.path, self.headers.get("authorization", ""))
                self.send_response(status)
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_HEAD(self):
                self.send_error(405)

            def log_message(self, *_):
                pass

        return ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    def _page(self, path: str, signed: str) -> tuple[int, str, bytes]:
        if self.token and signed != self.token:
            return 401, "text/plain", b"who are you?"
        name = path.strip("/").split("/")[-1]
        own = [f for f in self.files if f.split("-")[0].replace("_", "-").lower() == name]
        if not own:
            return 404, "text/plain", b"no such package"
        where = f"http://127.0.0.1:{self.store.server_port}/files"
        if not self.as_json:
            links = "".join(f'<a href="{where}/{f}#sha256={self._sha(f)}">{f}</a>\n' for f in own)
            return 200, "text/html", f"<!DOCTYPE html><html><body>{links}</body></html>".encode()
        told = [{"filename": f, "url": f"{where}/{f}", "hashes": {"sha256": self._sha(f)}} for f in own]
        body = {"meta": {"api-version": "1.0"}, "name": name, "files": told}
        return 200, "application/vnd.pypi.simple.v1+json", json.dumps(body).encode()

    def _sha(self, name: str) -> str:
        return hashlib.sha256(self.files[name]).hexdigest()

    def _file(self, path: str, _signed: str) -> tuple[int, str, bytes]:
        found = self.files.get(path.rpartition("/")[2])
        return (200, "application/octet-stream", found) if found else (404, "text/plain", b"")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.pages.server_port}/simple"


@contextmanager
def serving(packages: list[tuple[str, bytes]], **more) -> Iterator[Serving]:
    made = Serving(packages, **more)
    for server in (made.pages, made.store):
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield made
    finally:
        for server in (made.pages, made.store):
            server.shutdown()
            server.server_close()
