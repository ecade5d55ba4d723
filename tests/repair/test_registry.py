"""A new edit operator is one file, as docs/architecture.md shows: it registers itself, and order decides nothing."""

import sys
from pathlib import Path

import pytest

from core.models import Crash
from core.repair import propose
from core.repair.fixers.embedded import EmbeddedFixer
from core.repair.propose.registry import ANY, OPERATORS, Operator, load, operator, operators_for
from tests.stories.test_architecture_page import example

TEXT = example("core/repair/propose/cold_sensors.py")
PROGRAM = "def reading(sensor):\n    return check(sensor)\n"
CRASH = Crash(
    exception={"type": "sensors.ColdError", "message": "below absolute zero"},
    frames=[{"file": "sensors.py", "line": 2, "function": "reading", "code": "return check(sensor)"}],
)


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """A folder that is searched for operators like that of the repairer; what registers is gone afterwards."""
    monkeypatch.setattr(propose, "__path__", [*propose.__path__, str(tmp_path)])
    known = {kind: dict(made) for kind, made in OPERATORS.items()}
    yield tmp_path
    OPERATORS.clear()
    OPERATORS.update(known)
    sys.modules.pop("core.repair.propose.cold_sensors", None)


def proposed(repo: Path) -> list:
    (repo / "sensors.py").write_text(PROGRAM)
    return list(EmbeddedFixer().propose(repo, CRASH))


def test_an_operator_is_one_file(folder, tmp_path_factory):
    repo = tmp_path_factory.mktemp("repo")
    assert proposed(repo) == []
    (folder / "cold_sensors.py").write_text(TEXT)
    load("core.repair.propose", [str(folder)])
    [candidate] = proposed(repo)
    assert candidate.template == "cold_sensors.fahrenheit"
    assert candidate.files == {"sensors.py": PROGRAM.replace("check(sensor)", "celsius(check(sensor))")}
    assert candidate.evidence == ("the sensor's documentation says Fahrenheit",)


def test_operators_come_by_name_whatever_registers_first(folder):
    for name in ("second", "first"):

        def make(place):
            yield from ()

        make.__name__ = name
        operator("MadeUp", "Another")(make)
    general = operators_for("Unknown")  # those for every exception
    assert general == [made for _, made in sorted(OPERATORS[ANY].items())]
    names = [made.name for made in operators_for("MadeUp") if made not in general]
    assert names == ["test_registry.first", "test_registry.second"]
    assert operators_for("Another") == operators_for("MadeUp")


def test_every_file_of_the_folder_is_loaded():
    """Whatever a file registers is there once the package is imported; no file has to be named anywhere."""
    root = Path(propose.__file__).parent
    written = {path.stem for path in root.glob("*.py") if "\n@operator(" in path.read_text(encoding="utf-8")}
    registered = {made.name.split(".")[0] for by_name in OPERATORS.values() for made in by_name.values()}
    assert written == registered
    assert all(isinstance(made, Operator) for by_name in OPERATORS.values() for made in by_name.values())
