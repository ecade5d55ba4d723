"""Runs in the sandbox on the service's own interpreter, with only the standard library: a syntax tree as JSON.

A node is ``[class, fields, place]``; a list is ``{"list": [...]}``, and a constant ``{"value": its repr}``.
"""

import ast
import json
import sys

PLACE = ("lineno", "col_offset", "end_lineno", "end_col_offset")


def encoded(value):
    if isinstance(value, ast.AST):
        fields = {name: encoded(getattr(value, name, None)) for name in value._fields}
        return [type(value).__name__, fields, [getattr(value, name, None) for name in PLACE]]
    if isinstance(value, list):
        return {"list": [encoded(one) for one in value]}
    return {"value": written(value)}


def written(value):
    """The repr of a constant for ``ast.literal_eval``, which needs special forms for infinity and the ellipsis."""
    if value is ...:
        return "..."
    return repr(value).replace("inf", "1e999") if isinstance(value, (float, complex)) else repr(value)


def main(given, answer):
    with open(given, encoding="utf-8") as file:
        text = file.read()
    try:
        found = {"tree": encoded(ast.parse(text))}
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        found = {"error": f"{type(error).__name__}: {error}"}
    with open(answer, "w", encoding="utf-8") as file:
        json.dump(found, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
