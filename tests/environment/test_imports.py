"""From where a service's code is imported, and what the tests of Django need: for the tests and for the repairer."""

from __future__ import annotations

from core.policy.services import Repository
from core.repair.environment import imports
from core.repair.environment.discovery import discover
from core.repair.localize.sources import module_of, rooted
from core.repair.prove.proof import run_tests
from core.repair.sandbox.probe import Call, probe
from core.repair.sandbox.runner import BubblewrapRunner
from tests.environment.index import serving, wheel
from tests.environment.test_build import COMMAND, GREETING, SHOP


def test_a_service_is_imported_from_the_folders_that_its_files_name(checkout, built, judging):
    files = {
        "backend/shop/__init__.py": "from tools import hello\n",
        "vendored/tools.py": "from greeting import hello\n",
        "pytest.ini": "[pytest]\npythonpath = vendored\n",
        "requirements.txt": "greeting\n",
        "tests/test_shop.py": SHOP["tests/test_shop.py"],
    }
    tree = checkout(files)
    with serving([GREETING, *judging]) as index:
        made = built(tree, index.url)
    found = discover(tree, Repository(remote="", source=["backend"]), BubblewrapRunner())
    runner = BubblewrapRunner(imports.settled(made.interpreter, found))
    assert run_tests(tree, COMMAND, runner).results == {"tests/test_shop.py::test_hello": ""}
    (outcome,) = probe(tree, [Call("import shop", "shop.hello()")], runner)
    assert outcome.result == "str 'hello'", outcome
    with rooted(runner.interpreter.roots):
        assert module_of("backend/shop/__init__.py") == "shop"


def test_a_module_in_a_root_does_not_stand_in_for_one_of_the_harness(checkout):
    """The roots come onto the path after the harness has loaded its own modules."""
    tree = checkout({"backend/json.py": "raise SystemExit('executed')\n", "backend/shop.py": "x = 1\n"})
    found = discover(tree, Repository(remote="", source=["backend"]), BubblewrapRunner())
    runner = BubblewrapRunner(imports.settled(BubblewrapRunner().interpreter, found))
    assert runner.run(["python", "-P", "-c", "import json; print(json.__name__)"], tree).stdout == "json\n"


TESTS = """
import os


def test_it():
    assert os.environ["DJANGO_SETTINGS_MODULE"] == "library.settings"
"""


def test_tests_of_django_find_their_settings_and_their_files(checkout, built, judging):
    """pytest-django is added, the settings are those of manage.py, and the files those that Django looks for."""
    plugin = wheel("pytest-django", "4.9", {"pytest_django_here.py": ""})
    files = {
        "manage.py": "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'library.settings')\n",
        "library/__init__.py": "",
        "library/tests.py": TESTS,
        "requirements.txt": "greeting\n",
    }
    tree = checkout(files)
    with serving([GREETING, plugin, *judging]) as index:
        made = built(tree, index.url)
    assert "pytest_django_here" in made.interpreter.modules
    found = discover(tree, Repository(remote=""), BubblewrapRunner())
    told = run_tests(tree, COMMAND, BubblewrapRunner(imports.settled(made.interpreter, found)))
    assert told.results == {"library/tests.py::test_it": ""}
