"""The rules that a repository sets for itself: its ruff settings as data, its coverage, its documents."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from core.policy.sections import FixRules
from core.policy.services import Repository
from core.repair.sandbox.place import beside
from core.repair.sandbox.runner import BubblewrapRunner, LimitedRunner
from core.stages.review import documents, gates, ruff_settings, runtime_gates
from core.stages.review.tools import codes, looked
from core.vendors.command import CommandError, Completed
from tests.real import need_sandbox


@pytest.fixture
def sandbox():
    need_sandbox()


UNUSED = "def f(x):\n    unused = 1\n    return x\n"


def settings(tree: Path, text: str, name: str = "ruff.toml") -> ruff_settings.RuffSettings | None:
    (tree / name).write_text(text)
    return ruff_settings.of(tree, BubblewrapRunner())


def style(tree: Path, code: str, config: str, name: str = "ruff.toml") -> list[str]:
    """The style findings of a file of which every line is changed, under a repository's configuration."""
    (tree / name).write_text(config)
    (tree / "a.py").write_text(code)
    report = looked(tree, ["a.py"], BubblewrapRunner(), own=["a.py"])
    gate = gates.style(report, {"a.py": set(range(1, 99))})
    return [*(f.message.partition(":")[0] for f in gate.findings), *(["refused"] if "refused" in gate.message else [])]


@pytest.mark.usefixtures("sandbox")
@pytest.mark.parametrize(
    ("name", "text", "select", "ignore"),
    [
        (
            "ruff.toml",
            'lint.select = ["E", "D1"]\nlint.extend-select = ["I"]\nlint.ignore = ["D100"]',
            "E D1 I",
            "D100",
        ),
        ("pyproject.toml", '[tool.ruff]\nselect = ["UP"]', "UP", ""),
        (".ruff.toml", '[lint]\nselect = ["E", "--config=x", "E,F", "../E", "e501", 7, "E501 "]', "E", ""),
    ],
)
def test_what_is_read(tmp_path, name, text, select, ignore):
    found = settings(tmp_path, text, name)
    assert found and (" ".join(found.select), " ".join(found.ignore)) == (select, ignore)


@pytest.mark.usefixtures("sandbox")
@pytest.mark.parametrize(
    "text",
    ["", "x", "line-length = 100", 'select = "E"', "lint = 1", "a = " + "[" * 9000, 'select = ["E"]#' + "x" * 300_000,
     'select = ["E"]\na = ' + "9" * 5000],
    ids=["empty", "no toml", "no rules", "a text", "no table", "deep", "large", "a long integer"],
)  # fmt: skip
def test_what_is_no_configuration_is_none(tmp_path, text):
    assert settings(tmp_path, text) is None


@pytest.mark.usefixtures("sandbox")
def test_values_outside_of_the_list_do_not_become_arguments(tmp_path):
    text = """
extend = "/etc/passwd"
line-length = 99999
target-version = "py312 --fix"
[lint]
select = ["E"]
[lint.per-file-ignores]
"tests/*" = ["S101"]
"a:b" = ["E"]
"$(x)" = ["E"]
"""
    found = settings(tmp_path, text)
    assert found and found.arguments() == ["--select", "E", "--per-file-ignores", "tests/*:S101"]


@pytest.mark.usefixtures("sandbox")
@pytest.mark.parametrize("runner", [BubblewrapRunner(), LimitedRunner()], ids=lambda runner: runner.name)
def test_a_link_to_a_file_of_the_machine_is_not_read(tmp_path, runner):
    (tmp_path / "outside").write_text('select = ["E"]')
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "ruff.toml").symlink_to(tmp_path / "outside")
    assert ruff_settings.of(tree, runner) is None


