"""Runs in the sandbox behind sealed.py: measures with coverage.py which statements of the given files the tests run.

The job is ``{"tests": folder, "files": [path]}``; the report ``{path: {"all": [line], "missed": [line]}}``.
"""

import json
import os
import sys

import coverage
import pytest


def main(folder):
    key = key_of(folder)  # noqa: F821 # pyright: ignore[reportUndefinedVariable] - sealed.py stands in front
    with open(os.path.join(folder, "job"), encoding="utf-8") as file:
        asked = json.load(file)
    with open(os.path.join(folder, "report"), "w", encoding="utf-8") as out:
        roots = filter(None, os.environ.get("IMPORT_ROOTS", "").split(":"))
        sys.path[:0] = [os.getcwd(), *map(os.path.abspath, roots)]
        sealer(key, out)(measured(asked["tests"], asked["files"]))  # noqa: F821 # pyright: ignore[reportUndefinedVariable] - as above


def measured(tests, files):
    found = coverage.Coverage(data_file=None, source=["."], config_file=False)
    found.start()
    pytest.main(["-q", "-p", "no:cacheprovider", "--continue-on-collection-errors", tests])
    found.stop()
    lines = {}
    for path in files:
        _, statements, _, missing, _ = found.analysis2(path)
        lines[path] = {"all": statements, "missed": missing}
    return lines


if __name__ == "__main__":
    main(sys.argv[1])
