"""Which tests are asked first: those that import what a change touches, also by way of other modules."""

from __future__ import annotations

import pytest

from core.repair.prove.related import related

TREE = {
    "src/shop/__init__.py": "",
    "src/shop/money.py": "",
    "src/shop/cart.py": "from .money import add\n",
    "src/shop/api.py": "from shop import cart\n",
    "src/shop/other.py": "",
    "tests/test_money.py": "import shop.money\n",
    "tests/test_cart.py": "from shop.cart import Cart\n",
    "tests/test_api.py": "from shop import api\n",
    "tests/test_other.py": "from shop.other import x\n",
    "tests/conftest.py": "import shop.money\n",
}


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ("src/shop/money.py", ["tests/test_money.py", "tests/test_cart.py", "tests/test_api.py"]),
        ("src/shop/cart.py", ["tests/test_cart.py", "tests/test_api.py"]),
        ("src/shop/other.py", ["tests/test_other.py"]),
        ("src/shop/missing.py", []),
    ],
)
def test_nearest_first(tmp_path, changed, found):
    for name, text in TREE.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert related(tmp_path, [changed]) == found
