"""Writes the tables of rooms into docs/architecture.md: ``python tools/document_rooms.py``.

Tests hold the walls between the rooms, and that the tables are current.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "architecture.md"
# A room of core, or a file at its root, and what it may import. Each imports only what stands above it.
ROOMS = {
    "models": "",
    "db": "models",
    "policy": "models db",
    "settings": "policy",
    "signals": "models policy settings",
    "vendors": "models policy settings signals",
    "inputs": "models db policy settings signals vendors",
    "repair": "models policy settings vendors",
    "runtime": "policy settings vendors repair",
    "ops": "models db policy settings vendors inputs runtime",
    "audit": "models db policy settings ops",
    "access": "models db policy settings audit",
    "decision": "models policy settings",
    "stages": "models db policy settings signals vendors inputs repair runtime ops audit decision",
    "flow": "models ops stages",
    "actions": "models db policy settings signals vendors runtime ops audit access stages",
    "queries": "models db policy settings signals inputs ops audit access decision stages actions",
    "bootstrap": "policy settings signals vendors inputs repair runtime ops",
    "setup": "models db policy settings vendors inputs repair runtime audit access stages actions bootstrap",
    "scheduler": "models db policy settings inputs runtime ops audit stages flow bootstrap",
    "cli": "models db policy settings signals vendors inputs repair runtime ops audit access decision stages flow "
    "actions queries bootstrap",
    "__main__": "models db policy settings audit access decision actions queries bootstrap scheduler cli",
}
# The same of the console; all of it may import core, but the engine only when it starts one.
CONSOLE = {
    "process": "",
    "changes": "",
    "access": "",
    "ui": "access changes",
    "parts": "process access ui",
    "page": "access ui parts",
    "server": "process changes access ui parts page",
}


def says(place: Path) -> str:
    """The first sentence of a module's docstring."""
    text = ast.get_docstring(ast.parse(place.read_text(encoding="utf-8"))) or ""
    return re.split(r"(?<=\.)\s|\n\n", text.strip())[0].replace("\n", " ").rstrip(".")


def lines(place: Path) -> int:
    files = place.rglob("*.py") if place.is_dir() else [place]
    return sum(path.read_text(encoding="utf-8").count("\n") for path in files if "demo/shop/" not in path.as_posix())


def table(top: str, rooms: Mapping[str, str]) -> str:
    rows = ["| room | what it does | lines | may import |", "| --- | --- | --- | --- |"]
    for room, above in rooms.items():
        folder = ROOT / top / room
        place = folder if folder.is_dir() else folder.with_suffix(".py")
        what = says(place / "__init__.py" if place.is_dir() else place)
        allowed = ", ".join(f"`{name}`" for name in above.split()) or "-"
        rows.append(f"| `{top}/{place.name}` | {what} | {lines(place):,} | {allowed} |")
    return "\n".join(rows)


def documented(text: str) -> str:
    for top, rooms in (("core", {**ROOMS, "demo": ""}), ("console", CONSOLE)):
        block = f"<!-- {top} -->\n{table(top, rooms)}\n<!-- /{top} -->"
        text = re.sub(rf"<!-- {top} -->.*?<!-- /{top} -->", lambda _, block=block: block, text, flags=re.S)
    return text


if __name__ == "__main__":
    PAGE.write_text(documented(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
