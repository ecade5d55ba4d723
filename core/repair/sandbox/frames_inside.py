"""Runs in the sandbox, prepended to sandbox_harness.py: the values of the expressions on a failing line.

Uses only the standard library.
"""

import ast
import contextlib
import linecache
import types

UNSAFE = {"next", "open", "input", "print", "exit", "quit", "exec", "eval", "iter", "setattr", "super"}
PURE = {"get", "strip", "lower", "upper", "split", "group"}


def values(frame, line):
    """The values of the line's simple expressions when it failed, with their types."""
    found = {}
    try:
        nodes = list(ast.walk(ast.parse("".join(linecache.getlines(frame.f_code.co_filename)))))
    except SyntaxError:
        return found
    for node in nodes:
        if isinstance(node, ast.expr) and node.lineno <= line <= node.end_lineno and plain(node):
            source = ast.unparse(node)
            with contextlib.suppress(Exception):  # the failing expression fails again, with any error of the program
                value = eval(source, frame.f_globals, frame.f_locals)
                found[source] = safe(value)
                found[f"type({source})"] = repr(type(value).__name__)
                found[f"dir({source})"] = repr(members(value))
    return found


def members(value):
    own = type(value).__module__ not in ("builtins",) or isinstance(value, types.ModuleType)
    return [n for n in dir(value) if not n.startswith("_")][:80] if own else []


def plain(node):
    """Is it a name, attribute, subscript or harmless call, which can be evaluated again without effects?"""
    parts = evaluated(node)
    return parts is not None and all(map(plain, parts))


def evaluated(node):
    """The parts that are evaluated with the expression; None if evaluating it could have effects."""
    if isinstance(node, (ast.Name, ast.Constant)):
        return [] if isinstance(getattr(node, "ctx", ast.Load()), ast.Load) else None
    if isinstance(node, ast.Attribute):
        return [node.value]
    if isinstance(node, ast.UnaryOp):
        return [node.operand]
    if isinstance(node, ast.Subscript):
        return None if isinstance(node.slice, ast.Slice) else [node.value, node.slice]
    return called_parts(node) if isinstance(node, ast.Call) and not node.keywords else None


def called_parts(node):
    if isinstance(node.func, ast.Attribute) and node.func.attr in PURE:
        return [node.func.value, *node.args]
    return node.args if isinstance(node.func, ast.Name) and node.func.id not in UNSAFE else None


def safe(value):
    """The value's repr, guarded against errors of the program's own __repr__, except ``Late``."""
    try:
        return repr(value)[:2000]
    except Exception:
        return "<no repr>"
