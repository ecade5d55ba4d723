"""Runs in the sandbox, with only the standard library: reads the dependencies of a checkout.

Nothing of the checkout is executed; its manifests are only read. The main format of each tool is supported:
requirements files (pip, pip-tools), pyproject.toml with extras and dependency groups (PEP 621, 735), uv, Poetry, PDM,
Hatch, Pipenv, setup.cfg and setup.py, and the dependencies of tox. A lock file pins the versions.
"""

import configparser
import json
import os
import re
import tomllib

TESTING = {"test", "tests", "testing", "dev", "develop", "development"}
MAIN = {"requirements", "base", "common", "main", "prod", "production", "app", "default"}
LARGEST = 8 << 20  # maximum bytes of a manifest
MANIFESTS = re.compile(
    r".*requirements.*\.(txt|in)|.*constraints.*\.txt|.*\.lock|pylock.*\.toml|pyproject\.toml|setup\.(py|cfg)|"
    r"Pipfile(\.lock)?|\.python-version|runtime\.txt|\.tool-versions|Dockerfile.*|tox\.ini"
)
BUILDS = re.compile(r".*\.(py|toml|cfg|txt|in)|VERSION.*|MANIFEST.*")  # files that the project's build may read
INCLUDED = re.compile(r"^\s*(?:-r|-c|--requirement|--constraint)[\s=]+(\S+)", re.M)
# in a requirement's line; an option such as --index-url is none, and a path of the checkout is not elsewhere
ELSEWHERE = re.compile(
    r"^(?:(?:-e|--editable)[ =])?\s*(?:[\w.\[\],-]+\s*@\s*)?(?:git|hg|svn|bzr|https?|ssh)(?:\+[\w+]+)?://|@\s*git\+"
)
FROM_PYTHON = re.compile(r"^\s*FROM\s+(?:--\S+\s+)?(?:\S+/)?python:(\d+\.\d+(?:\.\d+)?)", re.M | re.I)


def text(path):
    """A manifest's text; empty for a link or a special file, and for one that is too large or not UTF-8."""
    if os.path.islink(path) or not os.path.isfile(path) or os.path.getsize(path) > LARGEST:
        return ""
    with open(path, "rb") as file:
        return file.read().decode("utf-8", "replace").removeprefix("\ufeff")


def toml(path):
    try:
        return tomllib.loads(text(path))
    except (ValueError, RecursionError):  # an integer of thousands of digits is no TOMLDecodeError
        return {}


def ini(path):
    made = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        made.read_string(text(path))
    except configparser.Error:
        return {}
    return {name: dict(made[name]) for name in made.sections()}


def table(value, *names):
    """A nested table; empty if any level is missing or not a table."""
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def words(value):
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def for_tests(name):
    return bool(TESTING & set(re.split(r"[^a-z]+", name.lower())))


def rows(value):
    """The lines of a list in an ini file, without comments."""
    plain = (line.split(" #")[0].strip() for line in value.splitlines())
    return [line for line in plain if line and not line.startswith("#")]


# --- requirements files


def requirement_files(folder):
    """The requirements files of a folder for its program and its tests, the program's first."""
    found = {}
    for place in (folder, os.path.join(folder, "requirements")):
        for name in sorted(os.listdir(place)) if os.path.isdir(place) else []:
            path = os.path.join(place, name)
            stem, kind = os.path.splitext(name)
            named = "requirements" in stem or place != folder
            if named and kind == ".txt" and "constraints" not in stem and os.path.isfile(path):
                parts = set(re.split(r"[^a-z]+", stem.lower())) - {""}
                if parts <= MAIN | TESTING | {"requirements"}:
                    found[path] = bool(parts & TESTING)
    return sorted(found, key=lambda path: (found[path], path))


def included(path, seen):
    """A requirements file and the files that it includes."""
    path = os.path.normpath(path)
    if path in seen or path.startswith("..") or os.path.isabs(path) or not os.path.isfile(path):
        return
    seen.append(path)
    for name in INCLUDED.findall(text(path)):
        included(os.path.join(os.path.dirname(path), name), seen)


# --- formats of other tools, converted to requirements of PEP 508


def range_of(constraint):
    """Convert a constraint of Poetry to PEP 440: caret and tilde become ranges, others stay unchanged."""
    found = []
    for part in re.split(r"\s*,\s*", constraint.split("||")[0].strip()):
        sign, version = part[:1], part[1:].strip()
        if sign == "~" and version.startswith("="):
            found.append(part)
        elif sign in ("^", "~"):
            found.append(f">={version},<{above(version, caret=sign == '^')}")
        elif part not in ("", "*"):
            found.append(part if part[0] in "<>=!" else f"=={part}")
    return ",".join(found)


def above(version, caret):
    """The first version that a caret or a tilde excludes."""
    parts = [int(n) for n in re.findall(r"\d+", version.split("+")[0])][:3] or [0]
    first = next((i for i, n in enumerate(parts) if n), len(parts) - 1)
    place = first if caret else min(1, len(parts) - 1)
    return ".".join(map(str, [*parts[:place], parts[place] + 1]))


