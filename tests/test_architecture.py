"""The walls: which room may import which, who may start processes, who may speak HTTP."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tools.document_rooms import CONSOLE, ROOMS

ROOT = Path(__file__).resolve().parent.parent
SHIPPED = sorted(
    path
    for folder in ("core", "console", "pages")
    for path in (ROOT / folder).rglob("*.py")
    if "core/demo/shop/" not in path.as_posix()
)


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


def walls(top: str, rooms: dict[str, str]) -> set[tuple[str, str]]:
    """(module, imported module) of every import that violates the walls between the rooms of ``top``."""
    passed = set()
    for name, found in MODULES.items():
        room = name.split(".")[1] if name.startswith(f"{top}.") else ""
        if room in rooms:
            allowed, inside = (
                {room, *rooms[room].split()},
                {i for i in found & MODULES.keys() if i.startswith(f"{top}.")},
            )
            above = {i.rpartition(".")[0] for i in inside}  # a folder, named where one of its modules is meant
            passed |= {(name, i) for i in inside - above if i.split(".")[1] not in allowed}
    return passed


def test_the_engine_never_imports_the_screen():
    assert not {name for name in importers("streamlit") if name.startswith("core")}
    assert not {name for name in importers("console") | importers("pages") if name.startswith("core")}
    assert not {name for name in importers("pages") if name.startswith("console") and name != "console.server.main"}


def test_the_demo_is_separate():
    inside = {name for name in MODULES if name.startswith("core.demo")}
    assert importers("core.demo") - inside == set(), "the command line reaches it by name alone"
    for name in inside:
        found = {i for i in MODULES[name] if i.startswith("core.")}
        core = {i for i in found if not i.startswith(("core.demo", "core.policy", "core.settings"))}
        assert not core, f"{name} imports {core}"


@pytest.mark.parametrize(
    ("library", "allowed"),
    [
        (
            "subprocess",
            {"core.vendors.command", "core.repair.sandbox.servers_inside"},
        ),  # the latter runs in the sandbox
        ("httpx", {"core.vendors.http", "core.vendors.bodies", "core.vendors.response_cache"}),  # its two parts
        ("hishel", {"core.vendors.response_cache"}),
        ("redis", {"core.vendors.response_cache"}),
        ("boto3", {"core.vendors.cloudwatch"}),
        ("openai", {"core.vendors.openai"}),
        ("kubernetes", {"core.vendors.delivery.cluster"}),
    ],
)
def test_one_module_for_each_outward_call(library, allowed):
    assert {name for name in importers(library) if not name.startswith("core.demo")} <= allowed


def test_every_import_respects_the_walls():
    assert walls("core", ROOMS) | walls("console", CONSOLE) == set()


@pytest.mark.parametrize("rooms", [ROOMS, CONSOLE], ids=["core", "console"])
def test_the_imports_run_one_way(rooms):
    order = list(rooms)
    for room, allowed in rooms.items():
        assert set(allowed.split()) <= set(order[: order.index(room)]), room


@pytest.mark.parametrize(
    ("top", "rooms"), [("core", {**ROOMS, "demo": ""}), ("console", CONSOLE)], ids=["core", "console"]
)
def test_every_module_has_a_room(top, rooms):
    assert {name.split(".")[1] for name in MODULES if name.startswith(f"{top}.")} == set(rooms)


def test_every_room_describes_its_contents():
    folders = {
        path.parent for path in SHIPPED if path.parts[len(ROOT.parts)] != "pages" and "limited" not in path.parts
    }
    told = {folder: ast.parse((folder / "__init__.py").read_text(encoding="utf-8")) for folder in folders}
    assert not [name_of(folder) for folder, tree in told.items() if not ast.get_docstring(tree)]


def test_the_root_of_core_is_small():
    assert len([path for path in SHIPPED if path.parent == ROOT / "core"]) <= 8


def test_class_names_are_unique():
    found: dict[str, list[str]] = {}
    for path in SHIPPED:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and path.is_relative_to(ROOT / "core"):
                found.setdefault(node.name, []).append(name_of(path))
    assert not {name: homes for name, homes in found.items() if len(homes) > 1}
