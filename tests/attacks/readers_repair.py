"""Readers of repair and review: values, messages, documentation, patches, manifests, output of tests."""

from __future__ import annotations

import ast
import contextlib
import json
import tempfile
from dataclasses import replace
from functools import cache
from itertools import chain, islice
from pathlib import Path
from typing import Any

from console.parts import connectors
from console.ui import diff
from core.decision import situation
from core.models import ChangeSet, Crash, Frame, Raised
from core.policy.reader import ConfigurationError, parse_policy
from core.policy.sections import FixRules
from core.queries import post_mortem
from core.repair.fixers import prompting
from core.repair.fixers.embedded import EmbeddedFixer
from core.repair.fixers.model_fixer import ModelFixer
from core.repair.judge import capabilities, forbidden_code, policy
from core.repair.localize import fixability
from core.repair.localize.locate import located
from core.repair.propose import OPERATORS, documentation
from core.repair.prove import generated_tests, kept_rows, proof
from core.repair.reproduce import (
    content,
    mutate,
    reproduce,
    seed_values,
    shorten,
    test_calls,
    toward,
    values,
    written_tests,
)
from core.repair.reproduce.inputs import recorded_calls
from core.repair.sandbox import nearness_inside, probe, sealed
from core.repair.types import Candidate, RegressionTest
from core.stages import duplicate_fixes, fix
from core.stages.review import documents, gate, gates, imports, manifests
from core.stages.review.runtime_gates import functions
from core.vendors import openai
from core.vendors.base import VendorError
from tests.attacks.reader import Reader, crash

TOML = 10_000  # characters: tomllib's time grows with the square of the dots in a key
VALUE = 20_000  # characters of a local's value: ten times what is stored of one
PROGRAM = '''"""The cart. A customer without a cart has an empty list."""

DEFAULT_CURRENCY = "EUR"


def show(cart, rows: list[str] | None = None) -> int:
    """The total of a cart; zero when there is nothing in it."""
    total = 0
    for row in rows or []:
        total += int(cart[row]["price"]) / len(rows)
    return total


def all_of(carts):
    return [show(cart, ["a"]) for cart in carts]
'''
MESSAGES = (
    "{}",
    "'{}'",
    "invalid literal for int() with base 10: '{}'",
    "name '{}' is not defined",
    "{}() takes 1 positional",
)


@cache
def program() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="program-"))
    (folder / "shop").mkdir()
    (folder / "shop/cart.py").write_text(PROGRAM, encoding="utf-8")
    return folder


def _reported(text: str, kind: str, line: int = 10) -> Crash:
    frame = Frame(
        file="shop/cart.py", line=line, function="show", code="", locals={"cart": text[:VALUE], "rows": "['a']"}
    )
    return Crash(exception=Raised(type=kind, message=text), frames=(frame,), logs=(text,))


def _proposed(text: str) -> None:
    for kind in OPERATORS:  # ANY is no exception's name, and has the operators of every exception
        for message in MESSAGES[: 1 if kind != "TypeError" else None]:
            list(EmbeddedFixer().propose(program(), located(program(), _reported(message.format(text), kind))))


def _documented(text: str) -> None:
    """A program whose documentation and constants are the text."""
    with tempfile.TemporaryDirectory() as folder:
        source = PROGRAM.replace('"""The total of a cart; zero when there is nothing in it."""', repr(text))
        (Path(folder) / "shop").mkdir()
        (Path(folder) / "shop/cart.py").write_text(f"{text!r}\n{source}".encode("ascii", "backslashreplace").decode())
        for kind in ("KeyError", "TypeError", "ValueError", "ZeroDivisionError", "UnicodeDecodeError"):
            found = _reported("'a' and 'str' padding", kind, line=11)
            list(EmbeddedFixer().propose(Path(folder), located(Path(folder), found)))


def _held(text: str) -> Frame:
    return Frame(file="shop/cart.py", line=10, function="show", code=text[:2000], locals={"row": text, "x": repr(text)})


def _guessed(text: str) -> None:
    found = _reported(text, "KeyError")
    mutate.pool_of(found)
    seed_values.hints(text)
    fixability.classify(found, program())
    reproduce.written(probe.Call("", "show({})"), crash(text, "E").model_copy(update={"frames": found.frames}))
    reproduce.reproduces(
        probe.ProbeOutcome(error="KeyError", text=text, file="shop/cart.py", function="show", line=10), found
    )
    prompting.prompt(program(), found, [text])
    call = probe.Call(
        "import shop.cart", f"shop.cart.show({{'a': {text[:2000]!r}, 'at': '2024-05-06T07:08'}}, ['{{}}'])", "x = [1]"
    )
    list(islice(mutate.mutated(call, mutate.pool_of(found)), 50))
    list(islice(chain(mutate.staged(call), mutate.swapped(call, [repr(text[:99])])), 50))
    near = toward.Told(program(), found.model_copy(update={"frames": [_held(text)]}))
    for way in toward.toward(call, near, {}, ""):
        list(islice(way, 20))
    list(content.with_files(probe.Call("", "show('/srv/a.txt')"), found))
    content.stream(text)
    values.classes_named(text)
    nearness_inside.plain_text(text)
    held = probe.Call("import shop", f"shop.show({text[:20]!r})")
    rows = kept_rows.kept(held, [held], [probe.ProbeOutcome(literal=repr(text[:50]))])
    with contextlib.suppress(SyntaxError, ValueError, RecursionError, MemoryError):
        list(map(kept_rows.only_rows, ast.parse(rows.text("test_rows") if rows else text).body))
    list(chain(shorten.cut(call), shorten.without_unread(toward.set_apart(replace(call, setup="")))))
    test_calls.scaffolds(program(), found)


