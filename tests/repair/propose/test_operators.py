"""Each edit operator as a table: a program, the crash on the marked line, the line that it proposes; or its silence."""

import difflib

import pytest

from core.models import Crash, Frame
from core.repair.fixers.embedded import EmbeddedFixer
from core.repair.types import Evidence

MARK, OUTER = "  # here", "  # out"
ZERO = ("ZeroDivisionError", "division by zero")
LIST_VIEW = "def first(d):\n    return d.keys()[0]  # here\n"
COUNT = "def count(words):\n    found = {}\n    for w in words:\n        found[w] += 1  # here\n    return found\n"
SHARE = 'def share(a, b):\n    "Part of b; 0.0 when b is empty."\n    return a / b  # here\n'
PLAIN_SHARE = "def share(a, b):\n    return a / b  # here\n"
MONEY = "class Money:\n    def __eq__(self, other):\n        return self.cents == other.cents  # here\n"
READ = "def read(text):\n    try:\n        return int(text)  # here\n    except {}:\n        return None\n"
WHILE = "def total(rows):\n    i = 0\n    while i {} len(rows):\n        add(rows[i])  # here\n        i += 1\n"
LOOP = "def prune(rows):\n    for key in rows:  # here\n        if not rows[key]:\n            del rows[key]\n"
COUNTER = "count = 0\n\n\ndef more():\n    count += 1  # here\n    return count\n"
LABEL = "def label(user):\n    return user.name.upper()  # here\n"
NICK = 'def label(user):\n    """The name in capitals; "GUEST" when there is no user."""\n    return user.name.upper()  # here\n'
FIND = "def find(rows):\n    return next(r for r in rows if r)  # here\n\n\ndef use(rows):\n    r = find(rows)\n    if r is None:\n        return 0\n    return r\n"
ROWS = 'def names(rows):\n    """Names; rows without a name are skipped."""\n    return [r["name"] for r in rows]  # here\n'
HOOK = "def done(job, hook=None):\n    hook(job)  # here\n    return job\n"
METHOD = "class Box:\n    def open():\n        return 1\n\n\ndef use(box):\n    return box.open()  # here\n"
SEND = "def send(text, *, channel):\n    return text, channel\n\n\ndef use(text, channel):\n    return send(text, channel)  # here\n"
AWAIT = "async def load():\n    return {}\n\n\nasync def use():\n    found = load()\n    return found.get(1)  # here\n"
FORGOT = 'def price(item):\n    """The price; 0 when the item has none."""\n    if item:\n        return item["price"]\n\n\ndef total(item):\n    return price(item) + 1  # here\n'
SPLIT = 'def pair(line):\n    key, value = line.split("=")  # here\n    return key, value\n'
ITEMS = "def show(rows):\n    for key, value in rows:  # here\n        print(key, value)\n"
TIMES = "from datetime import datetime\n\n\ndef late(at):\n    return datetime.utcnow() > at  # here\n"
SORTED = 'def ranked(rows):\n    """Rows by rank; those without a rank come last."""\n    return sorted(rows, key=lambda r: r["rank"])  # here\n'
PAIR = "from dataclasses import dataclass\n\n\n@dataclass\nclass User:\n    email: str\n\n\ndef show(user: User):\n    return user.emial  # here\n"
LATER = "class Client:\n    def connect(self):\n        self.connection = 1\n\n    def state(self):\n        return self.connection  # here\n"
PART = 'def line(item):\n    """A line of the bill; items without a price are shown as "free"."""\n    return f"{item[0]}: {item[1] + 1}"  # here\n'

