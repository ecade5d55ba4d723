"""Parses manifests in the sandbox, because they are untrusted; the result is validated and limited in size."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from json import dumps
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from core.repair.sandbox.runner import read_back
from core.repair.types import Runner
from core.stages.review import manifests
from core.stages.review.manifests import LONGEST, Packages

MOST, SECONDS = 50_000, 30.0  # packages of one repository; the time that all of its parsers may take
Name = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$", max_length=LONGEST)]
Version = Annotated[str, Field(pattern=r"^[0-9A-Za-z.!+_-]+$", max_length=LONGEST)]
Text = Annotated[str, Field(max_length=2000)]


class ManifestReport(BaseModel):
    pinned: Annotated[list[tuple[Name, Version, Text]], Field(max_length=MOST)]
    loose: dict[Text, Annotated[list[Name], Field(max_length=MOST)]]
    unread: dict[Text, Text]


ANSWER = TypeAdapter(list[ManifestReport])


def read(held: list[Mapping[str, str]], runner: Runner) -> list[Packages]:
    """The packages of each set of manifests (text by path), as by manifests.read; all unread if the parsers fail."""
    if not any(held):
        return [Packages() for _ in held]
    with tempfile.TemporaryDirectory(prefix="manifests-") as folder:
        job, answer = Path(folder, "job.json"), Path(folder, "answer.json")
        job.write_text(dumps(held), encoding="utf-8")
        script = Path(manifests.__file__).read_text(encoding="utf-8")
        runner.run(["python", "-I", "-c", script, job.name, answer.name], Path(folder), SECONDS)
        text = read_back(answer)
    try:
        reports = ANSWER.validate_json(text)
    except ValidationError:
        reports = []
    if len(reports) != len(held):
        return [Packages(unread=dict.fromkeys(one, "could not be read in the sandbox")) for one in held]
    return [_packages(one) for one in reports]


def _packages(report: ManifestReport) -> Packages:
    pinned = {(name, version): path for name, version, path in report.pinned}
    return Packages(pinned, report.loose, report.unread)
