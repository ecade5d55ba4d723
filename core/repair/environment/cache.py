"""Environments on disk: one folder each, named by the hash of what it was made from; complete or not there at all.

``NAME-HASH`` is the folder, which only its build room can write, and only until it is complete. ``NAME-HASH.json``
beside it is written last, by the platform: without it the folder counts for nothing and is removed. A repository's
name is part of the hash, so that none can put anything into another's environment.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

FORMAT = 3  # raised when what is built changes
KEPT, DISK = 24, 24 << 30  # environments; bytes of all of them
YOUNG = 3600.0  # seconds since its last use in which an environment is never removed
PATIENCE = 1800.0  # seconds to wait for another process that builds the same one


@dataclass(frozen=True)
class Cached:
    """A complete environment. ``told`` is what its builder said of it."""

    folder: Path
    told: Mapping[str, Any]
    found: bool  # it was there already


def key(parts: Mapping[str, Any]) -> str:
    """The hash of what an environment is made from."""
    text = json.dumps({"format": FORMAT, **parts}, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def get(root: Path, name: str, hash_: str) -> Cached | None:
    """The environment, when it is complete; it counts as used now."""
    folder, marker = root / f"{name}-{hash_}", root / f"{name}-{hash_}.json"
    try:
        told = json.loads(marker.read_text("utf-8"))
        os.utime(marker)
    except (OSError, ValueError):
        return None
    return Cached(folder, told, found=True) if isinstance(told, dict) and folder.is_dir() else None


def used(folder: Path) -> bool:
    """Note that an environment is in use; whether it is still there."""
    try:
        os.utime(folder.with_name(f"{folder.name}.json"))
    except OSError:
        return False
    return folder.is_dir()


def get_or_build(root: Path, name: str, hash_: str, build: Callable[[Path], Mapping[str, Any]]) -> Cached:
    """The environment, built by ``build(folder)`` where it is not complete; by one process, while others wait.

    Raises whatever the build raises, and TimeoutError when another process builds it for too long.
    """
    if found := get(root, name, hash_):
        return found
    root.mkdir(parents=True, exist_ok=True)
    folder, marker = root / f"{name}-{hash_}", root / f"{name}-{hash_}.json"
    with _locked(root / f"{name}-{hash_}.lock"):
        if found := get(root, name, hash_):
            return found
        _remove(folder)
        folder.mkdir()
        try:
            told = dict(build(folder))
            for spent in ("cache", "tmp"):
                _remove(folder / spent)
            _write(marker, json.dumps(told))
        except BaseException:
            _remove(folder)
            raise
    evict(root, keep=folder)
    return Cached(folder, told, found=False)


@contextmanager
def _locked(path: Path, patience: float = PATIENCE) -> Iterator[None]:
    try:
        with FileLock(path, timeout=patience):
            yield
    except Timeout:
        raise TimeoutError(f"another process has been building {path.stem} for {patience / 60:.0f} minutes") from None


def _write(path: Path, text: str) -> None:
    """A marker that is whole or not there, also after a power failure."""
    part = path.with_suffix(".part")
    with open(part, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def _remove(folder: Path) -> None:
    if folder.is_symlink():
        folder.unlink()
    else:
        shutil.rmtree(folder, ignore_errors=True)


def evict(root: Path, keep: Path, kept: int = KEPT, disk: int = DISK) -> list[str]:
    """Remove the least recently used environments beyond a number and a size; the names of those removed."""
    used = sorted(root.glob("*.json"), key=lambda path: -path.stat().st_mtime)
    gone, size = [], 0
    for place, marker in enumerate(used):
        folder = marker.with_suffix("")
        size += size_of(folder)
        old = time.time() - marker.stat().st_mtime > YOUNG
        if folder != keep and old and (place >= kept or size > disk) and _evicted(marker, folder):
            gone.append(folder.name)
    return gone


def _evicted(marker: Path, folder: Path) -> bool:
    try:
        with FileLock(marker.with_suffix(".lock"), timeout=0):
            marker.unlink(missing_ok=True)  # first: without it, what is left of the folder counts for nothing
            _remove(folder)
            return True
    except Timeout:
        return False


def size_of(folder: Path) -> int:
    """Bytes on disk below a folder; links are not followed, and a file with several names counts once."""
    seen: dict[tuple[int, int], int] = {}
    for place, _, files in os.walk(folder):
        for name in files:
            told = os.lstat(os.path.join(place, name))
            seen[told.st_dev, told.st_ino] = told.st_blocks * 512
    return sum(seen.values())