QUERY = "def get(query, rows):\n    page = query.get('page', 1)\n    try:\n        return rows[page - 1]  # here\n    except ValueError:\n        return None\n"
CHARACTER = 'def one(body):\n    """A character; what is not known stays as it is."""\n    if body[0] == "#":\n        code = int(body[1:])\n        return chr(code)  # here\n    return body\n'
PORT = 'def port(text):\n    """The port; 8080 if the text is no number."""\n    return int(text)  # here\n'
LOAD = 'import json\n\n\nclass BadInput(Exception):\n    pass\n\n\ndef load(text):\n    """The settings. Raises BadInput if the text is malformed."""\n    return json.loads(text)  # here\n'
DAYS = "from datetime import date\n\n\ndef one(row):\n    try:\n        return date.fromisoformat(row)\n    except ValueError:\n        return None\n\n\ndef two(row):\n    return date.fromisoformat(row)  # here\n"
LINES = 'def total(rows):\n    """Their sum; what is no number is skipped."""\n    found = 0\n    for row in rows:\n        found += float(row)  # here\n    return found\n'
TABLE = "class Table:\n    def put(self, name, x):\n        self.held[name.lower()] = x\n\n    def get(self, name):\n        return self.held[name]  # here\n"
SINCE = 'from datetime import date\n\n\ndef shown(loan):\n    return str(date.fromisoformat(loan["day"]))\n\n\ndef since(loan, today):\n    return today - loan["day"]  # here\n'
EVENT = 'def user_of(event):\n    if "user" in event:\n        return event["user"]["id"]\n    return event["user_id"]\n\n\ndef ids(rows):\n    return [row["user_id"] for row in rows]  # here\n'
CHOICE = 'def cost(base, express):\n    """The cost. There is no surcharge otherwise."""\n    if express:\n        surcharge = 500\n    return base + surcharge  # here\n'
MEAN = 'def mean(readings):\n    """The mean; readings of None are left out."""\n    return sum(readings) / len(readings)  # here\n'
LATE = 'class Client:\n    """connection is None until connect() was called."""\n\n    def __init__(self, host):\n        self.host = host\n\n    def connect(self):\n        self.connection = 1\n\n    def state(self):\n        return self.connection  # here\n'
BOARD = "def board(rows):\n    return [tuple(row) for row in rows]\n\n\ndef mark(rows):\n    found = board(rows)\n    found[0][1] = 5  # here\n"
TOKEN = 'import base64\n\n\ndef read(part):\n    """The bytes of base64 without padding."""\n    return base64.b64decode(part)  # here\n'
TAGS = 'def tags(row):\n    """The tags; an empty list if there are none."""\n    return [tag.lower() for tag in row["tags"]]  # here\n'
STOCK = "class NoSuchItem(Exception):\n    pass\n\n\ndef remove(stock, name):\n    if not name:\n        raise NoSuchItem(name)\n    return stock[name]  # here\n\n\ndef page(stock, name):\n    try:\n        return remove(stock, name)  # out\n    except NoSuchItem:\n        return 404\n"
RATES = "def mean(rows):\n    if not rows:\n        return 0.0\n    return sum(rows) / len(rows)\n\n\ndef most(found):\n    if not found:\n        return 0.0\n    return max(found)\n\n\ndef rate(parts):\n    return sum(parts) / len(parts)  # here\n"
BEST = "def best(rows, name):\n    return rows[name]  # here\n\n\ndef show(rows, name):\n    return best(rows, name) or 'nothing'\n"
NICKS = 'def short(user):\n    return (user.nick or "guest")[:3]\n\n\ndef label(user):\n    return user.nick.upper()  # here\n'
ROUTE = "DISTANCES = {('A', 'B'): 4, ('A', 'C'): 9}\n\n\ndef distance(one, other):\n    return DISTANCES[(one, other)]  # here\n"

