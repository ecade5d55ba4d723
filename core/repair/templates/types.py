"""Values of another type than meant: converted where they are read, not where they hurt, if that is known."""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Iterator
from dataclasses import replace

from core.repair.evidence import Said, missing_values, modules
from core.repair.locate import Place, places
from core.repair.templates.base import Change, Changes, change

JOIN = re.compile(r"sequence item \d+: expected str instance")
UNEXPECTED = re.compile(r"(\w+)\(\) got an unexpected keyword argument '(\w+)'")
NUMERIC = re.compile(r"\d+")


def bridge(place: Place) -> Changes:
    message = place.crash.exception.message
    if "NoneType" in message:
        return
    if JOIN.search(message):
        yield from _joined(place)
    elif "not JSON serializable" in message:
        yield from _serialised(place)
    elif "bytes" in message and "str" in message:
        yield from _encoded(place)
    elif "str" in message:
        yield from _numbers(place)


def _joined(place: Place) -> Changes:
    for node in place.expressions(ast.Call):
        if isinstance(node.func, ast.Attribute) and node.func.attr == "join" and node.args:
            said = Said("", "join makes a text of all its parts", 0.88)
            yield change(
                place,
                place.replace(node.args[0], f"map(str, {place.source(node.args[0])})"),
                "Not every part is text: each is turned into text.",
                said,
            )


def _serialised(place: Place) -> Changes:
    for node in place.expressions(ast.Call):
        if isinstance(node.func, ast.Attribute) and node.func.attr in ("dumps", "dump"):
            inner = place.source(node)[:-1].rstrip().rstrip(",")
            yield change(
                place,
                place.replace(node, f"{inner}, default=str)"),
                "What JSON does not know is written as text.",
            )


def _encoded(place: Place) -> Changes:
    for node in place.expressions(ast.Name, ast.Attribute, ast.Call, ast.Constant):
        value = place.value(node)
        if isinstance(value, str):
            yield change(
                place,
                place.replace(node, f"{place.source(node)}.encode()"),
                "Text is encoded to bytes here.",
                Said("", "bytes are asked for", 0.82),
            )
        elif isinstance(value, bytes):
            yield change(
                place,
                place.replace(node, f"{place.source(node)}.decode()"),
                "Bytes are decoded to text here.",
                Said("", "text is asked for", 0.82),
            )


def _numbers(place: Place) -> Changes:
    """A text where a number is meant: found by its value, converted at its source first."""
    for node in _texts(place):
        value = place.value(node)
        call = "int" if NUMERIC.fullmatch(value) else "float"
        yield from _at_the_caller(place, node, call)
        yield from _at_the_assignment(place, node, call)
        yield change(
            place,
            place.replace(node, f"{call}({place.source(node)})"),
            f"{place.source(node)} comes as text: it is read as a number here.",
            None,
            0.7,
        )
    if "concatenate str" in place.crash.exception.message or "must be str" in place.crash.exception.message:
        for node in place.expressions(ast.BinOp):
            for part in (node.left, node.right):
                if isinstance(place.value(part), int | float):
                    yield change(
                        place,
                        place.replace(part, f"str({place.source(part)})"),
                        "A number joins a text as text.",
                        Said("", "the other side of the sum is text", 0.84),
                    )


def _texts(place: Place) -> Iterator[ast.expr]:
    """Expressions of the line whose value is a text that reads as a number."""
    for node in place.expressions(ast.Name, ast.Subscript, ast.Call):
        value = place.value(node)
        if isinstance(value, str) and re.fullmatch(r"\s*-?\d+(\.\d+)?\s*", value):
            yield node


