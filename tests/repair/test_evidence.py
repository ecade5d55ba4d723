"""What is read from a report and from a program's words, as tables."""

import pytest

from core.models import Crash, Frame
from core.repair.localize.locate import Place, located
from core.repair.localize.returning import alike, fits
from core.repair.propose.documentation import documented
from core.repair.reproduce.mutate import mutated, staged
from core.repair.reproduce.value_classes import ValueClass
from core.repair.reproduce.values import source
from core.repair.sandbox.probe import Call


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        ("{'a': [1, None]}", "{'a': [1, None]}"),
        ("datetime.datetime(2024, 1, 2, tzinfo=datetime.timezone.utc)",) * 2,
        ("Decimal('1.5')",) * 2,
        ("PosixPath('/srv/a')", "Path('/srv/a')"),
        ("defaultdict(<class 'int'>, {'a': 1})", "defaultdict(int, {'a': 1})"),
        ("Order(number='7', lines=[])",) * 2,
        ("[<Kind.NEW: 'new'>]", "[Kind.NEW]"),
        ("<app.Cart object at 0x7f00aa>", "Cart(3)"),
        ("'[Filtered]'", None),
        ("<function f at 0x7f00aa>", "(lambda *_, **__: None)"),
        ("<bound method C.m of <app.C object at 0x7f00aa>>", "(lambda *_, **__: None)"),
        ("<app.Unknown object at 0x7f00aa>", None),
        ("__import__('os').system('x')", None),
        ("[x for x in (1,)]", None),
        ("open('/etc/passwd')", None),
    ],
)
def test_a_repr_becomes_an_expression_or_nothing(text, expression):
    classes = {"Order": ValueClass("app"), "Kind": ValueClass("app", False, frozenset({"NEW"}))}
    found = source(text, classes, {"Cart": ("Cart(3)", ("from app import Cart",))})
    assert (found and found[0]) == expression


def test_a_repr_that_was_cut_off_is_closed_after_its_last_whole_element():
    rows = repr([{"n": n, "t": "x" * 20} for n in range(40)])[:600]
    expression, _ = source(rows)
    assert eval(expression)[:2] == [{"n": 0, "t": "x" * 20}, {"n": 1, "t": "x" * 20}]


def place(tmp_path, text, line, **frame):
    (tmp_path / "a.py").write_text(text)
    crash = Crash(exception={"type": "KeyError"}, frames=[Frame(file="a.py", line=line, function="f", **frame)])
    return Place(tmp_path, "a.py", text, crash.frames[0], crash)


@pytest.mark.parametrize(
    ("words", "value"),
    [
        ("Out of nothing, the share is 0.0.", "0.0"),
        ("The list, empty if there is none: an empty list.", "[]"),
        ("Guests are listed as unknown.", "'unknown'"),
        ("0 for a player who has not played.", "0"),
        ('customers without a name are "Customer"', '"Customer"'),
        ("Parcels that are not express carry an empty badge.", '""'),
        ("batch size, optional, default 50.", "50"),
        ("Rounded to 2 decimals.", None),
        ("Without a currency, EUR is assumed.", "'EUR'"),
        ("A missing quantity counts as one.", "1"),
        ("A missing body is sent as JSON.", None),
        ("Without a zone, UTC is assumed.", None),
        ("Share in percent, 100 % when all came.", None),
    ],
)
def test_documented_values(tmp_path, words, value):
    quoted = words.replace('"', '\\"')
    found = documented(place(tmp_path, f'def f(x):\n    "{quoted}"\n    return x["a"]\n', 3))
    assert [s.value for s in found][:1] == ([value] if value else [])


@pytest.mark.parametrize(
    ("head", "body", "value", "allowed"),
    [
        ("-> float", "return x", "0.0", True),
        ("-> float", "return x", "None", False),
        ("-> str | None", "return x", "None", True),
        ("-> list[int]", "return x", '""', False),
        ("", "return {'a': x}", "0.0", False),
        ("", "return x / 2", "0.0", True),
        ("", "return 'a' in x", "()", False),
        ("", "x.append(1)", "True", False),
        ("", "x.append(1)", "None", True),
    ],
)
def test_values_of_another_kind_are_no_candidates(tmp_path, head, body, value, allowed):
    at = place(tmp_path, f"def f(x) {head}:\n    {body}\n", 2)
    assert (fits(at, value) and alike(at, value)) == allowed


def test_a_report_is_brought_to_the_tree(tmp_path):
    (tmp_path / "app").mkdir()
    (tmp_path / "app/a.py").write_text("# new first line\ndef f(x):\n    return x[0]\n")
    frames = [
        {"file": "/srv/app/a.py", "line": 2, "function": "f", "code": "return x[0]"},
        {"file": "/elsewhere/b.py", "line": 1, "function": "g"},
    ]
    found = located(tmp_path, Crash(exception={"type": "IndexError"}, frames=frames))
    assert [(f.file, f.line, f.in_app) for f in found.frames] == [("app/a.py", 3, True), ("/elsewhere/b.py", 1, False)]


def test_mutations_take_turns_and_mark_types_that_nobody_passes():
    calls = list(mutated(Call("", "f({'n': 3, 'rows': [1]})"), [], {"n": {"str"}}))
    by_text = {c.expression: c.odd for c in calls}
    assert by_text["f({'n': '3', 'rows': [1]})"] is False
    assert by_text["f({'n': None, 'rows': [1]})"] is False
    assert by_text["f({'rows': [1]})"] is False
    assert by_text["f({'n': 3, 'rows': []})"] is False
    assert by_text["f({'n': 3, 'rows': ['3']})"] is True
    assert "f({'n': 3, 'rows': [1, 1]})" in by_text


def test_steps_of_a_test_are_done_more_and_less_often():
    found = [c.setup for c in staged(Call("", "c.n()", "c = C()\nc.put('a', 1)"))]
    assert found == ["c = C()\nc.put('a', 1)\nc.put('a1', 2)\nc.put('a2', 3)", "c = C()"]
