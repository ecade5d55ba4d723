"""The walls: who may import whom, who may start processes, who may speak HTTP."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SHIPPED = sorted(
    path
    for folder in ("core", "console", "pages")
    for path in (ROOT / folder).rglob("*.py")
    if "core/sandbox/shop/" not in path.as_posix()
)
ORDER = ["models", "settings", "vendors", "signals", "repair", "stages", "flow", "actions", "scheduler"]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".").removesuffix(".__init__")


def imports_of(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


MODULES = {name_of(path): imports_of(path) for path in SHIPPED}


def importers(prefix: str) -> set[str]:
    return {name for name, found in MODULES.items() if any(i == prefix or i.startswith(prefix + ".") for i in found)}


def test_the_engine_never_imports_the_screen():
    assert not {name for name in importers("streamlit") if name.startswith("core")}
    assert not {name for name in importers("console") | importers("pages") if name.startswith("core")}
    assert not {name for name in importers("pages") if name.startswith("console") and name != "console.main"}


def test_the_sandbox_stands_apart():
    inside = {name for name in MODULES if name.startswith("core.sandbox")}
    assert importers("core.sandbox") - inside == set(), "the command line reaches it by name alone"
    for name in inside:
        found = {i for i in MODULES[name] if i.startswith("core.")}
        core = {i for i in found if not i.startswith(("core.sandbox", "core.settings"))}
        assert not core, f"{name} imports {core}"


@pytest.mark.parametrize(
    ("library", "allowed"),
    [
        ("subprocess", {"core.vendors.command"}),
        ("httpx", {"core.vendors.http"}),
        ("boto3", {"core.vendors.cloudwatch"}),
        ("openai", {"core.vendors.openai"}),
    ],
)
def test_one_door_for_each_way_out(library, allowed):
    assert {name for name in importers(library) if not name.startswith("core.sandbox")} <= allowed


def test_rooms_import_downwards_only():
    for name, found in MODULES.items():
        parts = name.split(".")
        if parts[0] != "core" or len(parts) < 2 or parts[1] not in ORDER:
            continue
        above = ORDER[ORDER.index(parts[1]) + 1 :]
        upward = {i for i in found if i.startswith("core.") and i.split(".")[1] in above}
        assert not upward, f"{name} imports {upward}"
