"""Environments on disk are complete or count for nothing, are built by one, and do not fill the disk."""

from __future__ import annotations

import json
import os
import threading
import time

import pytest

from core.repair.environment import cache


def fill(folder):
    (folder / "venv").mkdir()
    (folder / "cache").mkdir()
    (folder / "venv" / "file").write_bytes(b"x" * 5000)
    return {"python": "3.12"}


def test_what_is_complete_is_found_without_what_its_build_left(tmp_path):
    made = cache.get_or_build(tmp_path, "shop", "abc", fill)
    again = cache.get_or_build(tmp_path, "shop", "abc", lambda _: pytest.fail("it is there"))
    assert (made.found, again.found, again.values) == (False, True, {"python": "3.12"})
    assert os.listdir(again.folder) == ["venv"]


def test_what_a_killed_build_left_is_built_anew(tmp_path):
    (tmp_path / "shop-abc" / "venv").mkdir(parents=True)
    (tmp_path / "shop-abc" / "venv" / "half").write_text("")
    assert cache.get(tmp_path, "shop", "abc") is None
    made = cache.get_or_build(tmp_path, "shop", "abc", fill)
    assert os.listdir(made.folder / "venv") == ["file"]


@pytest.mark.parametrize("marker", ["", "{", "null"])
def test_a_marker_that_is_not_whole_is_none(tmp_path, marker):
    (tmp_path / "shop-abc").mkdir()
    (tmp_path / "shop-abc.json").write_text(marker)
    assert cache.get(tmp_path, "shop", "abc") is None


def test_a_build_that_fails_leaves_nothing(tmp_path):
    def broken(folder):
        fill(folder)
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        cache.get_or_build(tmp_path, "shop", "abc", broken)
    assert [path for path in tmp_path.iterdir() if path.suffix != ".lock"] == []


def test_a_link_that_a_build_left_is_not_followed(tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_text("")

    def linking(folder):
        (folder / "cache").symlink_to(outside)
        return {}

    made = cache.get_or_build(tmp_path / "data", "shop", "abc", linking)
    assert (outside / "kept").exists() and not list(made.folder.iterdir())


def test_of_many_at_once_one_builds(tmp_path):
    built, ready = [], threading.Barrier(4)

    def slow(folder):
        built.append(folder)
        return fill(folder)

    def ask():
        ready.wait()
        cache.get_or_build(tmp_path, "shop", "abc", slow)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(built) == 1


def aged(tmp_path, count):
    for number in range(count):
        cache.get_or_build(tmp_path, "shop", str(number), fill)
        at = time.time() - cache.YOUNG - 1000 + number
        os.utime(tmp_path / f"shop-{number}.json", (at, at))


def test_the_least_recently_used_go_first(tmp_path):
    aged(tmp_path, 5)
    gone = cache.evict(tmp_path, keep=tmp_path / "shop-0", kept=3)
    assert sorted(gone) == ["shop-1"] and (tmp_path / "shop-0").exists() and not (tmp_path / "shop-1.json").exists()


def test_their_size_is_bounded_and_what_was_used_just_now_stays(tmp_path):
    aged(tmp_path, 3)
    os.utime(tmp_path / "shop-0.json")
    assert sorted(cache.evict(tmp_path, keep=tmp_path / "none", disk=1)) == ["shop-1", "shop-2"]
    assert cache.get(tmp_path, "shop", "0")


def test_each_part_decides_on_the_key():
    parts = {"repository": "shop", "files": {"a": "1"}, "python": "3.12"}
    others = [{**parts, "repository": "x"}, {**parts, "files": {"a": "2"}}, {**parts, "python": "3.13"}]
    assert len({cache.key(one) for one in [parts, *others]}) == 4 and cache.key(parts) == cache.key(
        json.loads(json.dumps(parts))
    )
