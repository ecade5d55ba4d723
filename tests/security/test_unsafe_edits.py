"""Edits of unsafe lines: those that are certain, those that are not, and the tests of the unsafe input."""

from __future__ import annotations

import ast
import sqlite3

import pytest

from core.repair.security import calls, payloads, source, sql

HEAD = "import sqlite3\n\n\ndef find(params, limit=5):\n    q = params.get('q', '')\n"


def query(line: str, head: str = HEAD):
    text = f"{head}    rows = db.execute({line})\n    return rows\n"
    return sql.rewritten(text, text.count("\n") - 1, [])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("f\"SELECT a FROM t WHERE b = '{q}'\"", '"SELECT a FROM t WHERE b = ?", (str(q),)'),
        ("\"SELECT a FROM t WHERE b = '%s'\" % q", '"SELECT a FROM t WHERE b = ?", (str(q),)'),
        ("\"SELECT a FROM t WHERE b = '{}'\".format(q)", '"SELECT a FROM t WHERE b = ?", (str(q),)'),
        ("\"SELECT a FROM t WHERE b = '\" + q + \"'\"", '"SELECT a FROM t WHERE b = ?", (str(q),)'),
        ("f\"SELECT a FROM t WHERE b LIKE '%{q}%' LIMIT {limit}\"",
         "\"SELECT a FROM t WHERE b LIKE ? LIMIT ?\", (f'%{q}%', limit)"),
        ("f\"INSERT INTO t VALUES ({limit}, '{q}', 'x')\"",
         "\"INSERT INTO t VALUES (?, ?, 'x')\", (limit, str(q))"),
        ("f\"DELETE FROM t WHERE b = '{q.strip()}' AND c > {limit}\"",
         '"DELETE FROM t WHERE b = ? AND c > ?", (q.strip(), limit)'),
    ],
)  # fmt: skip
def test_values_are_bound(old, new):
    found = query(old)
    assert f"    rows = db.execute({new})\n" in found.text
    ast.parse(found.text)


@pytest.mark.parametrize(
    "line",
    [
        'f"SELECT a FROM {q}"',  # a table cannot be bound
        'f"SELECT {q} FROM t"',
        'f"SELECT a FROM t ORDER BY {q}"',
        "f\"SELECT a FROM t WHERE b IN ({q})\"",  # perhaps a list
        "f\"SELECT a FROM t WHERE b = '{q!r}'\"",
        "f\"SELECT a FROM t WHERE b = '{q:>5}'\"",
        "f\"SELECT a FROM t WHERE b = '{q}' AND c = ?\"",
        "f\"SELECT a FROM t WHERE b = '{q}' -- why\"",
        "f\"SELECT a FROM t WHERE b = 'it''s {q}'\"",
        "f'SELECT a FROM t WHERE \"{q}\" = 1'",
        "f\"SELECT a FROM t WHERE b = '{q}'\", (1,)",
    ],
)  # fmt: skip
def test_what_is_not_certain_is_not_edited(line):
    found = query(line)
    assert found is None or found.text == ""


def test_the_driver_must_be_known():
    line = "f\"SELECT a FROM t WHERE b = '{q}' AND c LIKE 'x%'\""
    assert query(line, HEAD.replace("sqlite3", "json")).text == ""
    assert query(line, HEAD.replace("import sqlite3", "import sqlite3, psycopg")).text == ""
    found = query(line, HEAD.replace("sqlite3", "psycopg"))
    assert "\"SELECT a FROM t WHERE b = %s AND c LIKE 'x%%'\", (str(q),)" in found.text


def test_a_query_with_a_name_is_bound_where_it_is_executed():
    text = HEAD + "    made = f\"SELECT a FROM t WHERE b = '{q}'\"\n    return db.execute(made)\n"
    assert sql.rewritten(text, 6, []).text.endswith(
        '    made = "SELECT a FROM t WHERE b = ?"\n    return db.execute(made, (str(q),))\n'
    )
    twice = text.replace("    return db", "    log(made)\n    return db")
    assert sql.rewritten(twice, 6, []).text == ""
    again = text.replace("    return db", "    q = 1\n    return db")
    assert sql.rewritten(again, 6, []).text == "", "the value may have changed until then"


def test_names_of_other_alphabets_keep_their_place():
    text = HEAD + "    é = 'ü'; rows = db.execute(f\"SELECT a FROM t WHERE b = '{q}'\")\n"
    assert (
        "    é = 'ü'; rows = db.execute(\"SELECT a FROM t WHERE b = ?\", (str(q),))\n"
        in sql.rewritten(text, 6, []).text
    )


