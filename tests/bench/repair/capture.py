"""``capture.py REPO TRIGGER``: runs the trigger with the program on the path; prints the crash as a tool tells it."""

from __future__ import annotations

import json
import linecache
import os
import re
import runpy
import sys
import sysconfig
import traceback

SECRET = re.compile(r"token|secret|passw|credential|api_?key|authorization", re.I)
STANDARD = sysconfig.get_paths()["stdlib"]
LIBRARY = "python" + sysconfig.get_python_version()


def place(file: str, root: str) -> str:
    """A file as a report names it: relative to the program, or by its library."""
    if file.startswith(root + os.sep):
        return os.path.relpath(file, root)
    if file.startswith("<frozen "):
        return file
    if file.startswith(STANDARD):
        return LIBRARY + file[len(STANDARD) :]
    return "site-packages/" + "/".join(file.split(os.sep)[-2:])


def text(value: object) -> str:
    try:
        shown = repr(value)
    except Exception:
        shown = f"<{type(value).__name__} object>"
    return re.sub(r"0x[0-9a-f]{6,}", "0x7f3a5c1a0b40", shown)[:600]


def frames(error: BaseException, root: str, trigger: str) -> list[dict]:
    found = []
    for frame, line in traceback.walk_tb(error.__traceback__):
        file = frame.f_code.co_filename
        made_up = file.startswith("<") and not file.startswith("<frozen ")  # of the trigger, exec, a template
        if made_up or file in (trigger, __file__) or file.endswith("runpy.py"):
            continue
        told = {"file": place(file, root), "line": line, "function": frame.f_code.co_name}
        told |= {"code": linecache.getline(file, line).strip(), "in_app": file.startswith(root + os.sep)}
        if told["in_app"] and frame.f_code.co_name != "<module>":
            told["locals"] = {k: "[Filtered]" if SECRET.search(k) else text(v) for k, v in frame.f_locals.items()}
        found.append(told)
    first = next((i for i, f in enumerate(found) if f["in_app"]), 0)
    return found[first:]


def typed(error: BaseException) -> dict:
    kind = type(error)
    return {"type": kind.__qualname__, "module": kind.__module__, "message": text(error.args and str(error))[1:-1]}


def chain(error: BaseException, root: str, trigger: str) -> list[dict]:
    found = []
    while error.__cause__ or (error.__context__ and not error.__suppress_context__):
        relation = "cause" if error.__cause__ else "context"
        error = error.__cause__ or error.__context__
        found.append(typed(error) | {"relation": relation, "frames": frames(error, root, trigger)})
    return found


def told(error: BaseException, root: str, trigger: str) -> dict:
    kind, calls = typed(error), frames(error, root, trigger)
    kind["message"] = str(error)
    lines = ["Traceback (most recent call last):"]
    for f in calls:
        file = f["file"].replace(f"{LIBRARY}/", f"/usr/lib/{LIBRARY}/") if not f["in_app"] else "/srv/app/" + f["file"]
        lines += [f'  File "{file}", line {f["line"]}, in {f["function"]}', "    " + f["code"]]
    name = kind["type"] if kind["module"] == "builtins" else f"{kind['module']}.{kind['type']}"
    lines.append(f"{name}: {kind['message']}")
    linked = chain(error, root, trigger)
    report = {"exception": kind, "frames": calls, "traceback": "\n".join(lines) + "\n"}
    return report | ({"chain": linked} if linked else {})


def main(root: str, trigger: str) -> None:
    sys.path.insert(0, root)
    try:
        runpy.run_path(trigger, run_name="__main__")
    except BaseException as error:
        print("@@" + json.dumps(told(error, root, trigger)))


if __name__ == "__main__":
    main(*(os.path.realpath(argument) for argument in sys.argv[1:3]))
