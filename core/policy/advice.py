"""What a platform.toml leaves to its defaults that its authors should know. Pure.

A file of an earlier release keeps working; these notes give its meaning today and the key to set.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from core.policy.reader import Policy
from core.policy.services import Repository


def _unset(*keys: str) -> Callable[[Repository], bool]:
    return lambda repository: not repository.model_fields_set & set(keys)


NOTES: tuple[tuple[Callable[[Repository], bool], str], ...] = (
    (
        lambda r: not r.delivery and not r.vercel_project,
        "delivery is pull_request because vercel_project is empty; name the way with delivery",
    ),
    (
        lambda r: not r.delivery and bool(r.vercel_project),
        "delivery is vercel because vercel_project is set; name the way with delivery",
    ),
    (
        _unset("environment_build"),
        'the environment is discovered; environment_build = "auto" states this, and "platform" is the platform\'s own '
        "interpreter, as in earlier releases",
    ),
    (
        _unset("source", "tests"),
        "source and tests are discovered; name them if the repository has more than one service",
    ),
    (
        lambda r: r.way == "pull_request" and not r.github,
        "branches are pushed, but no pull request is opened: github is empty",
    ),
    (lambda r: not r.production_url, "a release has no health check: production_url is empty"),
)


def notes(policy: Policy) -> Iterator[str]:
    """Each note with the key of its repository in front."""
    for name, repository in policy.repositories.items():
        yield from (f"repositories.{name}: {message}" for applies, message in NOTES if applies(repository))
