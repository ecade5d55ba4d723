"""Runs in the sandbox, needs_inside.py in front: where a checkout keeps its service, its source and its tests."""

import json
import os
import re
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:  # it stands in front of the script
    from core.repair.environment.needs_inside import ini, needs, requirement_files, rows, table, toml, words

HIDDEN = {"node_modules", "venv", "env", "build", "dist", "site-packages", "docs", "doc", "examples"}
TESTS = re.compile(r"test_.*\.py|.*_test\.py|tests\.py")
TEST_FOLDERS = ("tests", "test", "testing")
DEEPEST, MOST = 4, 5000  # levels of folders, and folders, that are looked at


def folders(top):
    """(path from the checkout's root, names of files) of each folder, outer ones first."""
    for seen, (place, inner, files) in enumerate(os.walk(top)):
        path = os.path.normpath(place)
        depth = 0 if path == os.path.normpath(top) else os.path.relpath(path, top).count(os.sep) + 1
        inner[:] = sorted(n for n in inner if n not in HIDDEN and not n.startswith(".")) if depth < DEEPEST else []
        if seen > MOST:
            return
        yield path, files


def is_service(place, files):
    """Whether a folder describes a program of its own."""
    described = {"setup.py", "setup.cfg", "Pipfile"} & set(files) or requirement_files(place)
    project = toml(os.path.join(place, "pyproject.toml")) if "pyproject.toml" in files else {}
    return bool(described or "project" in project or "poetry" in table(project, "tool"))


def service_folder():
    """The root, unless the one program of the checkout lives below it."""
    found = [path for path, files in folders(".") if is_service(path, files)]
    loose = [
        name for name in os.listdir(".") if name.endswith(".py") or os.path.isfile(os.path.join(name, "__init__.py"))
    ]
    return found[0] if found[:1] and "." not in found and len(found) == 1 and not loose else "."


def settings(folder):
    """pytest's own settings, from the first of its places that has them, as pytest itself looks for them."""
    project = table(toml(os.path.join(folder, "pyproject.toml")), "tool", "pytest")
    places = (
        toml(os.path.join(folder, "pytest.toml")).get("pytest"),
        ini(os.path.join(folder, "pytest.ini")).get("pytest"),
        ini(os.path.join(folder, ".pytest.ini")).get("pytest"),
        project.get("ini_options") or project,
        ini(os.path.join(folder, "tox.ini")).get("pytest"),
        ini(os.path.join(folder, "setup.cfg")).get("tool:pytest"),
    )
    return next((found for found in places if found), {})


def listed(value):
    return words(value) if isinstance(value, list) else [w for row in rows(str(value or "")) for w in row.split()]


def tests_of(folder):
    """The folder of the tests, from the service's folder; empty where there is none."""
    named = [name.rstrip("/") for name in listed(settings(folder).get("testpaths"))]
    usual = [name for name in (*named, *TEST_FOLDERS) if os.path.isdir(os.path.join(folder, name))]
    if usual:
        return os.path.normpath(usual[0])
    found = {p: sum(bool(TESTS.fullmatch(f)) for f in files) for p, files in folders(folder)}
    best = max(found, key=lambda path: (found[path], -path.count(os.sep)), default="")
    return os.path.relpath(best, folder) if found.get(best) else ""


def source_of(folder, tests):
    """The folders of the source, from the service's folder."""
    if any(name.endswith(".py") for _, files in folders(os.path.join(folder, "src")) for name in files):
        return ["src"]
    packages = [
        name
        for name in sorted(os.listdir(folder))
        if name not in HIDDEN and name != tests and name not in TEST_FOLDERS and not name.startswith(".")
        and os.path.isfile(os.path.join(folder, name, "__init__.py"))
    ]  # fmt: skip
    aside = {"setup.py", "conftest.py", "manage.py", "noxfile.py", "tasks.py", "fabfile.py"}
    loose = [n for n in os.listdir(folder) if n.endswith(".py") and n not in aside and not TESTS.fullmatch(n)]
    return packages if packages and not loose else ["."]


def layout(folder):
    tests = tests_of(folder)
    paths = [name for name in listed(settings(folder).get("pythonpath")) if name not in (".", "")]
    return {"source": source_of(folder, tests), "tests": tests, "paths": paths}


def main(job, answer):
    asked = json.loads(job)
    folder = os.path.normpath(asked["folder"] or service_folder())
    if not os.path.isdir(folder):
        told = {"missing": folder}
    else:
        told = {"folder": folder, "needs": needs(folder, asked["extras"], asked["groups"]), "layout": layout(folder)}
    with open(answer, "w", encoding="utf-8") as file:
        json.dump(told, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
