"""A forged crash report writes no code: each payload in each field of a Sentry event, down to the generated test.

Anybody who knows a DSN can send an event. The test that it leads to may hold literals, a closed list of constructors
and calls of the program, and running it leaves nothing behind.
"""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Callable, Iterator
from itertools import chain, islice
from pathlib import Path

import pytest

from core.models import Crash
from core.policy.sections import FixRules
from core.repair.engine import repair
from core.repair.localize.locate import located
from core.repair.reproduce.content import with_files
from core.repair.reproduce.inputs import recorded_calls
from core.repair.reproduce.reproduce import written
from core.repair.reproduce.test_calls import scaffolds
from core.repair.reproduce.toward import Told, toward
from core.repair.reproduce.values import source
from core.repair.sandbox.probe import Call
from core.repair.sandbox.runner import BubblewrapRunner
from core.repair.types import Candidate, Evidence
from core.signals.grouping.fingerprint import fingerprint
from core.vendors import sentry
from core.vendors.command import git
from core.vendors.http import Http
from tests.real import need

SHOP = '''"""Shares."""

from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path


class Plan(Enum):
    FREE = "free"


@dataclass
class Line:
    article: str
    quantity: int = 1


class Writer:
    """A plain class: building it has an effect."""

    def __init__(self, path, text):
        Path(path).write_text(text)


@dataclass
class Saved:
    """A dataclass whose building has an effect."""

    path: str

    def __post_init__(self):
        Path(self.path).write_text("saved")


@dataclass
class Lazy:
    """A dataclass whose default has an effect."""

    made: object = field(default_factory=lambda: Path("CANARY").write_text("made"))


class Cheat(Line, metaclass=type("Meta", (type,), {})):
    """A class that its metaclass builds."""


def share(part, whole, note=""):
    """Which part of a whole."""
    return part / whole
'''
LINE = SHOP[: SHOP.index("    return part / whole")].count("\n") + 1
TEST = "from shop import share\n\n\ndef test_half():\n    assert share(1, 2) == 0.5\n"
DO = "__import__('pathlib').Path('CANARY').write_text('x')"
PAYLOADS = (
    DO,
    "Path('CANARY').write_text('x')",
    "PosixPath('CANARY').touch()",
    "[Path('CANARY').touch()]",
    "{'a': Path('CANARY').touch()}",
    "{Path('CANARY').touch(): 1}",
    "datetime.datetime(2024, 1, Path('CANARY').touch() or 1)",
    "Line(article=Path('CANARY').touch())",
    "asyncio.run(asyncio.create_subprocess_shell('touch CANARY'))",
    f"asyncio.run({DO})",
    "Writer(path='CANARY', text='x')",
    "Writer('CANARY', 'x')",
    "[Saved(path='CANARY')]",
    "Lazy()",
    "Cheat(article='x')",
    "Line.__init__.__globals__['Path']('CANARY').touch()",
    "Plan.FREE.__class__",
    "(lambda *_, **__: Path('CANARY').touch())()",
    "(lambda *_, **__: None)",
    "defaultdict(lambda: Path('CANARY').touch(), {})",
    "SimpleNamespace(a=Path('CANARY').touch())",
    "[x for x in [Path('CANARY').touch()]]",
    "f'{Path(\"CANARY\").touch()}'",
    "Path('CANARY').touch() if True else 0",
    "(Path('CANARY').touch(), 1)[1]",
    "1 + (Path('CANARY').touch() or 1)",
    "-Path('CANARY').touch()",
    "(x := Path('CANARY').touch())",
    f"'\n{DO}\n'",
    f'"""\n{DO}\n"""',
    f"'''\n{DO}\n'''",
    f"x'); {DO}; ('",
    f"x\"); {DO}; (\"",
    f"x\n    {DO}\n",
    f"x\r{DO}\r",
    f"x\u2028{DO}\u2028",
    f"x():\n    {DO}\n\ndef y",
    f"x\\\n{DO}",
    f"\\\"\\\"\\\"\n{DO}",
    f"<function f at 0x1>({DO})",
    f"<shop.Line object at 0x7f00>.{DO}",
    f"<Plan.FREE: {DO}>",
    f"<class 'shop.Line'>({DO})",
    f"<class 'int'>({DO})",
    f"_stand_in_0_({DO})",
    f"shop import share; {DO}; from shop",
    f"shop\nimport os\n{DO}",
    "10**10**10",
    "'a'*10**10",
    "[0]*10**10",
    "bytearray(10**10)",
    "range(10**30)",
    "Fraction('1e999999999')",
    "Decimal('1E+999999999')",
    "(" * 5000 + ")" * 5000,
    "-" * 50_000 + "1",
    "\ud800\udc80",
    "\x00",
    "{0.__class__.__init__.__globals__}",
)  # fmt: skip


