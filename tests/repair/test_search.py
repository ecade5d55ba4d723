"""Search towards a report: changes of calls, nearness, files by content, and what is cut off in the end."""

from itertools import islice

import pytest

from core.models import Crash, Frame
from core.repair.localize.fixability import classify
from core.repair.reproduce.content import stream, with_files
from core.repair.reproduce.inputs import method_calls, recorded_calls
from core.repair.reproduce.reproduce import crashing_calls
from core.repair.reproduce.shorten import cut, without_unread
from core.repair.reproduce.toward import Told, set_apart, toward
from core.repair.reproduce.values import source
from core.repair.sandbox.nearness_inside import Nearness, objects, same
from core.repair.sandbox.probe import Call
from core.repair.sandbox.runner import BubblewrapRunner
from core.vendors.command import git
from tests.real import need

SHOP = """\
class Shop:
    def __init__(self, mark="*"):
        self.mark = mark

    def label(self, name, width=3):
        return name + self.mark[0] * width


class Kiosk(Shop):
    pass


def size(path):
    with open(path, encoding="utf-8") as file:
        return len(file.read())
"""


def reported(tree, function, line, kind="IndexError", message="string index out of range", **held):
    (tree / "shop.py").write_text(SHOP)
    frame = Frame(file="shop.py", line=line, function=function, code=SHOP.splitlines()[line - 1].strip(), locals=held)
    return Crash(exception={"type": kind, "message": message}, frames=[frame])


def ways(tree, call, **held):
    report = Told(tree, reported(tree, "label", 6, self="<shop.Shop object at 0x1>", **held))
    return [one for way in toward(call, report, {"shop": "Shop"}, "Shop") for one in way]


@pytest.mark.parametrize(
    ("expression", "setup", "wanted"),
    [
        ("shop.label('a')", "", ("shop.label('tea', width=2)", "")),
        ("shop.label(name='a')", "", ("shop.label(name='tea')", "")),
        ("shop.label('a', 1)", "", ("shop.label('a', 2)", "")),
        ("run('buy a now')", "", ("run('buy tea now')", "")),
        ("run('a now, a now')", "", ("run('a now, a tea')", "")),
        ("run('first\\nlast')", "", ("run('last')", "")),
        ("run(x)", "x = 'now'", ("run(x)", "x = 'tea'")),
        ("run(x)", "x = made()", ("run(x)", "x = 'tea'")),
        ("run(shop)", "shop = Shop()", ("run(shop)", "shop = Shop()\nshop.mark = ''")),
    ],
)
def test_a_call_is_changed_towards_the_report(expression, setup, wanted, tmp_path):
    found = ways(tmp_path, Call("", expression, setup), name="'tea'", width="2")
    assert wanted in [(call.expression, call.setup) for call in found]


def test_helpers_of_a_test_are_left_as_they_are(tmp_path):
    helper = "def made():\n    return label('now')"
    found = ways(tmp_path, Call("", "made()", helper), name="'tea'", width="2")
    assert all(call.setup.startswith(helper) for call in found)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("inf", ("float('inf')", ())),
        ("[nan, -inf]", ("[float('nan'), -float('inf')]", ())),
        ("infinity", None),
        ("typing.Optional[int]", ("typing.Optional[int]", ("import typing",))),
        ("dict[str, list[int]]", ("dict[str, list[int]]", ())),
        ("tuple[int, ...]", ("tuple[int, ...]", ())),
        ("typing.get_type_hints", None),
        ("list[{}]", None),
        ("[...]", None),
        ("dict_keys(['a'])", ("list(['a'])", ())),
    ],
)
def test_a_repr_that_is_no_literal(text, told):
    assert source(text) == told


def test_a_subclass_of_a_builtin_is_made_of_what_it_prints_like(tmp_path):
    (tmp_path / "a.py").write_text("class Row(dict):\n    def first(self):\n        return self[0]\n")
    frame = Frame(file="a.py", line=3, function="first", locals={"self": "{'a': 1}"})
    crash = Crash(exception={"type": "KeyError"}, frames=[frame])
    assert recorded_calls(tmp_path, crash)[0].expression == "Row({'a': 1}).first()"


def test_an_object_is_made_by_its_factories(tmp_path):
    (tmp_path / "a.py").write_text(
        "class Row:\n    def __init__(self, parts):\n        self.parts = parts\n\n    @classmethod\n"
        "    def from_text(cls, text: str):\n        return cls(text.split())\n\n"
        "    def first(self):\n        return self.parts[0]\n\n\ndef blank(size: int) -> Row:\n    return Row([])\n"
    )
    frame = Frame(file="a.py", line=10, function="first", locals={"self": "<a.Row object at 0x1>"})
    found = [c.expression for c in recorded_calls(tmp_path, Crash(exception={"type": "IndexError"}, frames=[frame]))]
    assert {"Row.from_text(text='text').first()", "blank(size=3).first()"} <= set(found)


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        ("<_io.TextIOWrapper name='/srv/a.txt' mode='r' encoding='UTF-8'>", "io.StringIO('text')"),
        ("<_io.BufferedReader name='/srv/a.bin'>", "io.BytesIO(b'text')"),
        ("<_io.Other name='x'>", None),
    ],
)
def test_an_open_file_becomes_a_stream(text, expression):
    found = stream(text)
    assert (found and found[0]) == expression


def test_a_path_of_another_machine_becomes_a_file_with_the_reported_byte(tmp_path):
    crash = reported(tmp_path, "size", 15, "UnicodeDecodeError", "can't decode byte 0xff in position 2: invalid")
    call = next(with_files(Call("", "both('/srv/in/a b.txt', '/srv/in/')"), crash))
    assert call.expression == "both(file.name, tempfile.gettempdir())"
    assert call.setup == "file = tempfile.NamedTemporaryFile(suffix='ab.txt')\nfile.write(b'aa\\xff')\nfile.flush()"
    assert not list(with_files(Call("", "both('a.txt', 'x/y')"), crash))


