"""The policy of a running process, while somebody edits platform.toml."""

from __future__ import annotations

import os

from core.runtime import Runtime
from core.settings import Settings


def test_the_last_valid_file_that_comes_back_with_its_old_time_is_valid(tmp_path):
    path, kept = tmp_path / "platform.toml", tmp_path / "kept.toml"
    kept.write_text("[guards]\ndeployments_per_hour = 3\n", encoding="utf-8")
    os.link(kept, path)
    rt = Runtime(Settings(platform_file=path, data_dir=tmp_path))
    assert (rt.policy.guards.deployments_per_hour, rt.policy_error) == (3, "")
    path.unlink()
    path.write_text("guards = 1", encoding="utf-8")
    os.utime(path, (1, 1))
    assert rt.policy.guards.deployments_per_hour == 3 and "guards" in rt.policy_error
    os.replace(kept, path)
    assert (rt.policy.guards.deployments_per_hour, rt.policy_error) == (3, "")
