"""A model as fixer. It proposes text; policy, judging and proof treat it like any other candidate."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field, ValidationError

from core.models import Crash
from core.models.patterns import whole
from core.models.templates import Template
from core.repair.fixers.prompting import SCHEMA, SYSTEMS, TEST_SCHEMA, TESTING, prompt
from core.repair.sandbox.runner import read_back
from core.repair.types import Candidate
from core.vendors.base import VendorError


class Edit(BaseModel):
    path: str
    old_text: str
    new_text: str


class Answer(BaseModel):
    files: list[Edit]
    rationale: str = ""
    raises: str = Field(default="", pattern=r"^(\w+(\.\w+)*)?$", max_length=200)
    tokens: int = Field(default=0, ge=0)
    cost_usd: float = Field(default=0.0, ge=0, allow_inf_nan=False)


class ModelFixer:
    """``complete(system, user, schema)`` returns the answer as a mapping; it may add tokens and cost_usd.

    It may raise VendorError with the ``tokens`` that were spent.
    """

    kind = Template.BUG_FIX

    def __init__(self, complete: Callable[[str, str, dict], Mapping[str, Any]], name: str = "openai", samples: int = 1):
        self.complete, self.name, self.samples = complete, name, samples
        self.unbilled = 0  # tokens spent on tests, until they are recorded with a candidate

    def tests(self, tree: Path, crash: Crash, feedback: Sequence[str] = ()) -> Iterator[str]:
        """The text of a failing test, which the engine checks; nothing if the answer was unusable."""
        try:
            reply = self.complete(TESTING, prompt(tree, crash, feedback), TEST_SCHEMA)
        except VendorError as error:
            self.unbilled += getattr(error, "tokens", 0)
            return
        self.unbilled += _whole(reply.get("tokens"))
        if isinstance(code := reply.get("code"), str) and code:
            yield code

    def propose(self, tree: Path, crash: Crash, feedback: Sequence[str] = ()) -> Iterator[Candidate]:
        """One candidate per sample; they are judged together."""
        for _ in range(self.samples):
            yield self._one(tree, crash, feedback)

    def _one(self, tree: Path, crash: Crash, feedback: Sequence[str]) -> Candidate:
        """One candidate; without files if the answer was unusable, so that its cost is still recorded."""
        started = time.monotonic()
        answer, files, why = Answer(files=[]), {}, ""
        try:
            reply = self.complete(SYSTEMS[self.kind], prompt(tree, crash, feedback), SCHEMA)
            answer = Answer(files=[], tokens=_whole(reply.get("tokens")))
            answer = Answer.model_validate(reply)
            files = applied(tree, answer.files)
        except VendorError as error:
            answer, why = Answer(files=[], tokens=getattr(error, "tokens", 0)), str(error)
        except ValidationError:
            why = "the answer does not match the schema"
        except (ValueError, OSError) as error:
            files, why = {}, f"the edits do not apply: {error}"
        spent, self.unbilled = self.unbilled, 0
        return Candidate(
            template="model",
            files=files,
            rationale=whole(why or answer.rationale[:2000]),
            raises=_importing(answer.raises),
            generator=self.name,
            tokens=answer.tokens + spent,
            cost_usd=answer.cost_usd,
            seconds=round(time.monotonic() - started, 2),
        )


def _importing(name: str) -> str:
    """``shop.errors.Refused`` as an import line, followed by the name."""
    module, _, last = name.rpartition(".")
    return f"from {module} import {last}\n{last}" if module and module != "builtins" else last


def _whole(value: object) -> int:
    return value if isinstance(value, int) and value > 0 else 0


def applied(tree: Path, edits: Sequence[Edit]) -> dict[str, str]:
    """New texts of the edited files. Raises ValueError unless each old text occurs exactly once."""
    texts: dict[str, str] = {}
    for edit in edits:
        path = tree / edit.path
        if not path.resolve().is_relative_to(tree.resolve()) or path.is_symlink():
            raise ValueError(f"{edit.path} is outside of the repository")
        old = texts.get(edit.path, read_back(path))
        if old.count(edit.old_text) != 1 and (old or edit.old_text):
            raise ValueError(f"{edit.path}: the text to replace does not occur exactly once")
        texts[edit.path] = old.replace(edit.old_text, edit.new_text, 1)
    return texts
