"""What a scan stores: a finding is one signal, also where the process dies within the scan; and where a line is now."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace

import pytest

from core.db import store
from core.models import Signal, now
from core.models.security import SecurityScan
from core.policy.reader import parse_policy
from core.runtime import Runtime
from core.settings import Settings
from core.stages.security import scan, unsafe_lines
from tests.guards.stored import rows
from tests.security.test_finding import line
from tests.security.test_sources import POLICY


class Died(BaseException):
    pass


def test_a_finding_is_one_signal_although_the_first_scan_died(tmp_path, monkeypatch):
    store.open_store(f"sqlite:///{tmp_path / 'platform.db'}")
    rt, began = Runtime(Settings(data_dir=tmp_path)), now()
    rt._policy, rt._read_at = parse_policy(POLICY, "platform.toml"), 0.0
    with store.write() as session:
        store.row_of(session, SecurityScan, repository="shop")

    def die(*_):
        raise Died

    monkeypatch.setattr(scan.gone, "settle", die)
    for hours in range(2):
        monkeypatch.setattr(scan.store, "time", lambda hours=hours: began + timedelta(hours=hours))
        with pytest.raises(Died):
            scan._keep(rt, "shop", "a" * 40, {"bandit": [line(path="shop/cart.py")]}, {})
    assert len(rows(Signal, Signal.source == "bandit")) == 1


@pytest.mark.parametrize("length", [20, 199, 5000])
def test_a_long_line_is_found_again(tmp_path, monkeypatch, length):
    code = f"db.execute('{'x' * length}')"
    (tmp_path / "shop.py").write_text(f"# a\x0cb\ndef f(db):\n    {code}\n")
    monkeypatch.setattr(unsafe_lines.checkout, "tracked", lambda *_: ["shop.py"])
    bench = SimpleNamespace(tree=tmp_path, code=SimpleNamespace(inner=lambda path: path))
    found = unsafe_lines.located(bench, line(path="shop.py", code=code).details)
    assert found and (found.line, found.function) == (3, "f")
