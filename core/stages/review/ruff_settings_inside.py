"""Runs in the sandbox after needs_inside.py: reads the ruff settings of a checkout.

The answer has the known keys of the nearest file with settings, as short texts and numbers; null without such a file.
"""

import json
import os
import sys
import tomllib

TYPE_CHECKING = False
if TYPE_CHECKING:  # prepended to this script
    from core.repair.environment.needs_inside import table, text

FILES = (".ruff.toml", "ruff.toml", "pyproject.toml")  # in ruff's own order, in each folder
LARGEST = 200_000  # characters of a file


def nearest(folders):
    """The settings in the first file that has some, by the order of ``folders``; None without."""
    found = (ruff_table(os.path.join(folder, name)) for folder in folders for name in FILES)
    return next((one for one in found if one is not None), None)


def ruff_table(path):
    held = text(path)
    if not 0 < len(held) <= LARGEST:
        return None
    try:
        found = tomllib.loads(held)
    except (ValueError, RecursionError):
        return None
    if os.path.basename(path) == "pyproject.toml":
        found = table(found, "tool").get("ruff")
    return found if isinstance(found, dict) else None


def known(found, most, longest):
    """The known keys. Those at the top level are the older form of ``lint``."""
    both = {**found, **table(found, "lint")}

    def short(value):
        return value if isinstance(value, str) and len(value) <= longest else ""

    def listed(value):
        return [one for one in value[:most] if short(one)] if isinstance(value, list) else []

    by_file = [[glob, code] for glob, codes in table(both, "per-file-ignores").items() for code in listed(codes)]
    length = found.get("line-length")
    return {
        "select": [*listed(both.get("select")), *listed(both.get("extend-select"))],
        "ignore": [*listed(both.get("ignore")), *listed(both.get("extend-ignore"))],
        "by_file": [pair for pair in by_file if short(pair[0])][:most],
        "line_length": length if type(length) is int and 1 <= length <= 320 else 0,
        "target": short(found.get("target-version")),
        "convention": short(table(both, "pydocstyle").get("convention")),
        "options": {name: len(value) for name, value in both.items() if isinstance(value, dict) and short(name)},
    }


def main(job, answer):
    asked = json.loads(job)
    found = nearest(asked["folders"])
    with open(answer, "w", encoding="utf-8") as file:
        json.dump(None if found is None else known(found, asked["most"], asked["longest"]), file)


if __name__ == "__main__":
    main(*sys.argv[1:])
