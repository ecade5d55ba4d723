"""Dependencies that git or an address gives: what is refused, in which words, and what works in place of them."""

from __future__ import annotations

import io
import tarfile

import pytest

from core.repair.environment.fault import EnvironmentFault
from tests.environment.index import sdist, serving, wheel
from tests.environment.test_build import GREETING, SHOP

GIT = "greeting @ git+https://ann:s3cret@git.example/acme/greeting.git@v1"
PROJECT = '[project]\nname = "shop"\nversion = "1"\n'
REFUSED = {
    "requirements": {"requirements.txt": f"flask\n{GIT}\n"},
    "a bare address": {"requirements.txt": "git+https://ann:s3cret@git.example/acme/greeting.git#egg=greeting\n"},
    "an editable one": {"requirements.txt": "-e git+ssh://git@git.example/acme/greeting.git\n"},
    "a file that includes another": {"requirements.txt": "-r more.txt\n", "more.txt": f"{GIT}\n"},
    "a wheel": {"requirements.txt": "greeting @ https://git.example/acme/greeting-1.0-py3-none-any.whl\n"},
    "pyproject": {"pyproject.toml": f'{PROJECT}dependencies = ["{GIT}"]\n'},
    "a group for tests": {"pyproject.toml": f'{PROJECT}[dependency-groups]\ntest = ["{GIT}"]\n'},
    "a source of uv": {
        "pyproject.toml": f'{PROJECT}dependencies = ["greeting"]\n'
        '[tool.uv.sources]\ngreeting = { git = "https://git.example/acme/greeting" }\n'
    },
    "a lock of uv": {
        "pyproject.toml": SHOP["pyproject.toml"],
        "uv.lock": '[[package]]\nname = "greeting"\nsource = { git = "https://git.example/acme/greeting?rev=v1" }\n',
    },
    "Poetry": {
        "pyproject.toml": '[tool.poetry]\nname = "shop"\nversion = "1"\n[tool.poetry.dependencies]\n'
        'greeting = { git = "https://git.example/acme/greeting" }\n'
    },
    "a marker without a meaning": {"requirements.txt": f"{GIT} ; os_name ~= 'x'\n"},
    "a marker of lock files": {"requirements.txt": f"{GIT} ; 'test' in extras\n"},
    "Pipenv": {"Pipfile": '[packages]\ngreeting = { git = "https://git.example/acme/greeting" }\n'},
}


@pytest.mark.parametrize("case", REFUSED)
def test_it_is_refused_by_name_before_anything_is_built(checkout, built, judging, case):
    with serving([GREETING, *judging]) as index, pytest.raises(EnvironmentFault) as fault:
        built(checkout(REFUSED[case]), index.url)
    assert "greeting" in fault.value.message and "git.example/acme" in fault.value.message and not index.asked
    assert "PACKAGE_INDEX_URL" in fault.value.fix and "environment_build" in fault.value.fix
    assert "s3cret" not in fault.value.message


def unpacked(package: tuple[str, bytes], place: str) -> dict[str, str]:
    """The files of a source distribution in a folder."""
    with tarfile.open(fileobj=io.BytesIO(package[1])) as archive:
        names = [name for name in archive.getnames() if not name.endswith("/")]
        return {f"{place}/{name.partition('/')[2]}": archive.extractfile(name).read().decode() for name in names}


ALLOWED = {
    "one for another system": {
        "requirements.txt": "greeting\nother @ git+https://x.example/a ; sys_platform == 'win32'\n"
    },
    "an extra that is not installed": {
        "pyproject.toml": f'{PROJECT}dependencies = ["greeting"]\n'
        '[project.optional-dependencies]\ndocs = ["theme @ git+https://x.example/theme"]\n'
    },
    "a folder of the repository": {
        "requirements.txt": "./libs/greeting\n",
        **unpacked(sdist("greeting", "1.0", ""), "libs/greeting"),
    },
}


@pytest.mark.parametrize("case", ALLOWED)
def test_what_works(checkout, built, judging, case):
    with serving([GREETING, *judging]) as index:
        assert "greeting" in built(checkout(ALLOWED[case]), index.url).interpreter.modules


def test_a_package_of_the_index_that_needs_git_says_what_to_do(checkout, built, judging):
    told = "Metadata-Version: 2.1\nName: needy\nVersion: 1.0\nRequires-Dist: hidden @ git+https://git.example/h.git\n"
    needy = wheel("needy", "1.0", {"needy.py": ""}, told)
    with serving([needy, *judging]) as index, pytest.raises(EnvironmentFault) as fault:
        built(checkout({"requirements.txt": "needy\n"}), index.url)
    assert "hidden" in fault.value.message and "on an index" in fault.value.fix, (fault.value.message, fault.value.fix)
