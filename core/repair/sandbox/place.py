"""Where a checkout of the platform begins: a service may live in a folder of it."""

from __future__ import annotations

from pathlib import Path


def beside(tree: Path) -> Path:
    """Where the git directory of a checkout of the platform lies."""
    return tree.with_name(f"{tree.name}.git")


def is_checkout(tree: Path) -> bool:
    return (beside(tree) / "commondir").is_file()


def root_of(tree: Path) -> Path:
    """The checkout that a folder lies in; the folder itself where the platform made none.

    The outermost one counts: what lies inside of a checkout was written by a stranger, who may imitate one.
    """
    return next((path for path in (*reversed(tree.parents), tree) if path.name and is_checkout(path)), tree)