def event(**changes) -> dict:
    frame = {
        "filename": "shop.py", "lineNo": LINE, "function": "share", "inApp": True,
        "context": [[LINE, "return part / whole"]], "vars": {"part": "3", "whole": "0", "note": "'x'"},
    }  # fmt: skip
    raised = {"type": "ZeroDivisionError", "module": None, "value": "division by zero", "stacktrace": None}
    given = {"frame": frame, "raised": raised, "tags": {"environment": "production", "release": "1.0"}, "top": {}}
    for place, values in changes.items():
        given[place] = given[place] | values
    raised = given["raised"] | {"stacktrace": {"frames": [given["frame"]]}}
    earlier = {"type": "KeyError", "value": "'a'"} | given["top"].get("earlier", {})
    tags = [{"key": key, "value": value} for key, value in given["tags"].items()]
    entries = [{"type": "exception", "data": {"values": [earlier, raised]}}]
    top = {"eventID": "e", "dateCreated": "2026-03-02T08:00:00+00:00", "title": "t", "message": ""}
    return top | given["top"] | {"tags": tags, "entries": entries}


def variables(**values) -> dict:
    return event(frame={"vars": {"part": "3", "whole": "0", "note": "'x'"} | values})


FIELDS: dict[str, Callable[[str], dict]] = {
    "exception type": lambda t: event(raised={"type": t}),
    "exception type, last part": lambda t: event(raised={"type": f"ZeroDivisionError.{t}"}),
    "exception module": lambda t: event(raised={"module": t}),
    "exception message": lambda t: event(raised={"value": t}),
    "exception message, quoted": lambda t: event(raised={"value": f"could not read '{t}' or \"{t}\", a={t}"}),
    "type of a cause": lambda t: event(top={"earlier": {"type": t, "value": t, "module": t}}),
    "file": lambda t: event(frame={"filename": t}),
    "file, last part": lambda t: event(frame={"filename": f"{t}/shop.py"}),
    "function": lambda t: event(frame={"function": t}),
    "line of code": lambda t: event(frame={"context": [[LINE, t]]}),
    "value of a local": lambda t: variables(note=t),
    "value of the crashing local": lambda t: variables(whole=t),
    "value of a local, as a text": lambda t: variables(note=repr(t)),
    "value within a list": lambda t: variables(note=[t, {"a": t}]),
    "key within a mapping": lambda t: variables(note={t: "1"}),
    "name of a local": lambda t: variables(**{t: "1"}),
    "receiver": lambda t: variables(self=t),
    "environment": lambda t: event(tags={"environment": t}),
    "release": lambda t: event(tags={"release": t}),
    "service": lambda t: event(tags={"service": t}),
    "title and message": lambda t: event(top={"title": t, "message": t}),
}


def reported(given: dict) -> Crash:
    """The crash as the platform has it: from the vendor's JSON, through its record and its stored form."""
    row = {"id": 1, "title": "t", "level": "error", "project": {"slug": "shop"}, "permalink": "https://sentry.io/1"}
    record = sentry.parse(row, given, 1, Http("sentry", "https://sentry.io"))
    return Crash.model_validate(json.loads(json.dumps(fingerprint(record).crash.model_dump(mode="json"))))


@pytest.fixture(scope="module")
def tree(tmp_path_factory) -> Path:
    found = tmp_path_factory.mktemp("forged") / "tree"
    (found / "tests").mkdir(parents=True)
    (found / "shop.py").write_text(SHOP)
    (found / "tests/test_shop.py").write_text(TEST)
    (found / "pyproject.toml").write_text('[tool.pytest.ini_options]\npythonpath = ["."]\n')
    git(found, "init", "-q")
    git(found, "add", "-A")
    git(found, "commit", "-qm", "x")
    return found