@pytest.mark.usefixtures("sandbox")
def test_the_nearest_file_with_settings_counts_up_to_the_root_of_the_checkout(tmp_path):
    tree = tmp_path / "outside" / "tree"
    service = tree / "services" / "cart"
    service.mkdir(parents=True)
    beside(tree).mkdir()
    (beside(tree) / "commondir").write_text("x")
    (tmp_path / "outside" / "ruff.toml").write_text('lint.select = ["D"]')
    assert ruff_settings.of(service, BubblewrapRunner()) is None
    (tree / "pyproject.toml").write_text('[tool.ruff.lint]\nselect = ["E"]')
    found = ruff_settings.of(service, BubblewrapRunner())
    assert found and found.select == ("E",)
    (service / "pyproject.toml").write_text("[project]\n")
    (tree / "services" / "ruff.toml").write_text("lint.select = []")
    assert ruff_settings.of(service, BubblewrapRunner()) is None, "settings without a rule count, too"
    assert not list(service.glob(".desk-*"))


@pytest.mark.usefixtures("sandbox")
def test_the_engine_itself_opens_and_parses_no_settings(tmp_path, monkeypatch):
    for module, name in ((tomllib, "loads"), (tomllib, "load")):
        monkeypatch.setattr(module, name, None)
    found = settings(tmp_path, 'lint.select = ["E"]')
    assert found and found.select == ("E",)


GOOD: dict[str, Any] = {"select": ["E"], "ignore": [], "by_file": [], "line_length": 0, "target": "", "convention": ""}
GOOD["options"] = {}


class Answering:
    """A sandbox whose code was taken over: it answers what it likes."""

    name = "lying"

    def __init__(self, answer: str):
        self.answer = answer

    def run(self, argv, tree, timeout=120):
        (tree / argv[-1]).write_text(self.answer)
        return Completed(0, "", "", 0.1)


@pytest.mark.parametrize(
    "answer",
    [
        *("", "1", "[]", "{}", "[" * 100_000, " " * 2_000_000 + "null"),
        *(
            json.dumps(GOOD | change)
            for change in (
                {"select": ["E"] * 401},
                {"select": ["E" * 201]},
                {"select": [1]},
                {"by_file": [["a", "E", "F"]]},
                {"by_file": [["a", "E"]] * 201},
                {"line_length": 321},
                {"line_length": -1},
                {"target": "p" * 201},
                {"options": {"isort": "x"}},
            )
        ),
    ],
    ids=lambda text: text[:40],
)
def test_an_answer_out_of_form_is_refused(tmp_path, answer):
    with pytest.raises(CommandError, match="ruff settings could not be read"):
        ruff_settings.of(tmp_path, Answering(answer))


def test_what_an_answer_names_becomes_an_argument_only_if_ruff_could_have_it(tmp_path):
    lies = {"select": ["E", "--fix", "E,F"], "ignore": ["../x"], "by_file": [["a:b", "E"], ["a", "x"], ["t/*", "S1"]]}
    lies |= {"target": "py3 --fix", "convention": "x", "options": {"pydocstyle": 1, "nothing": 9, "isort": 2}}
    found = ruff_settings.of(tmp_path, Answering(json.dumps(GOOD | lies)))
    assert found and found.arguments() == ["--select", "E", "--per-file-ignores", "t/*:S1"]
    assert found.left_out == ("D", "I")


@pytest.mark.usefixtures("sandbox")
@pytest.mark.parametrize(
    ("code", "config", "found"),
    [
        ("def f(x):\n    return x\n", 'lint.select = ["D103"]', ["D103"]),
        ("def f(x):\n    return x\n", 'lint.select = ["D103", "GONE9", "ANN101"]', ["D103"]),
        (f"x = 1  # {'y' * 60}\n", 'line-length = 60\nlint.select = ["E501"]', ["E501"]),
        (UNUSED, 'lint.select = ["D103"]\nlint.ignore = ["D", "F841", "ALL"]\nexclude = ["a.py"]', ["F841", "D103"]),
        ("import os, sys\nprint(os, sys)\n", 'lint.select = ["I"]\n[lint.isort]\nforce-single-line = true', ["E401"]),
        ('def f(x):\n    """Twice.\n\n    Args:\n        x: it\n    """\n    return x\n',
         'lint.select = ["D2"]\nlint.pydocstyle.convention = "google"', []),
        (UNUSED, "select = 3", ["F841"]),
    ],
    ids=["its rule", "unknown rules", "its line length", "our rules stay", "unread options", "a convention", "no list"],
)  # fmt: skip
def test_the_style_of_the_repository_is_added_to_ours(tmp_path, code, config, found):
    assert sorted(style(tmp_path, code, config)) == sorted(found)


