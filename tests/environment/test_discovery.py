"""What a checkout says of itself is read from its files, whatever tool its people use."""

from __future__ import annotations

import pytest

from core.policy.services import Repository
from core.repair.environment.discovery import discover, filled
from core.repair.environment.fault import EnvironmentFault
from core.repair.environment.needs_inside import range_of, requirement
from core.repair.sandbox.runner import BubblewrapRunner

TEST = {"tests/test_a.py": "def test_a():\n    pass\n"}
LAYOUTS = {
    "loose modules": ({"shop.py": "", **TEST}, (".", ["."], "tests")),
    "a package": ({"shop/__init__.py": "", "setup.py": "", **TEST}, (".", ["shop"], "tests")),
    "src": ({"src/shop/__init__.py": "", "src/shop/a.py": "", **TEST}, (".", ["src"], "tests")),
    "tests inside of the package": (
        {"shop/__init__.py": "", "shop/tests/test_a.py": "", "shop/tests/test_b.py": ""},
        (".", ["shop"], "shop/tests"),
    ),
    "another name in pytest.ini": (
        {"a/__init__.py": "", "pytest.ini": "[pytest]\ntestpaths = checks\n", "checks/test_a.py": "", **TEST},
        (".", ["a"], "checks"),
    ),
    "another name in pyproject.toml": (
        {"a/__init__.py": "", "pyproject.toml": '[tool.pytest.ini_options]\ntestpaths = ["qa"]\n', "qa/test_a.py": ""},
        (".", ["a"], "qa"),
    ),
    "another name in setup.cfg": (
        {"a/__init__.py": "", "setup.cfg": "[tool:pytest]\ntestpaths = qa other\n", "qa/test_a.py": ""},
        (".", ["a"], "qa"),
    ),
    "another name in tox.ini": (
        {"a/__init__.py": "", "tox.ini": "[pytest]\ntestpaths =\n    qa  # ours\n", "qa/test_a.py": ""},
        (".", ["a"], "qa"),
    ),
    "one service below the root": (
        {"README.md": "", "services/orders/requirements.txt": "", "services/orders/app/__init__.py": "",
         "services/orders/tests/test_a.py": ""},
        ("services/orders", ["app"], "tests"),
    ),
    "one folder that is no package": (
        {"backend/shop/__init__.py": "", "README.md": "", **TEST}, (".", ["backend"], "tests"),
    ),
    "a folder that the build names": (
        {"lib/shop/__init__.py": "", "tools/x.py": "", "setup.cfg": "[options]\npackage_dir =\n    = lib\n", **TEST},
        (".", ["lib"], "tests"),
    ),
    "several services below the root": (
        {"a/requirements.txt": "", "b/requirements.txt": "", "a/x.py": "", "b/x.py": ""}, (".", ["."], "tests"),
    ),
}  # fmt: skip
PYPROJECT = """
[project]
name = "shop"
requires-python = ">=3.10"
dependencies = ["flask"]
[project.optional-dependencies]
test = ["pytest"]
docs = ["sphinx"]
[dependency-groups]
dev = ["mypy"]
lint = ["ruff"]
[build-system]
requires = ["hatchling"]
"""
NEEDS = {
    "nothing": ({"shop.py": ""}, {"lines": [], "files": [], "project": "", "read": []}),
    "requirements": (
        {"requirements.txt": "-r requirements/base.txt\n", "requirements/base.txt": "flask\n",
         "requirements-dev.txt": "", "requirements/docs.txt": "sphinx\n", "requirements-gpu.txt": "torch\n"},
        {"files": ["./requirements.txt", "./requirements/base.txt", "./requirements-dev.txt"], "project": ""},
    ),
    "pyproject": ({"pyproject.toml": PYPROJECT}, {"extras": ["test"], "groups": ["dev"], "project": "pyproject.toml",
                                                  "editable": True, "wishes": [(">=3.10", "pyproject.toml")]}),
    "uv": ({"pyproject.toml": PYPROJECT, "uv.lock": "", "requirements.txt": "x\n"}, {"uv_lock": ".", "files": []}),
    "poetry": (
        {"pyproject.toml": '[tool.poetry]\nname = "s"\n[tool.poetry.dependencies]\npython = "^3.10"\nflask = "^2.1"\n'
                           'gone = { version = "1", optional = true }\n'
                           '[tool.poetry.group.dev.dependencies]\nmypy = "*"\n'
                           '[tool.poetry.group.docs.dependencies]\nsphinx = "*"\n',
         "poetry.lock": '[[package]]\nname = "flask"\nversion = "2.2"\n[[package]]\nname = "two"\nversion = "1"\n'
                        '[[package]]\nname = "two"\nversion = "2"\n'},
        {"lines": ["flask>=2.1,<3", "mypy"], "pins": ["flask==2.2"], "wishes": [(">=3.10,<4", "pyproject.toml")]},
    ),
    "pdm": ({"pyproject.toml": '[project]\nname = "s"\n[tool.pdm.dev-dependencies]\ntest = ["nose"]\n',
             "pdm.lock": '[[package]]\nname = "nose"\nversion = "1.3"\n'}, {"lines": ["nose"], "pins": ["nose==1.3"]}),
    "pipenv": (
        {"Pipfile": '[packages]\nflask = "*"\n'
                    'x = { version = ">=2", extras = ["a", "b"], markers = "os_name == \'nt\'" }\n'
                    '[dev-packages]\nnose = "==1.3"\n[requires]\npython_version = "3.11"\n',
         "Pipfile.lock": '{"default": {"flask": {"version": "==2.2"}}, "develop": {"nose": {"version": "==1.3"}}}'},
        {"lines": ["flask", "x[a,b]>=2 ; (os_name == 'nt')", "nose==1.3"], "pins": ["flask==2.2", "nose==1.3"],
         "wishes": [("3.11", "Pipfile")]},
    ),
    "setup.cfg": ({"setup.py": "",
                   "setup.cfg": "[options]\npython_requires = >=3.9\n[options.extras_require]\ntests = x\n"},
                  {"project": "setup.py", "extras": ["tests"], "wishes": [(">=3.9", "setup.cfg")]}),
    "tox": ({"requirements.txt": "flask\n",
             "tox.ini": "[testenv]\ndeps =\n    nose\n    -r{toxinidir}/more.txt\n    {x}\n",
             "more.txt": ""}, {"lines": ["nose"], "files": ["./requirements.txt", "./more.txt"]}),
    "hatch": ({"pyproject.toml": '[project]\nname = "s"\n[tool.hatch.envs.default]\ndependencies = ["nose"]\n'},
              {"lines": ["nose"]}),
    "a container": ({"Dockerfile": "FROM --platform=x docker.io/library/python:3.11-slim AS a\n"},
                    {"wishes": [("3.11", "Dockerfile")]}),
    "pyenv goes first": ({".python-version": "# ours\n3.12.4\n", "pyproject.toml": PYPROJECT},
                         {"wishes": [("3.12.4", ".python-version"), (">=3.10", "pyproject.toml")]}),
    "broken manifests": ({"pyproject.toml": "[[[", "setup.cfg": "]", "Pipfile": "=", "Pipfile.lock": "[" * 100_000},
                         {"lines": [], "files": []}),
    "an integer that is too long": ({"pyproject.toml": f"a = {'9' * 5000}", "requirements.txt": "flask\n"},
                                    {"files": ["./requirements.txt"]}),
}  # fmt: skip