def _directed(tree: Path, crash: Crash) -> Iterator[Call]:
    """Calls of the report and of tests, changed towards the report in each way."""
    report = Told(tree, crash)
    for call in [*recorded_calls(tree, crash)[:2], *scaffolds(tree, crash)[:2]]:
        yield from islice(with_files(call, crash), 2)
        for way in toward(call, report, {"line": "Line"}, "Line"):
            yield from islice(way, 2)


def regressions(tree: Path, crash: Crash) -> Iterator[str]:
    """Texts of tests that the report may lead to: from its locals, and from what is tried near them."""
    crash = located(tree, crash)
    if not any(frame.in_app for frame in crash.frames):
        return
    calls = chain(recorded_calls(tree, crash), islice(_directed(tree, crash), 40))
    runs = (call for call in calls if call.setup or call.expression != "None")  # the others do nothing
    yield from dict.fromkeys(written(call, crash).code for call in runs)


NODES = (
    ast.Module, ast.Expr, ast.Import, ast.ImportFrom, ast.alias, ast.FunctionDef, ast.arguments, ast.arg, ast.Call,
    ast.keyword, ast.Constant, ast.List, ast.Tuple, ast.Dict, ast.Set, ast.Name, ast.Load, ast.Attribute, ast.UnaryOp,
    ast.USub, ast.BinOp, ast.Add, ast.Sub, ast.Lambda, ast.Assign, ast.Store,
    ast.Assert, ast.Compare, ast.Eq, ast.Is,  # of the result
)  # fmt: skip
CALLED = {
    "share", "Line", "Path", "Decimal", "Fraction", "UUID", "OrderedDict", "Counter", "deque", "defaultdict",
    "SimpleNamespace", "set", "frozenset", "bytearray", "range", "list", "dict", "tuple", "object",
    "datetime.datetime", "datetime.date", "datetime.time", "datetime.timedelta", "datetime.timezone",
    "zoneinfo.ZoneInfo", "float", "bytes", "tempfile.NamedTemporaryFile", "file.write", "file.flush",
    "tempfile.gettempdir", "io.StringIO", "io.BytesIO",
}  # fmt: skip
READ = {"Plan.FREE", "datetime.timezone.utc", "file.name"}
LAMBDAS = {"lambda *_, **__: None"}
MODULES = {"shop", "datetime", "zoneinfo", "decimal", "fractions", "uuid", "pathlib", "collections", "types", "pytest"}
MODULES |= {"tempfile", "io"}


def literal_rows(node: ast.stmt) -> bool:
    """Is it a test whose rows are literals, and which only calls what was repaired with them?"""
    if not isinstance(node, ast.FunctionDef) or [type(one) for one in node.decorator_list] != [ast.Call]:
        return False
    decorator = node.decorator_list[0]
    assert isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "pytest.mark.parametrize"
    for argument in decorator.args:
        ast.literal_eval(argument)
    assert [ast.unparse(one).replace("**", "*") for one in node.body] == ["assert share(*given) == expected"]
    return not decorator.keywords


def foreign(text: str) -> str:
    """What a generated test holds that it may not; empty when there is nothing."""
    tree = ast.parse(text)
    text.encode("utf-8")
    tree.body = [node for node in tree.body if not literal_rows(node)]
    for node in ast.walk(tree):
        if not isinstance(node, NODES):
            return f"a node {type(node).__name__}"
        if isinstance(node, ast.Call) and ast.unparse(node.func) not in CALLED:
            return f"a call of {ast.unparse(node.func)[:60]}"
        if isinstance(node, ast.Attribute) and ast.unparse(node) not in CALLED | READ:
            return f"an attribute {ast.unparse(node)[:60]}"
        if isinstance(node, ast.Lambda) and ast.unparse(node) not in LAMBDAS:
            return f"a function {ast.unparse(node)[:60]}"
        if isinstance(node, ast.Constant) and isinstance(node.value, int) and abs(node.value) > 10**60:
            return "a huge number"
        imported = [node.module] if isinstance(node, ast.ImportFrom) else []
        imported += [a.name for a in node.names] if isinstance(node, ast.Import) else []
        if set(imported) - MODULES:
            return f"an import of {imported}"
    head = [n for n in tree.body if not isinstance(n, ast.Import | ast.ImportFrom)]
    documented = len(head) == 2 and isinstance(head[0], ast.Expr) and isinstance(head[0].value, ast.Constant)
    return "" if documented and isinstance(head[1], ast.FunctionDef) else "more than one test"


