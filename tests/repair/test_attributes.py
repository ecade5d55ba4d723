"""A stand-in for an object that cannot be built: a namespace with what the function reads of it."""

from __future__ import annotations

import ast

import pytest

from core.repair.reproduce.attributes import METHOD, namespace


@pytest.mark.parametrize(
    ("body", "expression"),
    [
        ("return x.a + x.b.c", "SimpleNamespace(a='text', b=SimpleNamespace(c='text'))"),
        ("return x.title.kind", "SimpleNamespace(title=SimpleNamespace(kind='text'))"),
        ("return x.days(3)", f"SimpleNamespace(days={METHOD})"),
        ("return x.name.lower()", "SimpleNamespace(name='text')"),
        ("return x.strip()", ""),
        ("return x + 1", ""),
        ("return y.a", ""),
    ],
)
def test_what_is_read_of_an_object(body, expression):
    assert namespace(ast.parse(f"def f(x, y):\n    {body}").body[0], "x") == expression
