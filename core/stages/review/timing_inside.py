"""Runs in the sandbox behind sealed.py: times changed functions on the calls that the tests make.

The job is ``{"tests": folder, "files": {path: {"old": text, "functions": [qualified name]}}}``. While the
tests run on the new code, arguments are copied; then the old and the new function are called in turn with them, and
the lowest CPU time of several rounds counts. Coroutines, generators and calls that raise are left out.
"""

import ast
import copy
import importlib
import inspect
import json
import os
import statistics
import sys
import time
import types

CALLS, ROUNDS = 8, 15
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def first_lines(node, prefix=""):
    """(qualified name, first line as in the code object) of functions and methods, without nested functions."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, FUNCTIONS):
            yield prefix + child.name, min([child.lineno, *(d.lineno for d in child.decorator_list)])
        elif isinstance(child, ast.ClassDef):
            yield from first_lines(child, f"{prefix}{child.name}.")


def places(path, names):
    """(file, first line) -> key of each named function. Before Python 3.11, code objects have no qualified name."""
    with open(path, encoding="utf-8") as file:
        tree = ast.parse(file.read())
    return {(path, line): (path, name) for name, line in first_lines(tree) if name in names}


def recorded(tests, wanted):
    """Key -> copies of the arguments with which the tests call that function. ``wanted`` maps places to keys."""
    import pytest

    calls = {key: [] for key in wanted.values()}

    def hook(frame, event, _arg):
        key = wanted.get((frame.f_code.co_filename, frame.f_code.co_firstlineno)) if event == "call" else None
        found = calls.get(key)
        if found is not None and len(found) < CALLS:
            try:
                found.append(copy.deepcopy(arguments(frame)))
            except Exception:
                return  # arguments that cannot be copied cannot be used twice

    sys.setprofile(hook)
    pytest.main(["-q", "-p", "no:cacheprovider", "--continue-on-collection-errors", tests])
    sys.setprofile(None)
    return calls


def arguments(frame):
    code, values = frame.f_code, frame.f_locals
    positional = [values[name] for name in code.co_varnames[: code.co_argcount]]
    end = code.co_argcount + code.co_kwonlyargcount
    named = {name: values[name] for name in code.co_varnames[code.co_argcount : end]}
    if code.co_flags & inspect.CO_VARARGS:
        positional += values[code.co_varnames[end]]
        end += 1
    if code.co_flags & inspect.CO_VARKEYWORDS:
        named |= values[code.co_varnames[end]]
    return positional, named


def resolved(module, name):
    found = module
    for part in name.split("."):
        found = inspect.getattr_static(found, part, None)
        found = found.__func__ if isinstance(found, (staticmethod, classmethod)) else found
    lazy = (inspect.iscoroutinefunction, inspect.isgeneratorfunction, inspect.isasyncgenfunction)
    return found if inspect.isfunction(found) and not any(test(found) for test in lazy) else None


def before(module, path, text):
    """The old module, under the same name, so that its relative imports and classes work."""
    old = types.ModuleType(module.__name__)
    old.__dict__.update(__file__=path, __package__=module.__package__)
    exec(compile(text, path, "exec"), old.__dict__)  # the service's own old code, in the sandbox
    return old


def cost(function, call):
    """CPU nanoseconds of one call with a fresh copy of the arguments; None if it raises."""
    positional, named = copy.deepcopy(call)
    start = time.thread_time_ns()
    try:
        function(*positional, **named)
    except BaseException:
        return None
    return time.thread_time_ns() - start


def compared(old, new, calls):
    """(old seconds, new seconds, calls, noise as a share 0..1) over the calls in which neither function raises."""
    least_old, least_new, spread, used = 0, 0, [], 0
    for call in calls:
        rounds = [(cost(old, call), cost(new, call)) for _ in range(ROUNDS)]
        if any(None in pair for pair in rounds):
            continue
        olds, news = zip(*rounds)  # noqa: B905 - Python 3.9 has no strict
        least_old, least_new, used = least_old + min(olds), least_new + min(news), used + 1
        spread += [statistics.median(side) / max(min(side), 1) - 1 for side in (olds, news)]
    if not used:
        return None
    return {"old": least_old / 1e9, "new": least_new / 1e9, "calls": used, "noise": max(spread)}


def main(folder):
    key = key_of(folder)  # noqa: F821 # pyright: ignore[reportUndefinedVariable] - sealed.py stands in front
    with open(os.path.join(folder, "job"), encoding="utf-8") as file:
        asked = json.load(file)
    with open(os.path.join(folder, "report"), "w", encoding="utf-8") as out:
        importlib.import_module("pytest")  # before the tree is on the path, where another module may have its name
        roots = filter(None, os.environ.get("IMPORT_ROOTS", "").split(":"))
        sys.path[:0] = [os.getcwd(), *map(os.path.abspath, roots)]
        sealer(key, out)(timed(asked))  # noqa: F821 # pyright: ignore[reportUndefinedVariable] - as above


def timed(asked):
    files = {os.path.abspath(path): given for path, given in asked["files"].items()}
    wanted = {}
    for path, given in files.items():
        wanted.update(places(path, given["functions"]))
    calls, report = recorded(asked["tests"], wanted), {}
    modules = {os.path.abspath(f): m for m in list(sys.modules.values()) if (f := getattr(m, "__file__", None))}
    for (path, name), made in calls.items():
        module = modules.get(path)
        if module is None or not made:
            continue
        old, new = resolved(before(module, path, files[path]["old"]), name), resolved(module, name)
        result = compared(old, new, made) if old and new else None
        if result:
            report[f"{os.path.relpath(path)}:{name}"] = result
    return report


if __name__ == "__main__":
    main(sys.argv[1])
