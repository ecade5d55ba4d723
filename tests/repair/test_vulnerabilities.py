"""The gate of known vulnerabilities: what manifests name, what a change brings, what it says when nobody was asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.policy.sections import OsvRules
from core.policy.services import Repository
from core.stages.review import gates, manifests, vulnerabilities
from core.vendors.advisories import Vulnerability
from core.vendors.base import VendorError
from core.vendors.command import git
from tests.stories.world import PlainRunner

POETRY = """
[[package]]
name = "Jinja2"
version = "2.11.2"
[[package]]
name = "mirrored"
version = "1.0"
[package.source]
type = "legacy"
url = "https://mirror.example/simple"
[[package]]
name = "forked"
version = "1.0"
[package.source]
type = "git"
url = "https://git.example/forked.git"
"""
UV = """
version = 1
[[package]]
name = "shop"
version = "0.1.0"
source = { editable = "." }
[[package]]
name = "pyyaml"
version = "5.3.1"
source = { registry = "https://pypi.org/simple" }
[[package]]
name = "forked"
version = "1.0"
source = { git = "https://git.example/forked.git" }
"""
PYLOCK = """
lock-version = "1.0"
[[packages]]
name = "pyyaml"
version = "5.3.1"
[[packages]]
name = "forked"
[packages.vcs]
type = "git"
[[packages]]
name = "part"
[packages.directory]
path = "part"
"""
PROJECT = """
[project]
dependencies = ["Flask==2.0.1", "numpy>=1.20", "local @ file:///x"]
[project.optional-dependencies]
fast = ["orjson == 3.9.0"]
[dependency-groups]
dev = ["pytest==8.0.0", { include-group = "other" }]
[tool.poetry.dependencies]
python = "^3.11"
requests = "^2.31"
urllib3 = "1.26.18"
part = { path = "part" }
django = { version = "==4.2.1", extras = ["x"] }
"""
LISTED = """
# a comment
Sentry_SDK==2.7.1  # pinned
jinja2[i18n] == 2.11.2 ; python_version > "3" --hash=sha256:ab \\
    --hash=sha256:cd
