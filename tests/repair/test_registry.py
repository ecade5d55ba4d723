"""A new template is one file, as docs/architecture.md shows: it registers itself, and order decides nothing."""

import sys
from pathlib import Path

import pytest

from core.models import Crash
from core.repair import propose
from core.repair.fixers.embedded import EmbeddedFixer
from core.repair.propose.registry import TEMPLATES, Template, load, template, templates_for
from tests.stories.test_architecture_page import example

TEMPLATE = example("core/repair/propose/cold_sensors.py")
PROGRAM = "def reading(sensor):\n    return check(sensor)\n"
CRASH = Crash(
    exception={"type": "sensors.ColdError", "message": "below absolute zero"},
    frames=[{"file": "sensors.py", "line": 2, "function": "reading", "code": "return check(sensor)"}],
)


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """A folder that is searched for templates like that of the repairer; what registers is gone afterwards."""
    monkeypatch.setattr(propose, "__path__", [*propose.__path__, str(tmp_path)])
    known = {kind: dict(made) for kind, made in TEMPLATES.items()}
    yield tmp_path
    TEMPLATES.clear()
    TEMPLATES.update(known)
    sys.modules.pop("core.repair.propose.cold_sensors", None)


def proposed(repo: Path) -> list:
    (repo / "sensors.py").write_text(PROGRAM)
    return list(EmbeddedFixer().propose(repo, CRASH))


def test_a_template_is_one_file(folder, tmp_path_factory):
    repo = tmp_path_factory.mktemp("repo")
    assert proposed(repo) == []
    (folder / "cold_sensors.py").write_text(TEMPLATE)
    load("core.repair.propose", [str(folder)])
    [candidate] = proposed(repo)
    assert candidate.template == "cold_sensors.fahrenheit"
    assert candidate.files == {"sensors.py": PROGRAM.replace("check(sensor)", "celsius(check(sensor))")}
    assert candidate.evidence == ("the sensor's documentation says Fahrenheit",)


def test_templates_come_by_name_whatever_registers_first(folder):
    for name in ("second", "first"):

        def make(place):
            yield from ()

        make.__name__ = name
        template("MadeUp", "Another")(make)
    assert [made.name for made in templates_for("MadeUp")] == ["test_registry.first", "test_registry.second"]
    assert templates_for("Another") == templates_for("MadeUp")
    assert templates_for("Unknown") == []


def test_every_file_of_the_folder_is_loaded():
    """Whatever a file registers is there once the package is imported; no file has to be named anywhere."""
    root = Path(propose.__file__).parent
    written = {path.stem for path in root.glob("*.py") if "\n@template(" in path.read_text(encoding="utf-8")}
    registered = {made.name.split(".")[0] for by_name in TEMPLATES.values() for made in by_name.values()}
    assert written == registered
    assert all(isinstance(made, Template) for by_name in TEMPLATES.values() for made in by_name.values())
