"""Inputs that are guessed where a report has no locals: by use, by message, by what was asked for on the way."""

import ast

import pytest

from core.models import Crash, Frame
from core.repair.reproduce.infer import shaped
from core.repair.reproduce.inputs import calls_in_code
from core.repair.reproduce.mutate import mutated, swapped
from core.repair.reproduce.reproduce import written
from core.repair.reproduce.seed_values import hints
from core.repair.reproduce.test_calls import literals, scaffolds
from core.repair.sandbox.probe import Call


@pytest.mark.parametrize(
    ("body", "value"),
    [
        ("return x['a'] + 1", "{'a': 3}"),
        ("return json.loads(x)", "'{}'"),
        ("return date.fromisoformat(x['on'])", "{'on': '2024-05-06'}"),
        ("return int(x.get('n'))", "{'n': '3'}"),
        ("return x.split(';')[1]", "'1;2;3'"),
        ("return x.year + 1", "datetime.date(2024, 5, 6)"),
        ("return x.hour", "datetime.datetime(2024, 5, 6, 7, 8, 9)"),
        ("return x(3)", "(lambda *_, **__: None)"),
        ("return await x(3)", "(lambda *_, **__: asyncio.sleep(0))"),
        ("row = x[key]\n    return row['a']", "{'text': {'a': 'text'}}"),
        ("return x[0]", "['text', 'text']"),
    ],
)
def test_a_parameter_gets_a_value_of_the_shape_in_use(body, value):
    function = ast.parse(f"async def f(x, key):\n    {body}").body[0]
    assert shaped(None, function, "x") == value


@pytest.mark.parametrize(
    ("message", "value", "line"),
    [
        ("Object of type Decimal is not JSON serializable", "Decimal('2.5')", "from decimal import Decimal"),
        ("day is out of range for month", "datetime.date(2024, 2, 29)", "import datetime"),
        ("Incorrect padding", "'eyJhIjogMTJ9Cg'", ""),
        ("Set changed size during iteration", "{'a', 'b', 'c', 'd'}", ""),
    ],
)
def test_the_message_names_what_to_try(message, value, line):
    tried = {c.expression: c.imports for c in mutated(Call("from a import f", "f(x='text')"), hints(message))}
    assert tried[f"f(x={value})"].splitlines() == [*filter(None, [line]), "from a import f"]


def made(tree, **files):
    (tree / "tests").mkdir()
    for name, text in files.items():
        path = tree / "tests" / f"{name}.py" if name.startswith("test_") else tree / f"{name}.py"
        path.write_text(text)


def crash(line, function, **frame):
    return Crash(exception={"type": "KeyError"}, frames=[Frame(file="a.py", line=line, function=function, **frame)])


def test_an_object_of_the_program_is_built_for_a_parameter(tmp_path):
    made(
        tmp_path,
        a="from b import Order\n\n\ndef total(order: Order):\n    return order.sum\n\n\n"
        "def both(orders):\n    return [order.number for order in orders]\n",
        b="class Order:\n    def __init__(self, number):\n        self.number = number\n",
        test_b="from b import Order\n\n\ndef test():\n    assert Order(7).number == 7\n",
    )
    by_annotation = next(calls_in_code(tmp_path, crash(5, "total")))
    assert by_annotation.expression == "total(order=Order(7))"
    assert "from b import Order" in by_annotation.imports
    by_use = next(calls_in_code(tmp_path, crash(9, "both")))
    assert by_use.expression == "both(orders=[Order(7)])"


def test_a_field_with_rules_and_no_default_is_given(tmp_path):
    made(
        tmp_path,
        a="from b import Order\n\n\ndef total(order: Order):\n    return order.sum\n",
        b="from pydantic import BaseModel, Field\n\n\nclass Order(BaseModel):\n"
        "    id: str = Field(default_factory=str)\n    note: str = Field('', max_length=9)\n"
        "    name: str\n    number: int = Field(gt=0)\n    other: int = Field(..., gt=0)\n",
    )
    call = next(calls_in_code(tmp_path, crash(5, "total")))
    assert call.expression == "total(order=Order(name='text', number=3, other=3))"


def test_what_the_tests_give_is_tried_where_a_text_or_mapping_was_guessed(tmp_path):
    made(tmp_path, test_a="def test():\n    assert [r for r in f([{'n': 1}], 'EUR')] == []\n")
    assert literals(tmp_path) == ["{'n': 1}", "'EUR'", "'n'"]
    assert [c.expression for c in scaffolds(tmp_path, crash(1, "f"))] == ["f([{'n': 1}], 'EUR')"]
    tried = [c.expression for c in swapped(Call("", "g({}, 'text', 'own')"), literals(tmp_path))]
    assert tried == ["g({'n': 1}, 'text', 'own')", "g({}, 'EUR', 'own')", "g({}, 'n', 'own')"]


@pytest.mark.parametrize(
    ("setup", "kept"),
    [
        ("plan = quote(3)\nlimit = 5\nbasket = Basket()", ["    quote(3)", "    basket = Basket()"]),
        ("basket = Basket()", ["    basket = Basket()"]),
        ("a, b = pair()\nbasket = Basket(b)", ["    a, b = pair()", "    basket = Basket(b)"]),
        ("basket = Basket()\nbasket = filled(basket)", ["    basket = Basket()", "    basket = filled(basket)"]),
    ],
)
def test_a_regression_test_names_nothing_that_it_does_not_read(setup, kept):
    """A checker of style refuses such names: a test of the repository read them in its own checks."""
    made = written(Call("", "basket.total()", setup), Crash(exception={"type": "KeyError"}, frames=[]))
    assert made.code.split("():\n")[1].splitlines() == [*kept, "    basket.total()"]
