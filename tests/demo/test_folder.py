"""The folder of the demo: only that of an earlier demo is replaced."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from core.demo import command


def test_a_folder_with_other_files_is_not_emptied(tmp_path):
    (tmp_path / "letters.txt").write_text("mine")
    with pytest.raises(SystemExit, match="holds other files"), command.simulator(SimpleNamespace(dir=tmp_path)):
        pass
    assert (tmp_path / "letters.txt").read_text() == "mine"
