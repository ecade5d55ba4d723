"""The remembered grounds: one that cannot be used any more is replaced."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from core.policy.services import Repository
from core.runtime import Runtime
from core.settings import Settings
from core.stages import ground as module


def test_a_ground_of_another_runner_is_replaced(tmp_path, monkeypatch):
    made: list[Any] = []

    def prepared(rt, *_):
        made.append(SimpleNamespace(runner=rt.runner, usable=True))
        return made[-1]

    monkeypatch.setattr(module, "prepared", prepared)
    found = cast(Any, SimpleNamespace(path=tmp_path))

    def of(runner: str) -> Any:
        rt = Runtime(Settings(), runner=cast(Any, SimpleNamespace(name=runner)))
        return module.ground(rt, "shop", Repository(remote=""), found, "c0ffee", tmp_path)

    assert [of("limited"), of("bubblewrap"), of("bubblewrap")] == [made[0], made[1], made[1]]
