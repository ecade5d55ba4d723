"""Temporary test servers in the sandbox next to the code, and their URLs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

INSIDE = Path(__file__).with_name("servers_inside.py")
ETC = Path(__file__).with_name("etc")
AT = "/servers"
URLS = {"postgresql": "postgresql://postgres@127.0.0.1:5432/test", "redis": "redis://127.0.0.1:6379/0"}
MORE = {"postgresql": {"PGHOST": "127.0.0.1", "PGUSER": "postgres", "PGDATABASE": "test"}}
PORTS = {"postgresql": 5432, "redis": 6379}
POSTGRESQL = ("listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off", "full_page_writes=off")
POSTGRESQL += ("synchronous_commit=off", "shared_buffers=16MB", "max_connections=30", "autovacuum=off", "jit=off")


@dataclass(frozen=True)
class Server:
    """``program`` is its executable, ``template`` a folder with its initial data; ``variable`` gets its URL."""

    name: str
    program: Path
    variable: str
    template: Path | None = None

    @property
    def argv(self) -> list[str]:
        folder = f"/tmp/.{self.name}"
        if self.name == "postgresql":
            return [str(self.program), "-D", folder, *[word for one in POSTGRESQL for word in ("-c", one)]]
        words = ["--bind", "127.0.0.1", "--port", str(PORTS[self.name]), "--dir", folder]
        return [str(self.program), *words, "--save", "", "--appendonly", "no"]

    def asked(self) -> dict:
        template = f"{AT}/{self.name}" if self.template else ""
        place = {"template": template, "folder": f"/tmp/.{self.name}"}
        return {"name": self.name, "port": PORTS[self.name], "argv": self.argv, **place}


def named_user() -> list[str]:
    """Bubblewrap's arguments that give the user in the sandbox a name, which PostgreSQL requires."""
    return [part for name in ("passwd", "group") for part in ("--ro-bind", str(ETC / name), f"/etc/{name}")]


@dataclass(frozen=True)
class Servers:
    """The servers of one service; none by default."""

    all: tuple[Server, ...] = ()

    @property
    def variables(self) -> dict[str, str]:
        found = {name: value for one in self.all for name, value in MORE.get(one.name, {}).items()}
        return found | {one.variable: URLS[one.name] for one in self.all}

    def around(self, python: Path, argv: Sequence[str]) -> list[str]:
        """The command, preceded by the start of the servers."""
        if not self.all:
            return list(argv)
        script = INSIDE.read_text(encoding="utf-8")
        return [str(python), "-I", "-c", script, json.dumps([one.asked() for one in self.all]), *argv]

    def walls(self) -> list[str]:
        """Bubblewrap's arguments for the files that the servers read."""
        made = named_user() if self.all else []
        for one in self.all:
            made += ["--ro-bind", str(one.template), f"{AT}/{one.name}"] if one.template else []
        return made


NONE = Servers()