def found(checkout, files, **policy):
    return discover(checkout(files), Repository(remote="", **policy), BubblewrapRunner())


@pytest.mark.parametrize("case", LAYOUTS)
def test_where_source_and_tests_are(checkout, case):
    files, (folder, source, tests) = LAYOUTS[case]
    made = filled(Repository(remote=""), found(checkout, files))
    assert (made.folder, made.source, made.tests) == (folder, source, tests)


POETRY = '[tool.poetry]\nname = "s"\npackages = [{ include = "shop", from = "python" }]\n'
ROOTS = {
    "none": ({"shop/__init__.py": "", **TEST}, {}, []),
    "src": ({"src/shop/__init__.py": "", **TEST}, {}, ["src"]),
    "one that pytest is told of": (
        {"shop/__init__.py": "", "libs/more/__init__.py": "", "pytest.ini": "[pytest]\npythonpath = . libs\n"},
        {}, ["libs"],
    ),
    "one that the policy names": (
        {"backend/shop/__init__.py": "", "ops/x.py": ""}, {"source": ["backend"]}, ["backend"],
    ),
    "one that the build names": ({"python/shop/__init__.py": "", "a.py": "", "pyproject.toml": POETRY}, {}, ["python"]),
    "a package is none": ({"backend/__init__.py": "", "ops/x.py": ""}, {"source": ["backend"]}, []),
    "a folder that the code imports by its name": (
        {"app/main.py": "", "tests/test_a.py": "from app.main import x\n"}, {"source": ["app"]}, []
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", ROOTS)
def test_what_the_code_is_imported_from(checkout, case):
    files, policy, roots = ROOTS[case]
    assert found(checkout, files, **policy).layout.roots == roots


DJANGO = "os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'library.settings')\n"


@pytest.mark.parametrize(
    ("files", "settings"),
    [
        ({"manage.py": DJANGO}, "library.settings"),
        ({"manage.py": DJANGO, "pytest.ini": "[pytest]\nDJANGO_SETTINGS_MODULE = x\n"}, ""),
        ({"manage.py": "print()\n"}, ""),
    ],
)
def test_the_settings_of_django(checkout, files, settings):
    assert found(checkout, files).layout.django == settings


@pytest.mark.parametrize("case", NEEDS)
def test_what_the_code_needs(checkout, case):
    files, told = NEEDS[case]
    needs = found(checkout, files).needs.model_dump()
    assert {name: needs[name] for name in told} == told


def test_the_policy_goes_before_what_is_found(checkout):
    files = {"src/a/__init__.py": "", "src/a/b.py": "", "pyproject.toml": PYPROJECT, **TEST}
    policy = {"source": ["lib"], "tests": "qa", "extras": ["docs"], "groups": []}
    said = found(checkout, files, **policy)
    made = filled(Repository(remote="", **policy), said)
    assert (made.source, made.tests, said.needs.extras, said.needs.groups) == (["lib"], "qa", ["docs"], [])


def test_a_folder_that_is_not_there_is_named(checkout):
    with pytest.raises(EnvironmentFault, match="no folder 'services/orders'"):
        found(checkout, {"a.py": ""}, folder="services/orders")


def test_a_link_in_the_place_of_a_manifest_is_not_followed(checkout, tmp_path):
    (tmp_path / "outside.txt").write_text("from-outside\n")
    tree = checkout({"a.py": ""})
    (tree / "pyproject.toml").symlink_to(tmp_path / "outside.txt")
    assert discover(tree, Repository(remote=""), BubblewrapRunner()).needs.read == []


def test_code_of_the_checkout_is_not_executed_to_read_it(checkout):
    shadows = {f"{name}.py": "raise SystemExit('executed')\n" for name in ("json", "tomllib", "configparser", "setup")}
    assert found(checkout, shadows).folder == "."


@pytest.mark.parametrize(
    ("poetry", "pep440"),
    [
        ("^1.2.3", ">=1.2.3,<2"), ("^0.2.3", ">=0.2.3,<0.3"), ("^0.0.3", ">=0.0.3,<0.0.4"), ("^0", ">=0,<1"),
        ("~1.2.3", ">=1.2.3,<1.3"), ("~1", ">=1,<2"), ("1.2", "==1.2"), ("*", ""), (">=1,<2", ">=1,<2"),
        ("~=1.4", "~=1.4"), ("^1.0 || ^2.0", ">=1.0,<2"),
    ],
)  # fmt: skip
def test_carets_and_tildes(poetry, pep440):
    assert range_of(poetry) == pep440


def test_dependencies_with_more_than_a_version():
    assert requirement("a", {"git": "https://x/a.git"}) == ["a @ git+https://x/a.git"]
    assert requirement("a", {"path": "../a"}) == ["-e ../a"]
    assert requirement("a", {"version": "^1", "python": ">=3.9,<3.12"}) == [
        "a>=1,<2 ; (python_full_version >= '3.9') and (python_full_version < '3.12')"
    ]
