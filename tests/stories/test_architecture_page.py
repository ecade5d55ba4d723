"""docs/architecture.md: its tables are current, its paths are the ones that calls take, and its examples work."""

from __future__ import annotations

import inspect
import re
import sys
from datetime import UTC, datetime
from importlib import import_module
from types import FunctionType, ModuleType

import httpx
import pytest

from console import process
from console.page import declared
from core.actions import registry
from core.cli import actions as commands
from core.db import store
from core.models import Status
from core.stages import collect, group
from core.vendors import registry as vendors
from core.vendors.http import Http
from core.vendors.registry import Use, _for
from tests import scenes, screens
from tests.pages.conftest import console  # noqa: F401 - a fixture
from tests.stories.test_flow import ended
from tests.vendors.test_fixtures import Replay, Sentry
from tests.who import by
from tools import document_rooms

ROOT = document_rooms.ROOT
TEXT = document_rooms.PAGE.read_text(encoding="utf-8")
PLACE = re.compile(r"^\d+\. `(?P<file>[\w/.]+)` `(?P<name>[\w.]+)`: ", re.M)


def test_the_tables_are_current():
    lines = re.compile(r"\| [\d,]+ \|")  # they change with each edit
    assert lines.sub("", document_rooms.documented(TEXT)) == lines.sub("", TEXT), "run python tools/document_rooms.py"


# --- the two paths ------------------------------------------------------------------------------------


def path_of(title: str) -> list[tuple[str, str]]:
    """(file, qualified name) of each place below a heading."""
    part = TEXT.split(f"## {title}\n")[1].split("\n## ")[0]
    return [(found["file"], found["name"]) for found in PLACE.finditer(part)]


def function(file: str, name: str) -> FunctionType:
    """The function itself, below its decorators."""
    found = import_module(file.removesuffix(".py").replace("/", "."))
    for part in name.split("."):
        found = getattr(found, part)
    return inspect.unwrap(found)


def _passed(number):
    """The code that takes the place of a function's: it notes the call, and calls the function as it was."""
    source = f"def passed(*args, **kwargs):\n    return __import__('{__name__}').noted({number}, args, kwargs)\n"
    made: dict = {}
    exec(source.replace(f"__import__('{__name__}')", f"__import__('sys').modules['{__name__}']"), made)
    return made["passed"].__code__


made_calls: list[tuple[str, str]] = []
originals: list[tuple[tuple[str, str], FunctionType]] = []


def noted(number: int, args: tuple, kwargs: dict):
    place, original = originals[number]
    made_calls.append(place)
    return original(*args, **kwargs)


@pytest.fixture
def calls(monkeypatch):
    """Follow the functions of a path: ``calls(path)`` gives their calls in order, whoever makes them."""
    sys.modules.setdefault(__name__, sys.modules.get(__name__) or ModuleType(__name__)).noted = noted

    def follow(path: list[tuple[str, str]]) -> list[tuple[str, str]]:
        for place in path:
            found = function(*place)
            copy = FunctionType(found.__code__, found.__globals__, found.__name__, found.__defaults__)
            copy.__kwdefaults__ = found.__kwdefaults__
            originals.append((place, copy))
            monkeypatch.setattr(found, "__code__", _passed(len(originals) - 1))
            monkeypatch.setattr(found, "__defaults__", None)
            monkeypatch.setattr(found, "__kwdefaults__", None)
        return made_calls

    made_calls.clear()
    return follow


def follows(path: list[tuple[str, str]], made: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The places of the path that were not called in its order."""
    rest = iter(made)
    return [place for place in path if place not in rest]


def test_the_path_of_a_signal(world, calls):
    path = path_of("The path of one signal")
    assert 0 < len(path) <= 12
    made = calls(path)
    w = world()
    replay = Replay("sentry/event_default_no_exception.json")
    row = {
        "id": "7",
        "count": "3",
        "title": "boom",
        "lastSeen": datetime.now(UTC).isoformat(),
        "project": {"slug": "web"},
    }
    replay.replies.insert(0, {"status": 200, "headers": {}, "body": [row]})
    w.rt.sources = [*w.rt.sources, Sentry(replay.http, "acme")]
    collector = collect.Collector()
    collector.round(w.rt)
    collector.close()
    group.group_new(w.rt)
    group.start_new(w.rt)
    assert ended(w, w.issue(), Status.RESOLVED, Status.ESCALATED).status is Status.RESOLVED
    assert follows(path, made) == []


def test_the_path_of_a_click_on_approve(world, calls):
    path = path_of("The path of a click on Approve")
    assert 0 < len(path) <= 12
    made = calls(path)
    w = world()
    issue_id = w.issue("checkout")
    ended(w, issue_id, Status.AWAITING_APPROVAL)
    process.configure(w.settings)
    screens.people()
    at = screens.visit("issues", "approver", issue=issue_id)
    at = next(b for b in at.button if b.key.startswith("approve-")).click().run()
    next(b for b in at.button if b.key.startswith("do-")).click().run()
    ended(w, issue_id, Status.RESOLVED)
    assert follows(path, made) == []


# --- the examples -------------------------------------------------------------------------------------


def example(path: str) -> str:
    """The code block that begins with this path."""
    return re.search(rf"```python\n# {re.escape(path)}\n(.*?)```", TEXT, re.S).group(1)


def module(path: str) -> ModuleType:
    """The example as the module that it would be."""
    made = ModuleType(path.removesuffix(".py").replace("/", "."))
    sys.modules[made.__name__] = made
    exec(compile(example(path), path, "exec"), made.__dict__)
    return made


@pytest.fixture(autouse=True)
def clean():
    """No example is left behind."""
    before, actions = set(sys.modules), dict(registry.registry())
    yield
    for name in [name for name in sys.modules if name not in before and name.startswith("core.")]:
        if not getattr(sys.modules[name], "__file__", None):
            del sys.modules[name]
    registry.registry().clear()
    registry.registry().update(actions)


def test_a_new_action_is_one_file(console):  # noqa: F811
    module("core/actions/remark.py")
    assert commands.commands()["remark"].takes == "text (str)"
    with store.write() as session:
        issue = scenes.story(session, Status.ESCALATED)
    done = registry.registry()["remark"].run(issue.id, actor=by("bob"), text="the disk was full", key="k")
    assert (done.done, done.message) == (True, "The remark is kept.")


def test_a_new_vendor_is_one_file_and_one_line(console, monkeypatch):  # noqa: F811
    made = module("core/vendors/statuspage.py")
    row = {"id": "i-1", "at": "2026-01-01T10:00:00+00:00", "title": "Login is slow"}
    answer = httpx.MockTransport(lambda _request: httpx.Response(200, json=[row]))
    monkeypatch.setattr(
        made, "build", lambda _s: made.StatusPage(Http("statuspage", "https://s.example.com", transport=answer))
    )
    monkeypatch.setitem(vendors.CONNECTORS, "statuspage", _for(made.build, Use.SOURCE))
    [source] = [one for one in vendors.sources(console) if one.name == "statuspage"]
    assert collect.read(source)["records"] == 1
    assert dict(vendors.checks(console))["statuspage"].ok


def test_a_new_page_is_one_file(tmp_path):
    for path in (ROOT / "pages").glob("*.py"):
        (tmp_path / path.name).write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "workers.py").write_text(example("pages/workers.py"), encoding="utf-8")
    found = declared(tmp_path)
    assert [(one.name, one.title, one.right) for one in found][-3:] == [
        ("workers", "Workers", "operate"),
        ("people", "People", "administer"),
        ("documentation", "Documentation", "view"),
    ]