def requirement(name, value):
    """One dependency of Poetry's or Pipenv's table as requirement lines."""
    if isinstance(value, list):
        return [line for one in value for line in requirement(name, one)]
    given = {"version": value} if isinstance(value, str) else value if isinstance(value, dict) else {}
    if given.get("path"):
        return [f"-e {given['path']}"]
    extras = f"[{','.join(words(given.get('extras')))}]" if words(given.get("extras")) else ""
    markers = [given["markers"]] if isinstance(given.get("markers"), str) else []
    python = range_of(given["python"]) if isinstance(given.get("python"), str) else ""
    markers += [f"python_full_version {m[1]} '{m[2]}'" for m in re.finditer(r"([<>=!~]+)([\d.]+)", python)]
    after = f" ; {' and '.join(f'({m})' for m in markers)}" if markers else ""
    if given.get("git") or given.get("url"):
        return [f"{name}{extras} @ {'git+' + given['git'] if given.get('git') else given['url']}{after}"]
    version = given.get("version") if isinstance(given.get("version"), str) else "*"
    return [f"{name}{extras}{range_of(version)}{after}"]


def requirements(found, optional=()):
    """Requirement lines of a table; optional dependencies are left out unless they are named."""
    return [
        line
        for name, value in found.items()
        if name.lower() != "python" and not (isinstance(value, dict) and value.get("optional") and name not in optional)
        for line in requirement(name, value)
    ]


def poetry(tool, wanted):
    """The dependencies in Poetry's tables, if the project uses them. ``wanted`` are the groups to install."""
    groups = {name: table(group, "dependencies") for name, group in table(tool, "group").items()}
    groups["dev"] = groups.get("dev", {}) | table(tool, "dev-dependencies")
    asked = [name for extra, names in table(tool, "extras").items() if wanted(extra) for name in words(names)]
    lines = requirements(table(tool, "dependencies"), asked)
    return lines + [line for name, group in groups.items() if wanted(name) for line in requirements(group)]


def locked(one):
    return isinstance(one, dict) and isinstance(one.get("version"), str) and isinstance(one.get("name"), str)


def pinned(folder):
    """Versions that a lock file of Poetry, PDM or Pipenv pins; a package with several versions is not pinned."""
    found = {}
    for name in ("poetry.lock", "pdm.lock"):
        for one in toml(os.path.join(folder, name)).get("package", []):
            if locked(one) and table(one, "source").get("type", "legacy") == "legacy":
                found.setdefault(one["name"], set()).add(one["version"])
    try:
        held = json.loads(text(os.path.join(folder, "Pipfile.lock")) or "{}")
    except (ValueError, RecursionError):
        held = {}
    for name, one in [*table(held, "default").items(), *table(held, "develop").items()]:
        if isinstance(one, dict) and isinstance(one.get("version"), str):
            found.setdefault(name, set()).add(one["version"].removeprefix("=="))
    return [f"{name}=={min(versions)}" for name, versions in sorted(found.items()) if len(versions) == 1]


# --- the required Python version


def wishes(folder, project):
    """[version or specifiers, file that names it], in order of precedence."""
    poetry_ = table(project, "tool", "poetry", "dependencies").get("python")
    pipenv = table(toml(os.path.join(folder, "Pipfile")), "requires")
    setup = ini(os.path.join(folder, "setup.cfg")).get("options", {}).get("python_requires")
    found = [*files_naming_a_version(folder)]
    found += [(table(project, "project").get("requires-python"), "pyproject.toml"), (setup, "setup.cfg")]
    found += [(range_of(poetry_) if isinstance(poetry_, str) else None, "pyproject.toml")]
    found += [(pipenv.get("python_full_version") or pipenv.get("python_version"), "Pipfile")]
    return [[value.strip(), where] for value, where in found if isinstance(value, str) and value.strip()]


def files_naming_a_version(folder):
    for place in dict.fromkeys((folder, ".")):
        for line in rows(text(os.path.join(place, ".python-version")))[:1]:
            yield line.removeprefix("python-").removeprefix("cpython-"), ".python-version"
        for line in rows(text(os.path.join(place, ".tool-versions"))):
            if line.split()[:1] == ["python"]:
                yield line.split()[1], ".tool-versions"
        yield text(os.path.join(place, "runtime.txt")).strip().removeprefix("python-"), "runtime.txt"
        if found := FROM_PYTHON.search(text(os.path.join(place, "Dockerfile"))):
            yield found[1], "Dockerfile"


# --- all dependencies


def upwards(folder):
    """The folder and its parents, up to the root of the checkout."""
    while True:
        yield folder
        if folder in ("", "."):
            return
        folder = os.path.dirname(folder) or "."