torch===2.0.1+cu118
numpy>=1.20
six
exact-minor==1.*
-e .
./part
--index-url https://mirror.example/simple
"""
PIPFILE = '[packages]\nflask = "==2.0.1"\nsix = "*"\n[dev-packages]\npytest = {version = "==8.0.0"}\n'
PIPFILE_LOCK = '{"_meta": {}, "default": {"flask": {"version": "==2.0.1"}, "forked": {"git": "x"}}, "develop": {}}'
SETUP = "[metadata]\nname = shop\n[options]\ninstall_requires =\n    flask==2.0.1\n    six\n"

MANIFESTS = {  # name: (text, what it pins, what it names without a version)
    "requirements.txt": (
        LISTED,
        {"sentry-sdk": "2.7.1", "jinja2": "2.11.2", "torch": "2.0.1"},
        "numpy six exact-minor",
    ),
    "requirements/dev.txt": ("pytest==8.0.0\n", {"pytest": "8.0.0"}, ""),
    "pyproject.toml": (
        PROJECT,
        {"flask": "2.0.1", "orjson": "3.9.0", "pytest": "8.0.0", "urllib3": "1.26.18", "django": "4.2.1"},
        "numpy local requests",
    ),
    "setup.cfg": (SETUP, {"flask": "2.0.1"}, "six"),
    "setup.py": ("from setuptools import setup\nsetup()\n", {}, ""),
    "Pipfile": (PIPFILE, {"flask": "2.0.1", "pytest": "8.0.0"}, "six"),
    "Pipfile.lock": (PIPFILE_LOCK, {"flask": "2.0.1"}, "forked"),
    "poetry.lock": (POETRY, {"jinja2": "2.11.2", "mirrored": "1.0"}, "forked"),
    "uv.lock": (UV, {"pyyaml": "5.3.1"}, "forked"),
    "pylock.toml": (PYLOCK, {"pyyaml": "5.3.1"}, "forked"),
}


@pytest.mark.parametrize("path", MANIFESTS)
def test_what_a_manifest_names(path):
    text, pinned, loose = MANIFESTS[path]
    found = manifests.read({path: text})
    assert dict(found.pinned) == {pin: path for pin in pinned.items()}
    assert found.loose.get(path, []) == loose.split() and not found.unread
    assert manifests.is_manifest(path) and manifests.is_manifest(f"services/shop/{path}")


UNREAD = {  # manifests that make no sense, and what is said of them
    "half a lock": ("uv.lock", '[[package]]\nname = "x"\nvers', "cannot be read"),
    "a lock that is none": ("uv.lock", "package = 3", "cannot be read"),
    "a row without a name": ("poetry.lock", '[[package]]\nversion = "1"', "cannot be read"),
    "JSON that is none": ("Pipfile.lock", "[]", "cannot be read"),
    "deep JSON": ("Pipfile.lock", "[" * 100_000, "cannot be read"),
    "a program": ("setup.py", "setup(install_requires=['x'])", "cannot be read"),
    "too much": ("requirements.txt", "x" * (manifests.LARGEST + 1), "cannot be read"),
    "an address": ("requirements.txt", "git+https://git.example/x\nsix==1.0\n", "has entries that cannot be read (1)"),
    "no version": ("uv.lock", '[[package]]\nname = "x"\nversion = "latest; rm"', "cannot be read (1)"),
    "a version without end": ("requirements.txt", f"six=={'1' * 9000}\n", "cannot be read (1)"),
    "a name without end": ("requirements.txt", f"{'x' * 9000}==1\n", "cannot be read (1)"),
    "a specifier without end": ("requirements.txt", "six" + ",".join(["==1"] * 500_000), "cannot be read (1)"),
    "a broken specifier": ("requirements.txt", "six==1.0.*.2\nsix==\n", "cannot be read (2)"),
    "blank lines without end": ("requirements.txt", "\n" * 1_000_000 + "-r x", "includes a file"),
    "no name": ("uv.lock", '[[package]]\nname = "../x"\nversion = "1"', "cannot be read (1)"),
    "another list": ("requirements.txt", "-r more/deps.txt\n", "includes a file that is not read"),
}


@pytest.mark.parametrize("name", UNREAD)
def test_what_makes_no_sense_is_named(name):
    path, text, says = UNREAD[name]
    found = manifests.read({path: text, "requirements-dev.txt": "good==1.0\n"})
    assert says in found.unread[path] and ("good", "1.0") in found.pinned


def test_a_list_that_is_read_may_be_included_and_a_lock_pins_what_a_range_leaves_open():
    held = {"requirements/dev.txt": "-r ../requirements.txt\n", "requirements.txt": "flask\n-c constraints.txt\n"}
    found = manifests.read(held | {"constraints.txt": "flask==2.0.1\n"})
    assert not found.unread and not found.loose and set(found.pinned) == {("flask", "2.0.1")}


def test_only_files_of_the_repository_are_read(tmp_path):
    (tmp_path / "outside.txt").write_text("secret==1.0\n")
    tree = tmp_path / "tree"
    for path in ("requirements.txt", "services/shop/uv.lock", "services/requirements.txt", "examples/requirements.txt"):
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_text("six==1.0\n")
    (tree / "requirements-link.txt").symlink_to(tmp_path / "outside.txt")
    (tree / "requirements").symlink_to(tmp_path)
    assert list(manifests.texts(tree, ["services/shop"])) == [
        "requirements.txt",
        "services/requirements.txt",
        "services/shop/uv.lock",
    ]


# --- the gate over real changes

LOCK = "requests==2.31.0\npyyaml==5.3.1\ntoolkit==1.0\nnumpy>=1.20\nacme-core==1.0\n"
CODE = "import pyyaml_free\nimport requests\n\n\ndef f():\n    return requests\n"
FLAWS = {
    ("requests", "2.31.0"): [Vulnerability("GHSA-9wx4", ("CVE-2024-35195",), "No check", "MODERATE", ("2.32.2",))],
    ("pyyaml", "5.3.1"): [Vulnerability("GHSA-8q59", (), "Bad input", "CRITICAL", ("5.4",))],
    ("pyyaml", "5.3.0"): [Vulnerability("PYSEC-142", ("GHSA-8q59",)), Vulnerability("GHSA-older")],
    ("toolkit", "1.0"): [Vulnerability("GHSA-toolkit")],
    ("jinja2", "2.11.2"): [Vulnerability("GHSA-g3rq", (), "ReDoS", "", ())],
}


class Service:
    name, where = "osv", "api.osv.dev"

    def __init__(self, fault: VendorError | None = None):
        self.fault, self.asked = fault, set()

    def known(self, pins):
        self.asked = set(pins)
        if self.fault:
            raise self.fault
        return {pin: FLAWS[pin] for pin in pins if pin in FLAWS}


def new(code: str) -> dict[str, str]:
    return {"shop/app.py": CODE.replace("import requests\n", f"import requests\n{code}\n")}


CHANGES = {  # name: (changed files, passed, done, what the gate says, what else is told as notes)
    "nothing new": (
        {"shop/app.py": CODE.replace("return requests", "return requests or None")},
        True,
        True,
        "checked 3 pinned packages; the change adds no known vulnerability; 3 known before the change: GHSA-8q59, GHSA",
        "GHSA-8q59 (CRITICAL; fixed in 5.4): Bad input; not pinned, not scanned: numpy",
    ),
    "a vulnerable package": (
        new("import yaml"),
        False,
        True,
        "pyyaml 5.3.1, newly imported, has GHSA-8q59 (CRITICAL; fixed in 5.4); 2 known before the change: GHSA-9wx4",
        "",
    ),
    "a vulnerable package by one of its parts": (new("from yaml.loader import X"), False, True, "has GHSA-8q59", ""),
    "a package that the program had": (
        {"shop/other.py": "import requests\n"},
        True,
        True,
        "the change adds no known vulnerability",
        "requests 2.31.0 has GHSA-9wx4 (MODERATE, CVE-2024-35195; fixed in 2.32.2): No check",
    ),
    "an import that a test brings": ({"tests/test_x.py": "import yaml\n"}, True, True,
         "adds no known vulnerability", ""),
    "a package without a version": (
        new("import numpy"), False, False, "numpy is newly imported and not pinned, so it was not scanned", "",
    ),
    "a module of its own": (new("import toolkit"), True, True, "adds no known vulnerability", ""),
    "the standard library": (new("import json"), True, True, "adds no known vulnerability", ""),
    "a package of one's own": (new("import acme_core"), True, True, "adds no known", "never sent, not scanned: acme"),
    "a version without the flaw": (
        {"requirements.txt": LOCK.replace("pyyaml==5.3.1", "pyyaml==5.4")},
        True,
        True,
        "2 known before the change: GHSA-9wx4",
        "",
    ),
    "a version with the flaw of the old one and another": (
        {"requirements.txt": LOCK.replace("pyyaml==5.3.1", "pyyaml==5.3.0")},
        False,
        True,
        "pyyaml 5.3.0 has GHSA-older (not rated; no fixed version is known); 3 known before the change",
        "PYSEC-142",
    ),
    "another package": (
        {"requirements.txt": LOCK + "jinja2==2.11.2\n"}, False, True, "jinja2 2.11.2 has GHSA-g3rq", "GHSA-9wx4",
    ),
    "another manifest": ({"uv.lock": POETRY}, False, True, "jinja2 2.11.2 has GHSA-g3rq", ""),
    "fewer packages": ({"requirements.txt": "six==1.0\n"}, True, True, "checked 1 pinned package; the change", ""),
    "a broken manifest": ({"uv.lock": "[["}, True, True, "adds no known", "uv.lock cannot be read: not scanned"),
}  # fmt: skip


@pytest.fixture(scope="module")
def repository(tmp_path_factory) -> Path:
    tree = tmp_path_factory.mktemp("audit") / "tree"
    files = {"requirements.txt": LOCK, "shop/app.py": CODE, "shop/toolkit.py": "", "shop/other.py": "",
             "tests/test_x.py": "", "tests/test_yaml.py": "import yaml\n"}  # fmt: skip
    for path, text in files.items():
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_text(text)
    git(tree, "init", "-q")
    git(tree, "add", "-A")
    git(tree, "commit", "-qm", "x")
    return tree


RULES = OsvRules(private=["ACME_*"])


def judged(tree: Path, files: dict[str, str], service, rules: OsvRules = RULES) -> gates.Gate:
    base = git(tree, "rev-parse", "HEAD").strip()
    for path, text in files.items():
        (tree / path).write_text(text)
    git(tree, "add", "-A")
    git(tree, "commit", "-qm", "change")
    diff = git(tree, "diff", "-U0", base, "HEAD")
    try:
        before = gates.texts_before(lambda *a: git(tree, *a), base, diff)
        on = vulnerabilities.stand(tree, diff, before, Repository(remote="", source=["shop"]), rules, PlainRunner())
    finally:
        git(tree, "reset", "-q", "--hard", base)
    return vulnerabilities.gate(on, service, rules)


@pytest.mark.parametrize("name", CHANGES)
def test_what_a_change_brings_fails_and_what_was_there_is_noted(name, repository):
    files, passed, done, says, noted = CHANGES[name]
    service = Service()
    found = judged(repository, files, service)
    assert (found.passed, found.done) == (passed, done), found.message
    assert says in found.message, found.message
    notes = "; ".join(f.message for f in found.findings if f.severity == "note")
    assert all(part in notes for part in noted.split("; ")), notes
    faults = [f.message for f in found.findings if f.severity != "note"]
    assert bool(faults) == (not passed and done) and found.value == len(faults)
    assert not any(name.startswith("acme") for name, _ in service.asked)


FAULT = VendorError("osv", "could not be reached at api.osv.dev: refused")
UNASKED = {  # name: (changed files, service, rules, passed, what is said)
    "off": (new("import json"), None, RULES, True, "connected (OSV_URL); the change imports no new package"),
    "off, a new package": (new("import yaml"), None, RULES, True, "not scanned: no advisory service is connected"),
    "out of reach": (new("import json"), Service(FAULT), RULES, True, "osv: could not be reached at api.osv"),
    "out of reach, ask": (new(""), Service(FAULT), OsvRules(unscanned="ask"), False, "not scanned: osv: could not be"),
    "out of reach, a new package": (new("import yaml"), Service(FAULT), RULES, False, "newly imports pyyaml"),
    "no pin": ({"requirements.txt": "six\n"}, Service(), RULES, True, "not scanned: no manifest pins a version"),
    "no pin, a new package": (
        {"requirements.txt": "six\n", **new("import six")}, Service(), RULES, False, "the change newly imports six",
    ),
    "no pin, an unnamed package": (
        {"requirements.txt": "", **new("import six")}, Service(), RULES, False, "the change newly imports six",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", UNASKED)
def test_what_nobody_could_scan_is_never_a_hidden_success(name, repository):
    files, service, rules, passed, says = UNASKED[name]
    found = judged(repository, files, service, rules)
    assert (found.passed, found.done, found.value) == (passed, False, None)
    assert found.message.startswith("not scanned: ") and says in found.message, found.message
    assert found.as_json()["done"] is False
