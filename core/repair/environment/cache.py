"""The cache of environments on disk: one folder for each, named by the hash of its inputs; complete or absent.

The folder ``NAME-HASH`` is writable only for its build room, and only until it is complete. The platform writes
``NAME-HASH.json`` last: without that marker, the folder is incomplete and is removed. The hash includes the
repository's name, so that no repository can write into the environment of another.
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

FORMAT = 3  # increased when the content of environments changes
KEPT, DISK = 24, 24 << 30  # maximum number of environments; maximum bytes of all
YOUNG = 3600.0  # seconds after its last use during which an environment is not removed
PATIENCE = 1800.0  # seconds to wait for another process that builds the same environment


@dataclass(frozen=True)
class Cached:
    """A complete environment. ``values`` is what its builder returned: JSON, stored in the marker."""

    folder: Path
    values: Mapping[str, Any]
    found: bool  # it was there already


def key(parts: Mapping[str, Any]) -> str:
    """The hash of the inputs of an environment."""
    text = json.dumps({"format": FORMAT, **parts}, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def get(root: Path, name: str, hash_: str) -> Cached | None:
    """The environment if it is complete, else None. Marks it as just used."""
    folder, marker = root / f"{name}-{hash_}", root / f"{name}-{hash_}.json"
    try:
        values = json.loads(marker.read_text("utf-8"))
        os.utime(marker)
    except (OSError, ValueError):
        return None
    return Cached(folder, values, found=True) if isinstance(values, dict) and folder.is_dir() else None


def used(folder: Path) -> bool:
    """Mark an environment as just used; False if it no longer exists."""
    try:
        os.utime(folder.with_name(f"{folder.name}.json"))
    except OSError:
        return False
    return folder.is_dir()


def get_or_build(root: Path, name: str, hash_: str, build: Callable[[Path], Mapping[str, Any]]) -> Cached:
    """The environment; if it is missing, one process builds it with ``build(folder)`` while others wait.

    Raises the errors of the build, and TimeoutError when another process takes too long to build it.
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
            values = dict(build(folder))
            for spent in ("cache", "tmp"):
                _remove(folder / spent)
            _write(marker, json.dumps(values))
        except BaseException:
            _remove(folder)
            raise
    evict(root, keep=folder)
    return Cached(folder, values, found=False)


@contextmanager
def _locked(path: Path, patience: float = PATIENCE) -> Iterator[None]:
    try:
        with FileLock(path, timeout=patience):
            yield
    except Timeout:
        raise TimeoutError(f"another process has been building {path.stem} for {patience / 60:.0f} minutes") from None


def _write(path: Path, text: str) -> None:
    """Write a marker atomically, safe against a power failure."""
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
    """Remove the least recently used environments beyond the limits of number and size; returns their names."""
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
            marker.unlink(missing_ok=True)  # first: without the marker, the remaining folder is incomplete
            _remove(folder)
            return True
    except Timeout:
        return False


def size_of(folder: Path) -> int:
    """Bytes on disk below a folder; links are not followed, and hard links count once."""
    seen: dict[tuple[int, int], int] = {}
    for place, _, files in os.walk(folder):
        for name in files:
            status = os.lstat(os.path.join(place, name))
            seen[status.st_dev, status.st_ino] = status.st_blocks * 512
    return sum(seen.values())