def needs(folder, extras, groups):
    """The needs of a service in ``folder``. ``extras`` and ``groups`` are names to install; None: those for tests."""
    project = toml(os.path.join(folder, "pyproject.toml"))
    lock = next((place for place in upwards(folder) if os.path.isfile(os.path.join(place, "uv.lock"))), None)
    named = table(project, "project")
    offered = [*table(named, "optional-dependencies"), *setup_extras(folder)]
    made = {
        "extras": [name for name in offered if wanted(extras)(name)],
        "groups": [name for name in table(project, "dependency-groups") if wanted(groups)(name)],
        "lines": [], "files": [], "pins": [], "project": "", "editable": False, "uv_lock": lock or "",
        "wishes": wishes(folder, project), "notes": [],
    }  # fmt: skip
    made["editable"] = bool(project.get("build-system")) or os.path.isfile(os.path.join(folder, "setup.py"))
    if lock is None:
        unlocked(made, folder, project, wanted(groups))
    made["elsewhere"] = elsewhere(folder, made, project)
    made["read"] = sorted(read(folder, made))
    return made


def wanted(names):
    return for_tests if names is None else lambda name: name in names


def setup_extras(folder):
    return ini(os.path.join(folder, "setup.cfg")).get("options.extras_require", {})


def unlocked(made, folder, project, asked):
    """The dependencies without a lock file of uv: from every manifest that exists."""
    tools, pipfile = table(project, "tool"), toml(os.path.join(folder, "Pipfile"))
    named = [name for name in ("setup.py", "setup.cfg") if os.path.isfile(os.path.join(folder, name))]
    if "project" in project:
        made["project"] = "pyproject.toml"
    elif "setup.py" in named or ini(os.path.join(folder, "setup.cfg")).get("options"):
        made["project"] = named[0]
    made["pins"] = pinned(folder)
    lines = poetry(table(tools, "poetry"), asked) if "poetry" in tools else []
    if "project" in project and "poetry" in tools:
        lines = poetry({**table(tools, "poetry"), "dependencies": {}}, asked)
    for name, group in table(tools, "pdm", "dev-dependencies").items():
        lines += words(group) if asked(name) else []
    for name, env in table(tools, "hatch", "envs").items():
        chosen = asked(name) or name in ("default", "hatch-test")
        lines += [*words(table(env).get("dependencies")), *words(table(env).get("extra-dependencies"))] * chosen
    lines += requirements(table(pipfile, "packages")) + requirements(table(pipfile, "dev-packages"))
    made["lines"] = list(dict.fromkeys(lines))
    locks = [name for name in sorted(os.listdir(folder)) if re.fullmatch(r"pylock(\.\w+)?\.toml", name)]
    made["files"] = [os.path.join(folder, locks[0])] if locks else [] if made["pins"] else requirement_files(folder)
    tested = (
        made["groups"] or made["extras"] or made["pins"] or any(for_tests(os.path.basename(f)) for f in made["files"])
    )
    if not tested:
        tox(made, folder)


def tox(made, folder):
    """The dependencies of tox's default environment, if nothing else names those of the tests."""
    for line in rows(ini(os.path.join(folder, "tox.ini")).get("testenv", {}).get("deps", "")):
        if found := re.match(r"-r\s*(?:\{toxinidir\}/)?(\S+)", line):
            made["files"] += [os.path.join(folder, found[1])] * os.path.isfile(os.path.join(folder, found[1]))
        elif ":" not in line.split(";")[0] and not line.startswith(("-", ".")) and "{" not in line:
            made["lines"].append(line)


def elsewhere(folder, made, project):
    """[dependency, file that names it] of each dependency from git or a URL."""
    found = [[line, "the manifest"] for line in made["lines"]]
    seen = []
    for path in made["files"]:
        included(path, seen)
    found += [[line, os.path.normpath(path)] for path in seen for line in rows(text(path))]
    if made["project"] == "pyproject.toml":
        named = table(project, "project")
        lists = [named.get("dependencies"), *map(table(named, "optional-dependencies").get, made["extras"])]
        lists += [table(project, "dependency-groups").get(name) for name in made["groups"]]
        found += [[line, "pyproject.toml"] for one in lists for line in words(one)]
    if made["uv_lock"]:
        for one in toml(os.path.join(made["uv_lock"], "uv.lock")).get("package", []):
            source = table(one, "source")
            place = f"git+{source['git']}" if source.get("git") else source.get("url")
            found += [[f"{one.get('name')} @ {place}", "uv.lock"]] if place else []
    elif made["project"] == "pyproject.toml":
        for name, source in table(project, "tool", "uv", "sources").items():
            place = f"git+{source['git']}" if table(source).get("git") else table(source).get("url")
            found += [[f"{name} @ {place}", "pyproject.toml"]] if place else []
    return [[line[:500], where[:200]] for line, where in found if ELSEWHERE.search(line.split(" #")[0])]


def read(folder, made):
    """Every file that determines what is installed."""
    found = []
    for place in (*upwards(folder), os.path.join(folder, "requirements")):
        for name in os.listdir(place) if os.path.isdir(place) else []:
            own = place == folder and made["editable"] and BUILDS.fullmatch(name)
            if MANIFESTS.fullmatch(name) or own or os.path.basename(place) == "requirements":
                found.append(os.path.normpath(os.path.join(place, name)))
    for path in made["files"]:
        included(path, found)
    return {path for path in found if os.path.isfile(path) and not os.path.islink(path)}