@pytest.mark.parametrize("payload", payloads.TEXTS)
def test_a_bound_value_gives_what_the_text_gave_and_an_injection_gives_nothing(payload):
    """The edit, run: the same rows for plain input, none for an injection."""
    text = HEAD + ("    return db.execute(f\"SELECT a FROM t WHERE b = '{q}' AND c > {limit}\").fetchall()\n")
    db = sqlite3.connect(":memory:")
    db.executescript("CREATE TABLE t (a, b, c); INSERT INTO t VALUES (1, 'x', 9), (2, 'y', 9), (3, '5', 9)")
    old, new = (_find(text, db), _find(sql.rewritten(text, 6, []).text, db))
    for plain in ("x", "y", "none", 5):
        assert old({"q": plain}) == new({"q": plain})
    assert new({"q": payload}) == []


def _find(text: str, db):
    scope: dict = {"db": db}
    body = text.split("\n\n\n", 1)[1]
    exec(body, scope)  # noqa: S102 - the text is this test's own
    return scope["find"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("yaml.load(text)", "yaml.safe_load(text)"),
        ("yaml.load(text, Loader=yaml.Loader)", "yaml.safe_load(text)"),
        ("yaml.unsafe_load(text)", "yaml.safe_load(text)"),
        ("json.load(text)", None),
    ],
)
def test_documents(old, new):
    found = calls.loaded(f"import yaml\n\n\ndef read(text):\n    return {old}\n", 5)
    assert (found and found.text.splitlines()[-1]) == (new and f"    return {new}")


def test_a_form_feed_moves_no_edit():
    text = "import yaml\n\n# a\x0cb\n\ndef read(text):\n    return yaml.load(text)\n"
    assert calls.loaded(text, 6).text == text.replace("yaml.load(", "yaml.safe_load(")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('subprocess.run(f"convert {name} -o out-{name}.png", shell=True, check=True)',
         "subprocess.run(['convert', str(name), '-o', f'out-{name}.png'], check=True)"),
        ('subprocess.check_output("ls " + name, shell=True)', "subprocess.check_output(['ls', str(name)])"),
        ('subprocess.run(f"cat {name} | wc -l", shell=True)', ""),  # a shell does more than split it
        ('subprocess.run(f"echo $HOME {name}", shell=True)', ""),
        ('subprocess.run(f"{name} --version", shell=True)', ""),
        ('subprocess.run(f" {name} --version", shell=True)', ""),
        ('subprocess.run(f"ls \\0 {name}", shell=True)', ""),
        ('subprocess.run(f" ", shell=True)', None),
        ('os.system(f"ls {name}")', ""),
        ('subprocess.run(f"ls {name}", shell=False)', None),
        ('subprocess.run("ls", shell=True)', None),
    ],
)  # fmt: skip
def test_commands(old, new):
    found = calls.run(f"import subprocess\n\n\ndef run(name):\n    return {old}\n", 5)
    if new is None:
        assert found is None
    else:
        assert found.text.splitlines()[-1:] == ([f"    return {new}"] if new else [])


@pytest.mark.parametrize(
    ("signature", "value", "call"),
    [
        ("params", "params.get('q', '')", "find(params={'q': 'x'})"),
        ("params", "params['q'].lower()", "find(params={'q': 'x'})"),
        ("q, limit=3", "q", "find(q='x')"),
        ("q, db", "q", ""),  # what db is cannot be told
        ("params", "params.get('a') or params", ""),
        ("q, /", "q", ""),
        ("", "CONSTANT", ""),
    ],
)
def test_the_unsafe_input_goes_through_the_functions_own_parameters(signature, value, call):
    text = f"import sqlite3\n\n\ndef find({signature}):\n    v = {value}\n"
    text += "    return c.execute(f\"SELECT 1 WHERE a = '{v}'\")\n"
    use = sql.rewritten(text, 6, [])
    assert source.call(use.function, use.inserted, "'x'") == call


@pytest.mark.parametrize(
    "text",
    [
        "import sqlite3\n\n\nclass A:\n    def find(self, q):\n        return c.execute(f\"SELECT '{q}'\")\n",
        "import sqlite3\n\n\n@cached\n\ndef find(q): return c.execute(f\"SELECT 1 WHERE a = '{q}'\")\n",
    ],
)
def test_methods_and_decorated_functions_are_left_to_others(text):
    assert sql.rewritten(text, 6, []) is None


def test_a_module_whose_name_is_code_gets_no_test():
    """The path of a file is a stranger's text: it becomes an import only if it is a name."""
    text = HEAD + "    return db.execute(f\"SELECT a FROM t WHERE b = '{q}'\")\n"
    use = sql.rewritten(text, 6, [])
    for path in ("shop/a b.py", "shop/x; import os.py", "shop/import.py", "a-b.py"):
        assert payloads.usable(payloads.of_query(path, use, "tests"), path) == []
    (first, *_) = payloads.usable(payloads.of_query("shop/search.py", use, "tests"), "shop/search.py")
    assert first.path.startswith("tests/test_regression_") and "from shop.search import find" in first.code