def _at_the_caller(place: Place, node: ast.expr, call: str) -> Iterator[Change]:
    """The argument that brought the text, in the frames above: converted where it is handed on."""
    if not (place.function and isinstance(node, ast.Name)):
        return
    parameters = [a.arg for a in place.function.args.args]
    if node.id not in parameters:
        return
    annotation = next(
        (ast.unparse(a.annotation) for a in place.function.args.args if a.arg == node.id and a.annotation), ""
    )
    words = f"{place.function.name} says that {node.id} is {annotation}" if annotation else ""
    above = [p for p in places(place.tree, place.crash) if p.frame is not place.frame]
    for caller in above[:2]:
        for argument in _arguments(caller, place.function, node.id, parameters):
            said = Said("", words or f"{caller.frame.function} reads it from text", 0.9 if words else 0.8)
            if not isinstance(argument, ast.Name) or caller.local(argument.id) is not ...:
                yield from _sources(caller, argument, call, said)


def _sources(caller: Place, argument: ast.expr, call: str, said: Said) -> Iterator[Change]:
    """At the reading of the value where that is seen, else at the argument."""
    if isinstance(argument, ast.Name):
        yield from _at_the_assignment(caller, argument, call, said)
        said = replace(said, confidence=said.confidence - 0.05)  # read once, it is a number for every use
    yield change(
        caller,
        caller.replace(argument, f"{call}({caller.source(argument)})"),
        f"{caller.source(argument)} comes as text: it is handed on as a number.",
        said,
    )


def _arguments(caller: Place, function: ast.FunctionDef, name: str, parameters: list[str]) -> Iterator[ast.expr]:
    position = parameters.index(name) - (1 if parameters[:1] in (["self"], ["cls"]) else 0)
    for node in caller.expressions(ast.Call):
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if called != function.name:
            continue
        yield from (k.value for k in node.keywords if k.arg == name)
        if position < len(node.args):
            yield node.args[position]


def _at_the_assignment(place: Place, node: ast.expr, call: str, said: Said | None = None) -> Iterator[Change]:
    """``x = params.get("page")`` -> ``x = int(params.get("page"))`` in the same function."""
    if not (place.function and isinstance(node, ast.Name)):
        return
    said = said or _idiom(place, call)
    for statement in ast.walk(place.function):
        if isinstance(statement, ast.Assign) and any(
            isinstance(t, ast.Name) and t.id == node.id for t in statement.targets
        ):
            yield change(
                place,
                place.replace(statement.value, f"{call}({place.source(statement.value)})"),
                f"{node.id} is read from text: it becomes a number at once.",
                said,
            )


def _idiom(place: Place, call: str) -> Said | None:
    """The module reads other values in this way."""
    for path, module in modules(place):
        for node in ast.walk(module):
            if (
                path == place.path
                and isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id == call
            ):
                return Said("", f"line {node.lineno} reads another value with {call}()", 0.85)
    return None


def number_text(place: Place) -> Changes:
    """int('') and its like: the documented value for an empty text."""
    if (
        "invalid literal for int()" not in place.crash.exception.message
        and "could not convert" not in place.crash.exception.message
    ):
        return
    for node in place.expressions(ast.Call):
        if isinstance(node.func, ast.Name) and node.func.id in ("int", "float") and node.args:
            text = place.source(node.args[0])
            for said in missing_values(place):
                yield change(
                    place,
                    place.replace(node, f"({place.source(node)} if {text} else {said.value})"),
                    f"An empty {text} counts as {said.value}.",
                    said,
                )


def keyword(place: Place) -> Changes:
    """A keyword argument that the function calls otherwise."""
    match = UNEXPECTED.search(place.crash.exception.message)
    if not match:
        return
    function, wrong = match[1].rsplit(".", 1)[-1], match[2]
    parameters = {
        a.arg
        for _, module in modules(place)
        for n in ast.walk(module)
        if isinstance(n, ast.FunctionDef) and n.name == function
        for a in n.args.args + n.args.kwonlyargs
    }
    for near in difflib.get_close_matches(wrong, sorted(parameters), 2, 0.5):
        for node in place.expressions(ast.keyword):
            if node.arg == wrong:
                said = Said("", f"{function} has the parameter {near}", 0.88)
                yield change(
                    place,
                    place.replace(node, f"{near}={place.source(node.value)}"),
                    f"The argument is called {near}.",
                    said,
                )
