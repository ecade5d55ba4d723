"""Which file of the tree a frame of a report means."""

from __future__ import annotations

import pytest

from core.repair.localize.locate import find

FILES = (
    "setup.py",
    "src/parcels/models.py",
    "services/orders/orders/slots.py",
    "services/a/common/text.py",
    "services/b/common/text.py",
    "shop/cart.py",
)


@pytest.mark.parametrize(
    ("named", "file"),
    [
        ("shop/cart.py", "shop/cart.py"),
        ("/app/shop/cart.py", "shop/cart.py"),
        ("C:\\app\\shop\\cart.py", "shop/cart.py"),
        ("parcels/models.py", "src/parcels/models.py"),  # Sentry names the module's path
        ("/app/src/parcels/models.py", "src/parcels/models.py"),
        ("/app/orders/slots.py", "services/orders/orders/slots.py"),  # the image holds the service's folder alone
        ("/usr/lib/python3/site-packages/click/core.py", None),
        ("models.py", None),  # a bare name could be anybody's
        ("common/text.py", None),  # two files end so
        ("p*/models.py", None),
        ("../shop/cart.py", "shop/cart.py"),
        ("x\0/models.py", None),
    ],
)
def test_the_file_of_a_frame(tmp_path, named, file):
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    assert find(tmp_path, named) == file