# operator, exception, message, program, locals, the line that comes
PROPOSED = [
    ("other_value.instead", "ZeroDivisionError", "division by zero", SHARE, {"b": "0"}, "return a / b if b else 0.0"),
    ("other_value.instead", "StopIteration", "", FIND, {}, "return next((r for r in rows if r), None)"),
    ("early_exit.returning", "AttributeError", "'NoneType' object has no attribute 'name'", NICK, {"user": "None"}, 'return "GUEST"'),
    ("leaving_out.row", "KeyError", "'name'", ROWS, {}, 'return [r["name"] for r in rows if "name" in r]'),
    ("leaving_out.step", "TypeError", "'NoneType' object is not callable", HOOK, {"hook": "None"}, "if hook is not None:"),
    ("other_name.defined", "NameError", "name 'totl' is not defined", "def f(total):\n    return totl  # here\n", {}, "return total"),
    ("other_name.defined", "NameError", "name 'col' is not defined", "def f(column):\n    return col  # here\n", {}, "return column"),
    ("other_name.defined", "NameError", "name 'json' is not defined", "def f(x):\n    return json.dumps(x)  # here\n", {}, "import json"),
    ("other_attribute.had", "AttributeError", "'User' object has no attribute 'emial'", PAIR, {}, "return user.email"),
    ("other_key.form", "KeyError", "'EUR'", "def f(rates, code):\n    return rates[code]  # here\n", {"rates": "{'eur': 1}", "code": "'EUR'"}, "return rates[code.lower()]"),
    ("other_key.spelled", "KeyError", "'adress'", 'def f(row):\n    return row["adress"]  # here\n', {"row": "{'address': 1}"}, 'return row["address"]'),
    ("other_key.elsewhere", "KeyError", "'id'", 'def f(event):\n    return event["id"]  # here\n', {"event": "{'data': {'id': 1}}"}, 'return event["data"]["id"]'),
    ("gathered.first", "KeyError", "'a'", COUNT, {}, "found[w] = found.get(w, 0) + 1"),
    ("conversion.of_the_other_side", "TypeError", "'dict_keys' object is not subscriptable", LIST_VIEW, {}, "return list(d.keys())[0]"),
    ("conversion.as_text", "TypeError", 'can only concatenate str (not "int") to str', 'def f(n):\n    return "n" + n  # here\n', {"n": "3"}, 'return "n" + str(n)'),
    ("widened.caught", "TypeError", "int() argument must be a string", READ.format("ValueError"), {}, "except (ValueError, TypeError):"),
    ("bound.strict", "IndexError", "list index out of range", WHILE.format("<="), {}, "while i < len(rows):"),
    ("iteration.copy", "RuntimeError", "dictionary changed size during iteration", LOOP, {}, "for key in list(rows):"),
    ("iteration.awaited", "AttributeError", "'coroutine' object has no attribute 'get'", AWAIT, {}, "found = await load()"),
    ("binary.unknown_operand", "AttributeError", "'int' object has no attribute 'cents'", MONEY, {"other": "3"}, "return NotImplemented"),
    ("unset.declared", "UnboundLocalError", "local variable 'count' referenced before assignment", COUNTER, {}, "global count"),
    ("arguments.without_self", "TypeError", "Box.open() takes 0 positional arguments but 1 was given", METHOD, {}, "@staticmethod"),
    ("arguments.by_keyword", "TypeError", "send() takes 1 positional argument but 2 were given", SEND, {}, "return send(text, channel=channel)"),
    ("forgotten.returned_value", "TypeError", "unsupported operand type(s) for +: 'NoneType' and 'int'", FORGOT, {}, "return 0"),
    ("unpacked.split", "ValueError", "too many values to unpack (expected 2)", SPLIT, {}, 'key, value = line.split("=", 1)'),
    ("unpacked.items", "ValueError", "not enough values to unpack (expected 2, got 1)", ITEMS, {"rows": "{'a': 1}"}, "for key, value in rows.items():"),
    ("times.aware", "TypeError", "can't compare offset-naive and offset-aware datetimes", TIMES, {}, "return datetime.now(timezone.utc) > at"),
    ("conversion.as_number", "TypeError", "unsupported operand type(s) for -: 'str' and 'int'", QUERY, {"page": "'2'"}, "page = int(query.get('page', 1))"),
    ("conversion.of_the_other_side", "TypeError", "'tuple' object does not support item assignment", BOARD, {"found": "[(1, 2)]"}, "return [list(row) for row in rows]"),
    ("leaving_out.step", "ValueError", "chr() arg not in range(0x110000)", CHARACTER, {}, "if 0 <= code < 0x110000:"),
    ("leaving_out.row", "ValueError", "could not convert string to float: 'x'", LINES, {}, "except ValueError:"),
    ("leaving_out.items", "TypeError", "unsupported operand type(s) for +: 'int' and 'NoneType'", MEAN, {"readings": "[1, None]"}, "readings = [item for item in readings if item is not None]"),
    ("early_exit.returning", "ValueError", "invalid literal for int() with base 10: 'x'", PORT, {"text": "'x'"}, "return 8080"),
    ("early_exit.returning", "ValueError", "Invalid isoformat string: 'x'", DAYS, {"row": "'x'"}, "return None"),
    ("early_exit.refusing", "JSONDecodeError", "Expecting value: line 1 column 1 (char 0)", LOAD, {}, "except ValueError as error:"),
    ("early_exit.returning", "ZeroDivisionError", "division by zero", RATES, {"parts": "[]", "len(parts)": "0"}, "return 0.0"),
    ("early_exit.returning", "KeyError", "'b'", BEST, {}, "return None"),
    ("other_value.instead", "AttributeError", "'NoneType' object has no attribute 'upper'", NICKS, {"user.nick": "None"}, "return (user.nick or 'guest').upper()"),
    ("early_exit.refusing", "KeyError", "'b'", STOCK, {}, "raise NoSuchItem(name)"),
    ("as_elsewhere.converted", "KeyError", "'CSV'", TABLE, {}, "return self.held[name.lower()]"),
    ("as_elsewhere.converted", "TypeError", "unsupported operand type(s) for -: 'datetime.date' and 'str'", SINCE, {}, 'return today - date.fromisoformat(loan["day"])'),
    ("as_elsewhere.reused", "KeyError", "'user_id'", EVENT, {}, "return [user_of(row) for row in rows]"),
    ("unset.begun", "UnboundLocalError", "cannot access local variable 'surcharge' where it is not associated with a value", CHOICE, {}, "surcharge = 0"),
    ("members.begun", "AttributeError", "'Client' object has no attribute 'connection'", LATE, {}, "self.connection = None"),
    ("other_key.spelled", "KeyError", "'qty'", 'def f(row):\n    return row["qty"]  # here\n', {"row": "{'quantity': 1}"}, 'return row["quantity"]'),
    ("other_key.form", "KeyError", "('C', 'A')", ROUTE, {"one": "'C'", "other": "'A'"}, "return DISTANCES[tuple(sorted((one, other)))]"),
    ("other_value.instead", "TypeError", "'NoneType' object is not iterable", TAGS, {"row": "{'tags': None}"}, 'return [tag.lower() for tag in (row["tags"] or [])]'),
    ("imports.renamed", "ModuleNotFoundError", "No module named 'urlparse'", "from urlparse import urljoin  # here\n", {}, "from urllib.parse import urljoin"),
    ("written_form.read", "Error", "Incorrect padding", TOKEN, {}, 'return base64.b64decode(part + "=" * (-len(part) % 4))'),
    ("ordering.without_value", "TypeError", "'<' not supported between instances of 'NoneType' and 'int'", SORTED, {}, 'return sorted(rows, key=lambda r: (r["rank"] is None, r["rank"]))'),
]  # fmt: skip
# operator, exception, message, program, locals: it has nothing to say
SILENT = [
    ("other_value.instead", "ZeroDivisionError", "division by zero", PLAIN_SHARE, {"b": "2"}),
    ("early_exit.refusing", "KeyError", "'a'", 'def f(row):\n    return row["a"]  # here\n', {}),
    ("leaving_out.step", "TypeError", "'NoneType' object is not callable", "def f(hook):\n    return hook()  # here\n", {"hook": "None"}),
    ("other_name.defined", "NameError", "name 'rate' is not defined", "def f(amount):\n    return rate  # here\n", {}),
    ("other_attribute.had", "AttributeError", "'NoneType' object has no attribute 'emial'", PAIR, {}),
    ("other_attribute.had", "AttributeError", "'Client' object has no attribute 'connection'", LATER, {}),
    ("other_key.form", "KeyError", "'EUR'", "def f(rates, code):\n    return rates[code]  # here\n", {"rates": "{'usd': 1}", "code": "'EUR'"}),
    ("other_key.elsewhere", "KeyError", "'id'", 'def f(event):\n    return event["id"]  # here\n', {"event": "{'data': {}}"}),
    ("conversion.as_number", "TypeError", "'<' not supported between instances of 'str' and 'int'", "def f(n):\n    return n < 3  # here\n", {"n": "'three'"}),
    ("widened.caught", "ValueError", "invalid literal for int()", READ.format("ValueError"), {}),
    ("widened.caught", "TypeError", "int() argument must be a string", READ.format("Exception"), {}),
    ("bound.strict", "IndexError", "list index out of range", WHILE.format("<"), {}),
    ("iteration.awaited", "AttributeError", "'coroutine' object has no attribute 'get'", AWAIT.replace("async def use", "def use"), {}),
    ("binary.unknown_operand", "AttributeError", "'Money' object has no attribute 'cents'", MONEY, {"type(other)": "'Money'"}),
    ("unset.declared", "UnboundLocalError", "local variable 'n' referenced before assignment", COUNTER.replace("count = 0", ""), {}),
    ("arguments.without_self", "TypeError", "open() takes 1 positional argument but 3 were given", METHOD, {}),
    ("forgotten.returned_value", "TypeError", "unsupported operand type(s) for +: 'NoneType' and 'int'", FORGOT.replace("; 0 when the item has none", ""), {}),
    ("unpacked.split", "ValueError", "too many values to unpack (expected 2)", SPLIT.replace('"="', '"=", 1'), {}),
    ("unpacked.items", "ValueError", "too many values to unpack (expected 2)", ITEMS, {"rows": "[(1, 2, 3)]"}),
    ("early_exit.returning", "ValueError", "invalid literal for int() with base 10: 'x'", PORT.replace("; 8080 if the text is no number", ""), {"text": "'x'"}),
    ("early_exit.refusing", "JSONDecodeError", "Expecting value: line 1 column 1 (char 0)", LOAD.replace("Raises", "Without"), {}),
    ("as_elsewhere.converted", "KeyError", "'CSV'", TABLE.replace("self.held[name.lower()]", "self.names[name.lower()]"), {}),
    ("as_elsewhere.reused", "KeyError", "'user_id'", EVENT.replace('event["user_id"]', 'event["id"]'), {}),
    ("members.begun", "AttributeError", "'Client' object has no attribute 'connection'", LATE.replace(" is None until connect() was called", ""), {}),
    ("other_key.spelled", "KeyError", "'qty'", 'def f(row):\n    return row["qty"]  # here\n', {"row": "{'quantity': 1, 'quality': 2}"}),
    ("other_key.spelled", "KeyError", "'customer_name'", 'def f(row):\n    return row["customer_name"]  # here\n', {"row": "{'customer_mail': 1}"}),
    ("written_form.read", "Error", "Invalid base64-encoded string", TOKEN, {}),
    ("times.aware", "TypeError", "'>' not supported between instances of 'str' and 'datetime.datetime'", TIMES, {}),
    ("ordering.first_part", "TypeError", "'<' not supported between instances of 'str' and 'int'", SORTED, {}),
]  # fmt: skip