def _refused(text: str) -> None:
    base = {"shop/cart.py": PROGRAM}
    for new in (text, PROGRAM + text, PROGRAM + f"\nX = {text!r}\n".encode("ascii", "backslashreplace").decode()):
        policy.refuse(base, Candidate("model", {"shop/cart.py": new}, ""), FixRules(), ["shop/**"], crash(text))
        capabilities.capabilities(base, {"shop/cart.py": new})
        generated_tests.refused(RegressionTest("tests/test_x.py", new), base)


def _proved(text: str) -> None:
    for told in (text, f"failure: {text}", f"failure: KeyError\n{text}"):
        proof._red({"test_x": told}, _reported("'a'", "KeyError"))
    sealed.opened(text, b"key")


def _edited(text: str) -> None:
    def complete(*_: Any) -> dict:
        try:
            return openai.first_object(text)
        except VendorError:
            return {"files": [{"path": "shop/cart.py", "old_text": text, "new_text": text}], "rationale": text}

    list(ModelFixer(complete).propose(program(), _reported("'a'", "KeyError")))


def _unproved(text: str) -> None:
    """A test that a model wrote, and a proposal of which nothing proves that it is right."""
    written_tests._calls(text)
    made = fix._difference(program(), Candidate("model", {"shop/cart.py": text[: fix.SHOWN], "new.py": text}, ""))
    diff.side_by_side(made)
    post_mortem.block(text, "diff")


def _documentation(text: str) -> None:
    source = f"def f(a):\n    {text!r}\n".encode("ascii", "backslashreplace").decode()
    for name, node in functions(source):
        list(documents._untrue(name, node))
    documents._named("show", text)


def _manifests(text: str) -> None:
    for name in ("requirements.txt", "setup.cfg", "setup.py", "Pipfile.lock"):
        manifests.read({name: text})
    for name in ("pyproject.toml", "Pipfile", "uv.lock"):  # in the sandbox, with a deadline
        manifests.read({name: text[:TOML]})


def _difference(text: str) -> None:
    for patch in (text, f"--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n{text}", f"@@ -1 +1 @@\n-{text[:999]}\n+{text[1:999]}"):
        diff.side_by_side(patch)
        diff.size(patch)
        gate.changed_lines(patch)
        gates.touched(patch)
        duplicate_fixes.source(ChangeSet(issue_id=1, run=1, attempt=1, generator="e", patch=patch))


PATCH = "diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n@@ -1,2 +1,2 @@ def f():\n-a = 1\n+a = 2\n b\n"
REPAIR = {
    "value of a local": Reader(
        lambda text: (values.source(text[:VALUE]), values.source(f"{{'a': {text[:VALUE]}"), values.imports_for("1")),
        (RecursionError,),
        ("{'a': [1, 2.5, None]}", "datetime.date(2024, 5, 6)", "<shop.Cart object at 0x7f>", "Decimal('2.5')"),
    ),
    "locals of a frame": Reader(lambda text: recorded_calls(program(), _reported(text, "E")), (RecursionError,)),
    "inputs that a report names": Reader(_guessed, slow=True),
    "fix by a message": Reader(_proposed, slow=True),
    "fix by documentation": Reader(_documented, slow=True, seeds=("Users without a name are shown as 'guest'.",)),
    "policy of patches": Reader(_refused, slow=True, seeds=(PROGRAM, "eval(x)"), harmless="x = 1\n"),
    "output of a proof": Reader(
        _proved, seeds=("shop/cart.py:10: in show\nE KeyError", '[0, 0, {"error": "KeyError"}]')
    ),
    "edits of a model": Reader(
        _edited, seeds=('{"files": [{"path": "a.py", "old_text": "a", "new_text": "b"}]}',), json=True
    ),
    "unproved work of a model": Reader(
        _unproved,
        seeds=("from shop import cart\n\n\ndef test_it():\n    assert cart.show({}) == 0\n",),
        harmless="x = 1\n",
    ),
    "words of a sentence": Reader(lambda text: (documentation.words_of(text), forbidden_code.names_secret(text))),
}
REVIEWS = {
    "difference": Reader(_difference, seeds=(PATCH,)),
    "imports of a file": Reader(
        lambda text: list(imports.imported(text)),
        (SyntaxError, ValueError, RecursionError),
        (PROGRAM,),
        harmless="x = 1\n",
    ),
    "docstring": Reader(_documentation, seeds=("Do it.\n\n    Args:\n        a (int): x\n    Raises:\n        E: y",)),
    "manifests": Reader(
        _manifests,
        seeds=("a==1.0\n-r b.txt\n", '[project]\ndependencies = ["a==1"]\n', "[options]\ninstall_requires = a"),
        harmless="abc==1.0\n",
    ),
    "policy of the platform": Reader(
        lambda text: parse_policy(text[:TOML], "platform.toml"),  # a signed-in person's own
        (ConfigurationError,),
        ('[services.cart]\nrepository = "shop"\n',),
    ),
    "situation to decide": Reader(
        lambda text: situation.read_situation(json.loads(text)) if text[:1] == "{" else None,
        (ValueError, TypeError, KeyError, AttributeError, RecursionError),
        ('{"service": "cart", "severity": "low", "impact": "low", "analysis": 0.5}',),
        json=True,
    ),
    "advice on a connector": Reader(connectors.advice, seeds=("datadog: refused access (403)",)),
}
