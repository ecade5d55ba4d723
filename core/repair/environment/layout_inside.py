"""Runs in the sandbox after needs_inside.py: finds the folders of a checkout's service, source and tests."""

import json
import os
import re
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:  # prepended to this script
    from core.repair.environment.needs_inside import ini, needs, requirement_files, rows, table, text, toml, words

HIDDEN = {"node_modules", "venv", "env", "build", "dist", "site-packages", "docs", "doc", "examples"}
TESTS = re.compile(r"test_.*\.py|.*_test\.py|tests\.py")
TEST_FOLDERS = ("tests", "test", "testing")
DEEPEST, MOST = 4, 5000  # maximum depth, and number, of folders that are searched


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
    """Does the folder have the manifest of a program?"""
    described = {"setup.py", "setup.cfg", "Pipfile"} & set(files) or requirement_files(place)
    project = toml(os.path.join(place, "pyproject.toml")) if "pyproject.toml" in files else {}
    return bool(described or "project" in project or "poetry" in table(project, "tool"))


def service_folder():
    """The folder of the service: the root, unless the checkout's only program is in a folder below it."""
    found = [path for path, files in folders(".") if is_service(path, files)]
    loose = [
        name for name in os.listdir(".") if name.endswith(".py") or os.path.isfile(os.path.join(name, "__init__.py"))
    ]
    return found[0] if found[:1] and "." not in found and len(found) == 1 and not loose else "."


def settings(folder):
    """pytest's settings, from the first file that has them, in pytest's own order."""
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
    """The folder of the tests, relative to the service's folder; empty if there is none."""
    named = [name.rstrip("/") for name in listed(settings(folder).get("testpaths"))]
    usual = [name for name in (*named, *TEST_FOLDERS) if os.path.isdir(os.path.join(folder, name))]
    if usual:
        return os.path.normpath(usual[0])
    found = {p: sum(bool(TESTS.fullmatch(f)) for f in files) for p, files in folders(folder)}
    best = max(found, key=lambda path: (found[path], -path.count(os.sep)), default="")
    return os.path.relpath(best, folder) if found.get(best) else ""


def source_of(folder, tests):
    """The folders of the source, relative to the service's folder."""
    if has_code(folder, "src"):
        return ["src"]
    if named := declared(folder):
        return named
    packages = [
        name
        for name in sorted(os.listdir(folder))
        if name not in HIDDEN and name != tests and name not in TEST_FOLDERS and not name.startswith(".")
        and os.path.isfile(os.path.join(folder, name, "__init__.py"))
    ]  # fmt: skip
    skipped = {"setup.py", "conftest.py", "manage.py", "noxfile.py", "tasks.py", "fabfile.py"}
    loose = [n for n in os.listdir(folder) if n.endswith(".py") and n not in skipped and not TESTS.fullmatch(n)]
    if packages or loose:
        return packages if packages and not loose else ["."]
    skipped = {tests.split("/")[0], *TEST_FOLDERS, *HIDDEN}
    inner = [
        n for n in sorted(os.listdir(folder)) if n not in skipped and not n.startswith(".") and has_code(folder, n)
    ]
    return inner if len(inner) == 1 else ["."]


def has_code(folder, name):
    return any(file.endswith(".py") for _, files in folders(os.path.join(folder, name)) for file in files)


def declared(folder):
    """The folders where the project's build (setuptools, Poetry, Hatch) finds its packages."""
    project = table(toml(os.path.join(folder, "pyproject.toml")), "tool")
    setup = ini(os.path.join(folder, "setup.cfg"))
    lists = [
        [table(project, "setuptools", "package-dir").get("")],
        table(project, "setuptools", "packages", "find").get("where"),
        [table(one).get("from") for one in table(project, "poetry").get("packages") or []],
        table(project, "hatch", "build", "targets", "wheel").get("sources"),
        [
            w[1].strip()
            for row in rows(setup.get("options", {}).get("package_dir", ""))
            if (w := row.split("="))[0] == ""
        ],
        listed(setup.get("options.packages.find", {}).get("where")),
    ]
    named = [os.path.normpath(name) for found in lists for name in words(found) if name.strip()]
    return [name for name in dict.fromkeys(named) if name != "." and has_code(folder, name)]


def roots_of(folder, source):
    """Further folders from which the service's code is imported.

    A source folder without ``__init__.py`` is one, unless the code imports it by its name."""
    named = [os.path.normpath(name) for name in listed(settings(folder).get("pythonpath"))]
    named += [*declared(folder), *(name for name in source if is_root(folder, name))]
    return [name for name in dict.fromkeys(named) if name != "." and os.path.isdir(os.path.join(folder, name))]


def is_root(folder, name):
    if name == "." or os.path.isfile(os.path.join(folder, name, "__init__.py")):
        return False
    by_name = re.compile(rf"^\s*(?:from|import)\s+{re.escape(name.replace('/', '.'))}(?:[.\s]|$)", re.M)
    paths = (os.path.join(place, file) for place, files in folders(folder) for file in files if file.endswith(".py"))
    return not any(by_name.search(text(path)) for path in paths)


def django(folder):
    """The settings module of Django's manage.py, if pytest is not configured with one."""
    if "django_settings_module" in map(str.lower, settings(folder)):
        return ""
    found = re.search(r"DJANGO_SETTINGS_MODULE['\"]\s*,\s*['\"]([\w.]+)['\"]", text(os.path.join(folder, "manage.py")))
    return found[1] if found else ""


def layout(folder, source):
    tests, own = tests_of(folder), settings(folder)
    found = source_of(folder, tests)
    return {
        "source": found, "tests": tests, "roots": roots_of(folder, source or found), "django": django(folder),
        "python_files": "python_files" in own,
    }  # fmt: skip


def main(job, answer):
    asked = json.loads(job)
    folder = os.path.normpath(asked["folder"] or service_folder())
    if not os.path.isdir(folder):
        result = {"missing": folder}
    else:
        result = {
            "folder": folder,
            "needs": needs(folder, asked["extras"], asked["groups"]),
            "layout": layout(folder, asked["source"]),
        }
    with open(answer, "w", encoding="utf-8") as file:
        json.dump(result, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