def proposed(tree, exception, message, program, known, name) -> list:
    """The operator's candidates for the crash on the marked line."""
    line = next(n for n, text in enumerate(program.splitlines(), 1) if MARK in text)
    (tree / "app.py").write_text(program.replace(MARK, ""))
    frame = Frame(file="app.py", line=line, function="f", locals=known)
    outer = [n for n, text in enumerate(program.splitlines(), 1) if OUTER in text]
    frames = [*(Frame(file="app.py", line=n, function="g") for n in outer), frame]
    crash = Crash(exception={"type": exception, "message": message}, frames=frames)
    return [found for found in EmbeddedFixer().propose(tree, crash) if found.template == name]


def added(program: str, candidate) -> list[str]:
    lines = difflib.ndiff(program.replace(MARK, "").splitlines(), candidate.files["app.py"].splitlines())
    return [text[2:].strip() for text in lines if text.startswith("+ ")]


@pytest.mark.parametrize(("name", "exception", "message", "program", "known", "line"), PROPOSED)
def test_an_operator_proposes_its_edit(tmp_path, name, exception, message, program, known, line):
    found = proposed(tmp_path, exception, message, program, known, name)
    assert line in [text for candidate in found[:3] for text in added(program, candidate)]
    assert found[0].grade > Evidence.STYLE
    assert found[0].evidence


