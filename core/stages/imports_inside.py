"""Runs in the sandbox behind sealed.py: imports each module of the source and reports the errors.

The job is ``[module]``; the report has ``[module, ""]`` or ``[module, last line of the error]`` for each.
"""

import importlib
import json
import os
import signal
import sys
import traceback

SECONDS = 20  # of one module


def late(*_):
    raise TimeoutError(f"it was not imported within {SECONDS} seconds")


def imported(name):
    signal.alarm(SECONDS)
    try:
        importlib.import_module(name)
        return ""
    except BaseException as error:
        return "".join(traceback.format_exception_only(type(error), error)).strip()[-400:]
    finally:
        signal.alarm(0)


def main(folder):
    key = key_of(folder)  # noqa: F821 # pyright: ignore[reportUndefinedVariable] - sealed.py stands in front
    with open(os.path.join(folder, "job"), encoding="utf-8") as file:
        names = json.load(file)
    report = os.path.abspath(os.path.join(folder, "report"))
    signal.signal(signal.SIGALRM, late)
    os.dup2(2, 1)
    roots = os.environ.get("IMPORT_ROOTS", "").split(":")
    sys.path[:0] = [os.getcwd(), *(os.path.abspath(name) for name in roots if name and os.path.isdir(name))]
    with open(report, "w", encoding="utf-8") as out:
        say = sealer(key, out)  # noqa: F821 # pyright: ignore[reportUndefinedVariable] - as above
        for name in names:
            say([name, imported(name)])
            out.flush()


if __name__ == "__main__":
    main(sys.argv[1])
