"""Environments are really built with uv, from an index on the loopback, and are what a service's code runs on."""

from __future__ import annotations

import json
import os

import pytest

from core.repair.environment import environment as environments
from core.repair.environment.fault import EnvironmentFault
from core.repair.prove.proof import run_tests
from core.repair.sandbox.runner import BubblewrapRunner
from tests.environment.index import sdist, serving, wheel

COMMAND = ["python", "-m", "pytest", "-q"]
GREETING = wheel("greeting", "1.0", {"greeting.py": "def hello():\n    return 'hello'\n"})
SHOP = {
    "src/shop/__init__.py": "from greeting import hello\n",
    "tests/test_shop.py": "from shop import hello\n\n\ndef test_hello():\n    assert hello() == 'hello'\n",
    "pyproject.toml": '[project]\nname = "shop"\nversion = "1"\ndependencies = ["greeting"]\n',
}


def test_a_service_runs_its_tests_with_its_own_packages_and_none_of_the_platforms(checkout, built, judging):
    tree = checkout(SHOP | {"tests/test_alone.py": ALONE})
    with serving([GREETING, *judging]) as index:
        made = built(tree, index.url)
    told = run_tests(tree, COMMAND, BubblewrapRunner(made.interpreter))
    assert told.finished and not any(told.results.values()) and len(told.results) == 2
    assert "greeting" in made.interpreter.modules and "pydantic" not in made.interpreter.modules


ALONE = """
import importlib.util
import os


def test_the_platform_is_not_there():
    there = [name for name in ("core", "pydantic", "sqlmodel", "streamlit") if importlib.util.find_spec(name)]
    assert not there
    assert not [name for name in os.environ if "TOKEN" in name or "SECRET" in name]
"""


def test_an_environment_is_built_once_and_found_again(checkout, built, judging):
    tree = checkout(SHOP)
    with serving([GREETING, *judging]) as index:
        first, asked = built(tree, index.url), len(index.asked)
        again = built(tree, index.url)
        assert (first.found, again.found) == (False, True) and len(index.asked) == asked
        assert again.interpreter == first.interpreter
        (tree / "pyproject.toml").write_text(SHOP["pyproject.toml"].replace("greeting", "greeting==1.0"))
        assert not built(tree, index.url).found, "other manifests make another environment"
        assert not built(tree, index.url, name="other").found, "no repository gets the environment of another"


@pytest.mark.parametrize("as_json", [True, False])
def test_both_forms_of_an_index_are_read_and_its_files_come_from_another_host(checkout, built, judging, as_json):
    with serving([GREETING, *judging], as_json=as_json) as index:
        built(checkout(SHOP), index.url)
    assert {path for path in index.asked if path.startswith("/files/greeting")}


def test_the_credential_of_an_index_goes_to_it_alone_and_never_inside(checkout, built, judging):
    prints = "import os, sys\nsys.exit('SEEN ' + repr([v for v in os.environ.values() if '://' in v]))"
    tree = checkout({"requirements.txt": "leaky\n"})
    leaky = sdist("leaky", "1.0", prints)
    with (
        serving([leaky, *judging], token="Basic YW5uOnMzY3JldA==") as index,
        pytest.raises(EnvironmentFault) as fault,
    ):
        built(tree, index.url.replace("//", "//ann:s3cret@"))
    assert "SEEN ['http://127.0.0.1:" in fault.value.message and "s3cret" not in str(fault.value)
    assert "YW5uOnMzY3JldA" not in str(fault.value)
    assert {signed for which, signed in index.signed if which == "_page"} == {"Basic YW5uOnMzY3JldA=="}
    assert {signed for which, signed in index.signed if which == "_file"} == {""}


@pytest.mark.parametrize(
    ("manifest", "says", "fix"),
    [
        ("nowhere-to-be-found\n", "nowhere-to-be-found was not found in the package registry", "Check the versions"),
        ("greeting==9\n", "there is no version of greeting==9", "Check the versions"),
        ("broken\n", "the compiler is on holiday", "environment_build"),
    ],
)
def test_a_build_that_fails_says_why_in_the_words_of_uv(checkout, built, judging, manifest, says, fix):
    broken = sdist("broken", "1.0", "raise SystemExit('the compiler is on holiday')")
    with serving([GREETING, broken, *judging]) as index, pytest.raises(EnvironmentFault) as fault:
        built(checkout({"requirements.txt": manifest}), index.url)
    assert says in fault.value.message and fix in fault.value.fix