@pytest.mark.parametrize(("name", "exception", "message", "program", "known"), SILENT)
def test_an_operator_is_silent(tmp_path, name, exception, message, program, known):
    assert proposed(tmp_path, exception, message, program, known, name) == []


ROOTED = LABEL + "\n\ndef use(user, root):\n    r = label(user)\n    return r is root\n"


@pytest.mark.parametrize("program", [PLAIN_SHARE, LABEL, ROOTED])
def test_without_evidence_nothing_has_a_grade(tmp_path, program):
    known = {"b": "0", "user": "None"}
    crash = ZERO if program == PLAIN_SHARE else ("AttributeError", "'NoneType' object has no attribute 'name'")
    for name in ("other_value.instead", "early_exit.returning"):
        found = proposed(tmp_path, *crash, program, known, name)
        assert {candidate.grade for candidate in found} <= {Evidence.NONE}
        assert not any(candidate.evidence for candidate in found)


@pytest.mark.parametrize(
    ("words", "grade"),
    [
        ("The share; 0.0 when the total is zero.", Evidence.DOCUMENTED),
        ("Returns 0.0 when nothing was sold.", Evidence.DOCUMENTED),
        ("Colours are 0.0 if unknown.", Evidence.STYLE),
        ("Returns None if the total is 0.0.", Evidence.NONE),
        ("Raises ValueError if the total is 0.0.", Evidence.NONE),
        ("It is counted in parts; it is 0.0 if the total is zero.", Evidence.DOCUMENTED),
        ("Colours are shown if known.", Evidence.NONE),
    ],
)
def test_documentation_counts_where_it_is_about_the_missing_thing(tmp_path, words, grade):
    program = f'def sold(a, total):\n    """{words}"""\n    return a / total  # here\n'
    found = proposed(tmp_path, *ZERO, program, {"total": "0"}, "early_exit.returning")
    assert max((c.grade for c in found if "return 0.0" in added(program, c)), default=Evidence.NONE) == grade


