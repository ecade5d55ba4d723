"""Changing what is being iterated, and coroutines that nobody awaited."""

from __future__ import annotations

import ast

from core.repair.evidence import Said
from core.repair.locate import Place
from core.repair.templates.base import Changes, change


def copy(place: Place) -> Changes:
    if "changed size during iteration" not in place.crash.exception.message:
        return
    for node in place.expressions(ast.For):
        said = Said("", "the loop changes what it iterates; a copy keeps its order and its entries", 0.92)
        yield change(place, place.replace(node.iter, f"list({place.source(node.iter)})"), "Iterate over a copy.", said)


def awaited(place: Place) -> Changes:
    if "coroutine" not in place.crash.exception.message or not isinstance(place.function, ast.AsyncFunctionDef):
        return
    for node in place.expressions(ast.Call):
        said = Said("", "the call gives a coroutine, and its result is used", 0.88)
        yield change(
            place,
            place.replace(node, f"(await {place.source(node)})"),
            "The coroutine was not awaited.",
            said,
        )