def test_an_index_that_does_not_answer_is_named(checkout, built):
    with pytest.raises(EnvironmentFault) as fault:
        built(checkout({"requirements.txt": "greeting\n"}), "http://127.0.0.1:1/simple")
    assert "127.0.0.1:1" in fault.value.fix and "PACKAGE_INDEX_URL" in fault.value.fix


def test_a_build_that_failed_leaves_nothing_and_the_next_one_succeeds(checkout, built, judging, tmp_path):
    tree = checkout(SHOP)
    with serving(judging) as index, pytest.raises(EnvironmentFault):
        built(tree, index.url)
    assert not list((tmp_path / "data" / environments.FOLDER).glob("*.json"))
    with serving([GREETING, *judging]) as index:
        assert not built(tree, index.url).found


def test_an_index_without_the_linters_costs_no_environment(checkout, built, judging, monkeypatch):
    def missing(*_):
        raise EnvironmentFault("ruff was not found in the package registry.")

    monkeypatch.setattr(environments, "_linters", missing)
    with serving([GREETING, *judging]) as index:
        made = built(checkout({"requirements.txt": "greeting\n"}), index.url)
    assert made.interpreter.linters is None and "ruff was not found in the package registry." in made.notes[-1]


def test_code_without_any_dependency_gets_pytest_alone_and_asks_no_index(checkout, built):
    tree = checkout({"shop.py": "x = 1\n", "tests/test_alone.py": ALONE})
    made = built(tree, "http://127.0.0.1:1/simple", python="")
    assert {"pytest", "coverage"} <= made.interpreter.modules and "pydantic" not in made.interpreter.modules
    told = run_tests(tree, COMMAND, BubblewrapRunner(made.interpreter))
    assert told.finished and list(told.results.values()) == [""]


def test_a_command_of_the_policy_fills_the_environment(checkout, built, judging):
    script = "uv venv -q $ENVIRONMENT && uv pip install -q --python $ENVIRONMENT greeting"
    with serving([GREETING, *judging]) as index:
        made = built(checkout({"shop.py": ""}), index.url, environment_build=["sh", "-c", script])
        assert {"greeting", "pytest"} <= made.interpreter.modules
        with pytest.raises(EnvironmentFault, match="no \\$ENVIRONMENT/bin/python"):
            built(checkout({"shop.py": ""}), index.url, environment_build=["true"])


def test_a_lock_file_pins_what_a_manifest_leaves_open(checkout, built, judging):
    newer = wheel("greeting", "2.0", {"greeting.py": "def hello():\n    return 'good day'\n"})
    poetry = (
        '[tool.poetry]\nname = "shop"\nversion = "1"\n[tool.poetry.dependencies]\npython = "^3.9"\ngreeting = "^1.0"\n'
    )
    lock = '[[package]]\nname = "greeting"\nversion = "1.0"\n'
    tree = checkout({"shop.py": "from greeting import hello\n", "pyproject.toml": poetry, "poetry.lock": lock})
    (tree / "tests").mkdir()
    (tree / "tests" / "test_shop.py").write_text(SHOP["tests/test_shop.py"])
    with serving([GREETING, newer, *judging]) as index:
        made = built(tree, index.url)
    told = run_tests(tree, COMMAND, BubblewrapRunner(made.interpreter))
    assert told.results == {"tests/test_shop.py::test_hello": ""}


def test_what_a_marker_says_is_only_believed_of_the_platform(checkout, built, judging, tmp_path):
    """A build room can write into its own folder alone; the marker of a complete environment lies beside it."""
    forge = "import glob, json, os\nopen('ready.json', 'w').write('{}')\n"
    forge += "print([open(p, 'w') for p in glob.glob('/*/*.json')], os.listdir('/'))"
    tree = checkout({"requirements.txt": "forger\n"})
    with serving([sdist("forger", "1.0", forge), *judging]) as index:
        made = built(tree, index.url)
    markers = list((tmp_path / "data" / environments.FOLDER).glob("shop-*.json"))
    assert len(markers) == 1 and json.loads(markers[0].read_text())["prefix"] and made.interpreter.python.is_symlink()
    assert os.listdir(made.interpreter.python.parents[2]) == ["venv"]