@pytest.mark.parametrize("field", FIELDS)
def test_no_payload_in_any_field_becomes_code(field, tree):
    written_ = 0
    for payload in PAYLOADS:
        for text in regressions(tree, reported(FIELDS[field](payload))):
            assert foreign(text) == "", (field, payload[:80], text[:600])
            written_ += 1
    assert written_ or field in ("file", "function")  # these name no code of the program: nothing can be called


def test_running_all_that_was_written_leaves_nothing(tree):
    """Every distinct test of every payload and field, in one run of the service's own tests in the sandbox."""
    need("bwrap")
    before = git(tree, "status", "--porcelain", "--untracked-files=all")
    texts = {t for make in FIELDS.values() for p in PAYLOADS for t in islice(regressions(tree, reported(make(p))), 3)}
    assert len(texts) > 100
    for text in texts:
        name = hashlib.sha256(text.encode()).hexdigest()[:10]
        (tree / f"tests/test_regression_{name}.py").write_text(text, encoding="utf-8")
    done = BubblewrapRunner().run(["python", "-m", "pytest", "-q", "-p", "no:cacheprovider"], tree, 240)
    for file in tree.glob("tests/test_regression_*.py"):
        file.unlink()
    assert "passed" in done.stdout or "failed" in done.stdout
    assert "error" not in done.stdout.splitlines()[-1], done.stdout[-2000:]  # each was a test that could run
    assert git(tree, "status", "--porcelain", "--untracked-files=all") == before


class Guard:
    name = "scripted"

    def propose(self, tree, crash, feedback=()):
        text = SHOP.replace("    return part / whole\n", "    return part / whole if whole else 0.0\n")
        yield Candidate("t", {"shop.py": text}, "r", ("the docstring",), Evidence.DOCUMENTED)


CLOSES, CALLS = f'"""\n{DO}\n"""', "Path('CANARY').write_text('x')"
IN_EACH = (("environment", CLOSES), ("value of a local", CALLS), ("exception module", CALLS), ("release", CLOSES))
IN_OTHERS = (("environment", CALLS), ("value of a local", CLOSES), ("exception module", CLOSES), ("release", CALLS))


@pytest.mark.parametrize(
    ("field", "payload"), [*IN_EACH, *(pytest.param(*pair, marks=pytest.mark.long) for pair in IN_OTHERS)]
)
def test_a_whole_repair_of_a_forged_report(field, payload, tree):
    need("bwrap")
    result = repair(
        tree, reported(FIELDS[field](payload)), fixers=[Guard()], rules=FixRules(), allowed=["**"], source=["."],
        tests="tests", test_command=["python", "-m", "pytest", "-q"], runner=BubblewrapRunner(),
    )  # fmt: skip
    left = git(tree, "status", "--porcelain", "--untracked-files=all")
    assert (result.decision, "CANARY" in left) == ("fix", False), result.reason
    assert foreign(result.test.code) == ""
    git(tree, "checkout", "-q", "--", ".")
    git(tree, "clean", "-fdq")


HOSTILE = (
    *PAYLOADS[:45], "shop.Line()", "Line", "int()", "str(1)", "open", "print", "Plan.FREE.value", "Plan.MISSING",
    "Saved", "Path().home()", "datetime.datetime.now()", "type(1)", "b''.join([])", "None.__class__",
)  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_what_is_no_value_is_none(text):
    """Without the program's classes, nothing of these is a value but the texts and types that they may be."""
    found = source(text)
    assert found is None or ast.literal_eval(found[0]) == ast.literal_eval(text)
