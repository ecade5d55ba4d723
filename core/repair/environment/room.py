"""The build room: the sandbox in which an environment is built; it reaches only the package index.

Build scripts of packages run in it, and so does a build command of the policy. They see the system's programs, the
interpreter, the checkout and the folder to fill. The only network access is a socket file to the index
(core/vendors/package_index.py), and there are no credentials.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from uv import find_uv_bin

from core.repair.environment.interpreters import Installed
from core.repair.sandbox.runner import behind, beyond_usr, closed, empty_room
from core.vendors import cline_inside
from core.vendors.command import Ceiling, Completed
from core.vendors.package_index import Index, IndexRelay, serving

CEILING = Ceiling(tasks=512, memory=6 << 30, disk=12 << 30, files=1_000_000, spare=1 << 30)
SECONDS = 900.0  # of one step
PORT = 8765
WAY_OUT, TOOLS, CHECKOUT = "/way-out", "/tools", "/w"
ETC = ("alternatives", "passwd", "group", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "mime.types")
ENVIRONMENT = {
    "LANG": "C.UTF-8",
    "HOME": "/tmp",
    "NO_COLOR": "1",
    "UV_NO_CONFIG": "1",
    "UV_NO_PROGRESS": "1",
    "UV_PYTHON_DOWNLOADS": "never",
    "UV_LINK_MODE": "hardlink",
    "UV_COMPILE_BYTECODE": "1",
    "UV_CONCURRENT_DOWNLOADS": "8",
    "UV_CONCURRENT_BUILDS": "2",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PIP_NO_INPUT": "1",
}


@dataclass(frozen=True)
class Room:
    """``folder`` is writable, and so is the checkout at ``tree``, which the caller restores afterwards."""

    folder: Path
    tree: Path
    inside: str
    interpreter: Installed
    relay: IndexRelay
    way_out: Path

    def run(self, argv: Sequence[str], more: Mapping[str, str] | None = None, inside: str = "") -> Completed:
        """Run a command in the service's folder, or another one, with a local port for the index."""
        for name in ("cache", "tmp"):
            (self.folder / name).mkdir(exist_ok=True)
        script = Path(cline_inside.__file__)
        command = [
            "nice",
            "-n10",
            str(self.interpreter.python),
            "-I",
            str(script),
            f"{WAY_OUT}/socket",
            str(PORT),
            *argv,
        ]
        variables = ENVIRONMENT | self._addresses() | dict(more or {})
        return behind(
            self._walls(script, inside or self.inside), command, SECONDS, variables, CEILING, [self.folder, self.tree]
        )

    def given(self, name: str, text: str) -> str:
        """Write a text that the sandbox can only read; returns its path inside."""
        (self.way_out / name).write_text(text, encoding="utf-8")
        return f"{WAY_OUT}/{name}"

    def _addresses(self) -> dict[str, str]:
        first, *others = [f"http://127.0.0.1:{PORT}/{number}/" for number in range(len(self.relay.indexes))]
        return {
            "PATH": f"{TOOLS}:{self.interpreter.python.parent}:/usr/bin:/bin",
            "TMPDIR": str(self.folder / "tmp"),
            "UV_CACHE_DIR": str(self.folder / "cache"),
            "UV_DEFAULT_INDEX": first,
            "UV_INDEX": " ".join(others),
            "PIP_INDEX_URL": first,
            "PIP_EXTRA_INDEX_URL": " ".join(others),
        }

    def _walls(self, script: Path, inside: str) -> list[str]:
        made = empty_room()
        for path in (*beyond_usr([self.interpreter.prefix]), script, *(Path("/etc", name) for name in ETC)):
            if path.exists():
                made += ["--ro-bind", str(path), str(path)]
        made += ["--ro-bind", find_uv_bin(), f"{TOOLS}/uv", "--ro-bind", str(self.way_out), WAY_OUT]
        made += ["--bind", str(self.folder), str(self.folder), "--bind", str(self.tree), CHECKOUT]
        git = self.tree / ".git"
        made += ["--tmpfs", f"{CHECKOUT}/.git"] if git.is_dir() else []
        made += ["--ro-bind", "/dev/null", f"{CHECKOUT}/.git"] if git.is_file() else []
        return [*made, "--chdir", inside, *closed(), "--uid", "65534", "--gid", "65534"]


@contextmanager
def opened(folder: Path, tree: Path, service: str, interpreter: Installed, indexes: Sequence[Index]) -> Iterator[Room]:
    """A room for one build; ``service`` is the service's folder in the checkout."""
    relay = IndexRelay(indexes)
    with tempfile.TemporaryDirectory(prefix="index-") as way_out, serving(relay, Path(way_out, "socket")):
        inside = str(Path(CHECKOUT, service))
        yield Room(folder, tree.resolve(), inside, interpreter, relay, Path(way_out))
