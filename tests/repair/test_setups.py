"""Tests and documentation as setups: classes, fixtures, tables and examples become plain code."""

import ast

import pytest

from core.models import Crash, Frame
from core.repair.reproduce.examples import examples
from core.repair.reproduce.test_calls import scaffolds
from core.repair.reproduce.test_modules import Suite, suites

CRASH = Crash(exception={"type": "KeyError"}, frames=[Frame(file="shop.py", line=1, function="total")])
SHOP = "def total(cart):\n    return cart['sum']\n"


def calls(tree, test, **more):
    (tree / "tests").mkdir()
    (tree / "shop.py").write_text(SHOP)
    for name, text in {"test_shop": test, **more}.items():
        (tree / "tests" / f"{name}.py").write_text(text)
    return scaffolds(tree, CRASH)


@pytest.mark.parametrize(
    ("test", "setup", "expression"),
    [
        ("def test():\n    assert total({'sum': 1}) == 1\n", "", "total({'sum': 1})"),
        ("def test():\n    with raises(KeyError):\n        total({})\n", "", "total({})"),
        ("def test():\n    for c in ({}, {'sum': 2}):\n        total(c)\n", "c = {}", "total(c)"),
        ("async def test():\n    await total({})\n", "", "asyncio.run(total({}))"),
        ("@parametrize('c, n', [({}, 1), ({}, 2)])\ndef test(c, n):\n    total(c)\n", "c = {}\nn = 1", "total(c)"),
        ("ROWS = [{'sum': 3}]\n@parametrize('c', ROWS)\ndef test(c):\n    total(c)\n", "c = {'sum': 3}", "total(c)"),
        ("@parametrize('c', [param({}, id='x')])\ndef test(c):\n    total(c)\n", "c = {}", "total(c)"),
        (
            "@fixture\ndef sum():\n    return 4\n@fixture\ndef cart(sum):\n    yield {'sum': sum}\n"
            "def test(cart):\n    total(cart)\n",
            "def sum():\n    return 4\nsum = sum()\ndef cart(sum):\n    return {'sum': sum}\ncart = cart(sum)",
            "total(cart)",
        ),
        (
            "class Test(TestCase):\n    def setUp(self):\n        self.cart = {}\n"
            "    def test(self):\n        self.assertEqual(total(self.cart), 3)\n",
            "cart = {}",
            "total(cart)",
        ),
        (
            "class Test:\n    tax = 2\n    def sum(self, n):\n        assert n\n"
            "        return total({'sum': n * self.tax})\n    def test(self):\n        self.sum(3)\n",
            "tax = 2\ndef sum(n):\n    return total({'sum': n * tax})",
            "sum(3)",
        ),
    ],
    ids=["assertion", "refusal", "loop", "async", "table", "named-table", "param", "fixtures", "unittest", "method"],
)  # fmt: skip
def test_a_test_becomes_plain_code(test, setup, expression, tmp_path):
    call = calls(tmp_path, test)[0]
    assert (call.setup.strip(), call.expression) == (setup, expression)


@pytest.mark.parametrize(
    "test",
    [
        "def test(unknown):\n    total(unknown)\n",
        "class Test(TestCase):\n    def test(self):\n        total(self.client.cart)\n",
        "class Test:\n    def test(self):\n        super().test()\n        total({})\n",
    ],
    ids=["fixture of a plugin", "field of a foreign base", "super"],
)
def test_what_is_not_known_is_not_guessed(test, tmp_path):
    assert calls(tmp_path, test) == []


def test_fixtures_and_bases_of_other_modules_come_with_their_imports(tmp_path):
    found = calls(
        tmp_path,
        "from tests.base import Base\n\nclass Test(Base):\n    def test(self):\n        self.sum(money)\n"
        "def test_other(cart):\n    total(cart)\n",
        base="import decimal\nfrom shop import total\n\nclass Base:\n    def sum(self, n):\n"
        "        return total({'sum': decimal.Decimal(n)})\n",
        conftest="import json\n\n@fixture\ndef cart():\n    return json.loads('{}')\n",
        test_base="from tests.base import Base\n",
    )
    other = next(call for call in found if call.expression == "total(cart)")
    assert other.imports == "import json"


@pytest.mark.parametrize(
    ("path", "line", "absolute"),
    [
        ("shop/tests/test_a.py", "from . import base", "from shop.tests import base"),
        ("shop/tests/test_a.py", "from ..cart import Cart", "from shop.cart import Cart"),
        ("shop/tests/__init__.py", "from .base import x", "from shop.tests.base import x"),
        ("tests/test_a.py", "import os.path", "import os.path"),
    ],
)
def test_relative_imports_become_absolute(path, line, absolute, tmp_path):
    (tmp_path / path).parent.mkdir(parents=True)
    (tmp_path / path).write_text(line)
    assert [ast.unparse(n) for n in Suite(tmp_path, path).imports] == [absolute]


def test_modules_that_name_the_crash_come_first(tmp_path):
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/test_a.py").write_text("x = 1\n")
    (tmp_path / "tests/test_b.py").write_text("from shop import total\n")
    found = suites(tmp_path, CRASH)
    assert [suite.path for suite in found] == ["tests/test_b.py", "tests/test_a.py"]


@pytest.mark.parametrize(
    ("page", "text", "imports", "setup", "expression"),
    [
        ("shop.py", f'"""Sums.\n\n>>> total({{}})\n"""\n{SHOP}', "from shop import total", "", "total({})"),
        ("README.md", "# Shop\n```python\nimport shop\nshop.total({})\n```\n", "import shop", "", "shop.total({})"),
        ("a.rst", ".. code:: python\n\n    import shop\n    c = 3\n    f(c)\n\nEnd\n", "import shop", "c = 3", "f(c)"),
        ("examples/a.py", "import shop\nc = 4\nshop.sum(c)\n", "import shop", "c = 4", "shop.sum(c)"),
    ],
)  # fmt: skip
def test_examples_of_the_documentation_are_calls(page, text, imports, setup, expression, tmp_path):
    (tmp_path / "shop.py").write_text(SHOP)
    (tmp_path / page).parent.mkdir(exist_ok=True)
    (tmp_path / page).write_text(text)
    call = examples(tmp_path, CRASH)[0]
    assert (call.imports, call.setup, call.expression) == (imports, setup, expression)
