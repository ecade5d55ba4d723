"""Discovers the layout and the dependencies of a checkout: its service, source and tests, and their packages.

Its manifests are untrusted, so they are read in the sandbox; the result is validated and limited in size.
"""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field, ValidationError

from core.policy import names
from core.policy.services import Repository
from core.repair.environment import layout_inside, needs_inside
from core.repair.environment.fault import EnvironmentFault
from core.repair.sandbox.desk import desk
from core.repair.sandbox.runner import read_back
from core.repair.types import Runner

MOST, SECONDS = 2000, 60.0
Line = Annotated[str, Field(max_length=2000, pattern=r"^[^-\s][^\r\n]*$|^-e [^\r\n]+$")]
Place = Annotated[str, AfterValidator(names.folder), Field(max_length=1000)]
Short = Annotated[str, Field(max_length=200)]
Word = Annotated[str, AfterValidator(names.name)]


class Needs(BaseModel):
    """``lines`` are requirements, ``files`` requirements files, ``pins`` versions of a lock file, ``project`` the file
    with the project's own dependencies, ``uv_lock`` the folder of uv's lock file. ``read`` are the files that these
    values come from. Paths are relative to the root. ``elsewhere``: dependencies that come from no index, each with its
    source.
    """

    extras: Annotated[list[Word], Field(max_length=MOST)]
    groups: Annotated[list[Word], Field(max_length=MOST)]
    lines: Annotated[list[Line], Field(max_length=MOST)]
    files: Annotated[list[Place], Field(max_length=MOST)]
    pins: Annotated[list[Line], Field(max_length=MOST)]
    project: Annotated[str, Field(pattern=r"^(pyproject\.toml|setup\.py|setup\.cfg|)$")]
    editable: bool
    uv_lock: Place | Annotated[str, Field(max_length=0)]
    wishes: Annotated[list[tuple[Short, Short]], Field(max_length=MOST)]
    read: Annotated[list[Place], Field(max_length=MOST)]
    elsewhere: Annotated[list[tuple[Annotated[str, Field(max_length=500)], Short]], Field(max_length=MOST)]

    @property
    def nothing(self) -> bool:
        """Does the checkout name no dependency at all?"""
        return not (self.lines or self.files or self.project or self.uv_lock or self.editable)


class Layout(BaseModel):
    """Paths relative to the service's folder. ``roots``: further folders from which its code is imported.

    ``django``: the settings module for tests, if pytest is not configured with one; ``python_files``: pytest is
    configured with a pattern of test files.
    """

    source: Annotated[list[Place], Field(min_length=1, max_length=MOST)]
    tests: Place | Annotated[str, Field(max_length=0)]
    roots: Annotated[list[Place], Field(max_length=MOST)]
    django: Annotated[str, Field(max_length=200, pattern=r"^[\w.]*$")]
    python_files: bool


class Discovery(BaseModel):
    folder: Place
    needs: Needs
    layout: Layout


@cache
def _script() -> str:
    return "\n\n".join(Path(str(module.__file__)).read_text("utf-8") for module in (needs_inside, layout_inside))


def discover(tree: Path, repository: Repository, runner: Runner) -> Discovery:
    """Discover the checkout at ``tree``; values of the policy take precedence. ``runner`` is the platform's own.

    Raises EnvironmentFault if the service's folder does not exist or the checkout cannot be read.
    """
    known = repository.model_fields_set
    job = {
        "folder": repository.folder if "folder" in known else "",
        "extras": repository.extras if "extras" in known else None,
        "groups": repository.groups if "groups" in known else None,
        "source": repository.source if "source" in known else [],
    }
    with desk(tree) as made:
        answer = made.folder / "answer"
        done = runner.run(["python", "-I", "-c", _script(), json.dumps(job), f"{made.name}/answer"], tree, SECONDS)
        text = read_back(answer)
    try:
        report = json.loads(text or "null")
        if isinstance(report, dict) and "missing" in report:
            raise EnvironmentFault(
                f"The repository has no folder {repository.folder!r}.", "Correct folder in platform.toml."
            )
        return Discovery.model_validate(report)
    except (ValueError, ValidationError):
        why = done.stopped or done.stderr.strip()[-300:] or "its output is not valid"
        raise EnvironmentFault(f"The manifests of the repository could not be read: {why}") from None


def filled(repository: Repository, found: Discovery) -> Repository:
    """The repository of the policy, with unset values filled in from the discovery."""
    layout = found.layout
    values = {"folder": found.folder, "source": layout.source} | ({"tests": layout.tests} if layout.tests else {})
    return repository.model_copy(
        update={name: value for name, value in values.items() if name not in repository.model_fields_set}
    )


def digest(tree: Path, paths: list[str]) -> dict[str, str]:
    """Path -> SHA-256 of the file's content."""
    return {path: hashlib.sha256(read_back(tree / path).encode()).hexdigest() for path in paths}