def test_a_text_for_one_part_is_no_evidence_for_the_whole(tmp_path):
    message = "unsupported operand type(s) for +: 'NoneType' and 'int'"
    found = proposed(tmp_path, "TypeError", message, PART, {"item[1]": "None"}, "early_exit.returning")
    [whole] = [c for c in found if 'return "free"' in added(PART, c)]
    assert whole.grade == Evidence.STYLE


@pytest.mark.parametrize(
    ("line", "grade"),
    [("return max(rows)", Evidence.DOCUMENTED), ("return scale(rows, max(rows))", Evidence.STYLE)],
)
def test_a_value_for_the_result_is_no_evidence_for_a_part(tmp_path, line, grade):
    program = f'def most(rows):\n    """The most; 0 if there are no rows."""\n    {line}  # here\n'
    found = proposed(
        tmp_path, "ValueError", "max() arg is an empty sequence", program, {"rows": "[]"}, "other_value.instead"
    )
    [candidate] = [c for c in found if "default=0" in "".join(added(program, c))]
    assert candidate.grade == grade


@pytest.mark.parametrize("known", ["total_net, total_gross", "total_net", "total"])
def test_a_name_that_only_shares_a_word_is_no_slip(tmp_path, known):
    program = f"def f({known}):\n    return total_tax  # here\n"
    found = proposed(tmp_path, "NameError", "name 'total_tax' is not defined", program, {}, "other_name.defined")
    assert {c.grade for c in found} == {Evidence.STYLE}


def test_a_readme_is_no_evidence_for_one_function(tmp_path):
    (tmp_path / "README.md").write_text("The share of b is 0.0 when b is zero.\n")
    found = proposed(tmp_path, *ZERO, PLAIN_SHARE, {"b": "0"}, "early_exit.returning")
    assert {candidate.grade for candidate in found} == {Evidence.NONE}
