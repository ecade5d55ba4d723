"""Finds the root of a checkout of the platform from a folder in it, such as that of a service."""

from __future__ import annotations

from pathlib import Path


def beside(tree: Path) -> Path:
    """The path of the git directory of a checkout of the platform."""
    return tree.with_name(f"{tree.name}.git")


def is_checkout(tree: Path) -> bool:
    return (beside(tree) / "commondir").is_file()


def root_of(tree: Path) -> Path:
    """The checkout that contains a folder; the folder itself if there is none of the platform.

    The outermost one counts, because the untrusted content of a checkout may imitate another one.
    """
    return next((path for path in (*reversed(tree.parents), tree) if path.name and is_checkout(path)), tree)