def test_only_rules_that_ruff_has_are_asked_for():
    assert "F401" in codes() and "ANN101" not in codes()


# --- coverage


@pytest.mark.usefixtures("sandbox")
@pytest.mark.parametrize(("strict", "passed"), [(False, True), (True, False)])
def test_a_strict_policy_asks_for_its_share_in_a_file_that_is_covered_less(tmp_path, strict, passed):
    (tmp_path / "tests").mkdir()
    (tmp_path / "a.py").write_text(
        "def f(x):\n    if x:\n        return 1\n    return 2\n\n\ndef g(x):\n" + "    x += 1\n" * 8
    )
    (tmp_path / "tests" / "test_a.py").write_text("from a import f\n\n\ndef test_f():\n    assert f(0) == 2\n")
    rules = FixRules(strict_coverage=strict)
    args = (tmp_path, {"a.py": {2, 3}}, Repository(remote=""), rules.coverage, BubblewrapRunner())
    gate = runtime_gates.coverage(*args, rules.strict_coverage)
    assert (gate.passed, gate.value) == (passed, 0.5)
    assert gate.limit == (0.8 if strict else round(3 / 11, 4))


# --- documents

OLD = 'def total(x):\n    """The sum."""\n    return x\n'
GONE = OLD.replace("total", "_total")
NEW = OLD + '\n\ndef mean(x):\n    """The mean."""\n    return x\n'


def documented(tree: Path, now: str, mode: documents.Mode = "block", **files: str):
    (tree / "a.py").write_text(now)
    for name, text in files.items():
        (tree / f"{name}.md").write_text(text)
    return documents.documentation(tree, {"a.py": set(range(1, 99))}, {"a.py": OLD}, mode)


@pytest.mark.parametrize(
    ("now", "files", "passed", "done", "message"),
    [
        (NEW, {}, True, True, "complete and correct"),
        (NEW, {"CHANGELOG": "## 1.1\n- `mean` is new\n"}, True, True, "complete and correct"),
        (NEW, {"CHANGELOG": "## 1.1\n- what we mean\n"}, False, False, "CHANGELOG.md does not name mean, which is new"),
        (GONE, {"README": "Call `total(x)`.\n"}, False, False, "README.md names total, which is gone"),
        (GONE, {"README": "A total.\n"}, True, True, "complete and correct"),
        (NEW.replace('    """The mean."""\n', ""), {"CHANGELOG": "x"}, False, True, "mean is new and has no docstring"),
        (OLD + "\n\nclass Box:\n    pass\n", {}, False, True, "Box is new and has no docstring"),
        (OLD + "\n\nclass _Box:\n    pass\n", {}, True, True, "complete and correct"),
    ],
)  # fmt: skip
def test_documents_of_a_change(tmp_path, now, files, passed, done, message):
    gate = documented(tmp_path, now, **files)
    assert (gate.passed, gate.done) == (passed, done)
    assert message in gate.message


def test_a_policy_may_only_warn_or_check_nothing(tmp_path):
    bare = OLD + "\n\nclass Box:\n    pass\n"
    warned = documented(tmp_path, bare, "warn")
    assert (
        warned.passed and [f.severity for f in warned.findings] == ["note"] and "1 note: Box is new" in warned.message
    )
    off = documented(tmp_path, bare, "off")
    assert off.passed and not off.findings and "fix.documentation is off" in off.message