def test_a_method_runs_on_the_class_of_its_object(tmp_path):
    crash = reported(tmp_path, "label", 6, self="<shop.Kiosk object at 0x1>", name="'tea'", width="2")
    first = recorded_calls(tmp_path, crash)[0]
    assert first.expression == "Kiosk().label(name='tea', width=2)"
    assert "from shop import Kiosk" in first.imports.splitlines()


@pytest.mark.parametrize(
    ("name", "expression", "setup"),
    [
        ("it", "it.label(name='tea', width=2)", "it = Shop()\nit.open()"),
        ("_value", "(it.open()).label(name='tea', width=2)", "it = Shop()"),
    ],
)  # fmt: skip
def test_an_object_that_a_call_left_is_called_as_reported(name, expression, setup, tmp_path):
    crash = reported(tmp_path, "label", 6, self="<shop.Shop object at 0x1>", name="'tea'", width="2")
    call = next(
        method_calls(tmp_path, crash.frames, Call("from shop import Shop", "it.open()", "it = Shop()"), name, "Shop")
    )
    assert (call.expression, call.setup) == (expression, setup)


@pytest.mark.parametrize(
    ("expression", "apart"),
    [
        ("Shop('x').label(1)", ("it = Shop('x')", "it.label(1)")),
        ("label(1)", ("", "label(1)")),
        ("a.b().c()", ("", "a.b().c()")),
    ],
)  # fmt: skip
def test_an_object_of_its_own_gets_a_name(expression, apart):
    call = set_apart(Call("", expression))
    assert (call.setup, call.expression) == apart


def test_what_a_test_did_beside_the_crash_is_cut_off():
    call = Call("", "other()", "shop = Shop()\nfirst = shop.label(1)\nshop.label(2)")
    assert [(c.setup, c.expression) for c in cut(call)] == [
        ("", "Shop()"), ("shop = Shop()", "shop.label(1)"), ("shop = Shop()\nfirst = shop.label(1)", "shop.label(2)"),
    ]  # fmt: skip
    short = next(without_unread(Call("", "shop.label(2)", "shop = Shop()\nfirst = shop.label(1)")))
    assert short.setup == "shop = Shop()"


def walk(outer, inner):
    def second(n):
        m = n + 1
        return m * 2

    def first(n):
        return second(n) if n else None

    steps = [[__file__, "first", first.__code__.co_firstlineno + 1, outer]]
    steps.append([__file__, "second", second.__code__.co_firstlineno + 2, inner])
    return Nearness(steps, "/"), first


@pytest.mark.parametrize(
    ("given", "outer", "inner", "near"),
    [
        (0, {"n": "1"}, {}, 0.5),
        (0, {"n": "0"}, {}, 1.0),
        (1, {"n": "1"}, {"m": "5"}, 1.5),
        (4, {"n": "4"}, {"m": "5"}, 2.0),
    ],
)  # fmt: skip
def test_a_call_is_nearer_by_each_frame_and_each_local(given, outer, inner, near):
    way, first = walk(outer, inner)
    with way:
        first(given)
    assert way.near == near


def test_a_local_without_a_repr_is_not_the_reported_one():
    class Odd:
        def __repr__(self):
            raise ValueError

    assert same({"a": Odd(), "b": 1}, {"a": "1", "b": "1"}) == 0.5
    assert objects({"a": Odd(), "_b": Odd(), "_value": Odd()}, ["Odd"]) == {"a": "Odd", "_value": "Odd"}


@pytest.mark.parametrize(
    ("line", "fixable"),
    [
        ("assert node is not None", True),
        ("assert isinstance(node, str)", True),
        ("assert node is not None, 'no node'", False),
        ("assert node > 0", False),
        ("raise ValueError", False),
    ],
)
def test_an_assertion_that_narrows_a_type_refuses_no_input(line, fixable, tmp_path):
    (tmp_path / "a.py").write_text(f"def f(node):\n    {line}\n")
    frame = Frame(file="a.py", line=2, function="f", code=line)
    assert classify(Crash(exception={"type": "Error"}, frames=[frame]), tmp_path).fixable == fixable


@pytest.fixture
def program(tmp_path):
    need("bwrap")
    (tmp_path / "shop.py").write_text(SHOP)
    (tmp_path / "tests").mkdir()
    test = "from shop import Shop\n\n\ndef test_label():\n    shop = Shop()\n    other = Shop()\n"
    (tmp_path / "tests/test_shop.py").write_text(f"{test}    assert shop.label('a') == 'a***'\n")
    for arguments in (("init", "-q"), ("add", "-A"), ("commit", "-qm", "x")):
        git(tmp_path, *arguments)
    return tmp_path


def test_a_state_that_no_local_tells_is_found(program):
    crash = reported(program, "label", 6, self="<shop.Shop object at 0x1>", name="'tea'", width="2")
    call = crashing_calls(program, crash, BubblewrapRunner())[0]
    assert "mark = ''" in call.setup
    assert "label(" in call.expression


def test_a_file_that_cannot_be_read_is_found(program):
    message = "'utf-8' codec can't decode byte 0xff in position 0: invalid start byte"
    crash = reported(program, "size", 15, "UnicodeDecodeError", message, path="'/srv/a.txt'")
    call = crashing_calls(program, crash, BubblewrapRunner())[0]
    assert "file.write(b'\\xff')" in call.setup
    assert list(islice(cut(call), 1))
