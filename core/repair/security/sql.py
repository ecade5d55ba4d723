"""SQL that is built from text, rewritten with bound parameters. Pure.

The edit is certain only where every inserted value stands where SQL has a value: inside of a text literal, which it
then replaces as a whole, or after a comparison, LIKE, LIMIT, OFFSET, BETWEEN, or in VALUES. Names of tables and
columns cannot be bound.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from core.repair.localize.locate import replaced, spliced
from core.repair.localize.syntax import Function, covers, identifier, nodes
from core.repair.security.source import UnsafeUse, assigned, is_text, plain_function, settled

STATEMENT = re.compile(r"(?is)^\s*(?:select|insert|update|delete|replace|with)\b")
VALUE = re.compile(r"(?is)(?:[=<>]|\b(?:like|ilike|limit|offset|between))\s*$")
VALUES = re.compile(r"(?is)\bvalues\s*\((?:[^()]*,)?\s*$")
MARKS = {"sqlite3": "?", "psycopg": "%s", "psycopg2": "%s", "pymysql": "%s", "MySQLdb": "%s"}  # of PEP 249
UNCERTAIN = ('"', "`", "\\", "--", "/*", "$$")
Part = str | ast.expr


def rewritten(text: str, line: int, program: Sequence[ast.Module]) -> UnsafeUse | None:
    """The query of a line, with its values bound where that is certain; None if the line has no such query.

    ``program`` are further modules, which tell the database driver.
    """
    module = ast.parse(text)
    if (function := plain_function(module, line)) is None:
        return None
    for node in nodes(function, ast.JoinedStr, ast.BinOp, ast.Call):
        parts = parts_of(node) if covers(node, line) else []
        if len(parts) > 1 and isinstance(parts[0], str) and STATEMENT.match(parts[0]):
            inserted = [part for part in parts if isinstance(part, ast.expr)]
            new = _bound(text, function, node, parts, _mark([module, *program]))
            return UnsafeUse(function, inserted, new, quoted=parts[0].count("'") % 2 == 1)
    return None


def _bound(text: str, function: ast.FunctionDef, node: ast.expr, parts: Sequence[Part], mark: str) -> str:
    """The module with the values of a query bound; empty if that is not certain."""
    query, used = _Query(function, mark), _consumer(function, node)
    if not mark or used is None or not query.read(parts) or not settled(function, query.values):
        return ""
    listed = ", ".join(ast.unparse(value) for value in query.values)
    values, literal = f"({listed},)" if len(query.values) == 1 else f"({listed})", _literal(query.text)
    if used is node:
        return spliced(text, node, f"{literal}, {values}")
    return replaced(text, [(node, literal), (used, f"{identifier(used)}, {values}")])


def _mark(modules: Sequence[ast.Module]) -> str:
    """The placeholder of the only database driver that the program imports; empty if there is none, or several."""
    named = set()
    for module in modules:
        for node in nodes(module, ast.Import):
            named |= {alias.name.partition(".")[0] for alias in node.names}
        named |= {(node.module or "").partition(".")[0] for node in nodes(module, ast.ImportFrom)}
    marks = {MARKS[name] for name in named if name in MARKS}
    return marks.pop() if len(marks) == 1 else ""


def _consumer(function: Function, node: ast.expr) -> ast.expr | None:
    """The argument of the one ``execute`` that gets the statement alone: itself, or the only use of its name."""
    calls = [n for n in nodes(function, ast.Call) if isinstance(n.func, ast.Attribute) and n.func.attr == "execute"]
    alone = [n.args[0] for n in calls if len(n.args) == 1 and not n.keywords]
    if any(one is node for one in alone):
        return node
    for one in alone:
        name = identifier(one)
        loads = [n for n in nodes(function, ast.Name) if n.id == name and isinstance(n.ctx, ast.Load)]
        if name and assigned(function, name) is node and len(loads) == 1:
            return one
    return None


# --- the parts of a formatted text ----------------------------------------------------------------


def parts_of(node: ast.AST) -> list[Part]:
    """Texts and inserted values in turn; empty if the formatting is not plain."""
    return _merged(_parts(node))


def _parts(node: ast.AST) -> list[Part]:
    if isinstance(node, ast.JoinedStr):
        return _of_joined(node)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
        return _of_template(node.left, "%s", _listed(node.right))
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return [*_added(node.left), *_added(node.right)]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "format":
        return _of_template(node.func.value, "{}", [] if node.keywords else node.args)
    return []


def _added(node: ast.expr) -> list[Part]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    return _parts(node) or [node]


def _of_joined(node: ast.JoinedStr) -> list[Part]:
    found: list[Part] = []
    for value in node.values:
        if isinstance(value, ast.FormattedValue):
            if value.conversion != -1 or value.format_spec is not None:
                return []
            found.append(value.value)
        elif isinstance(value, ast.Constant):
            found.append(str(value.value))
    return found


def _listed(node: ast.expr) -> list[ast.expr]:
    return list(node.elts) if isinstance(node, ast.Tuple) else [] if isinstance(node, ast.Dict) else [node]


def _of_template(node: ast.expr, mark: str, values: Sequence[ast.expr]) -> list[Part]:
    if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
        return []
    texts = node.value.split(mark)
    odd = any(c in text for text in texts for c in ("%" if mark == "%s" else "{}"))
    if odd or len(texts) != len(values) + 1:
        return []
    return [part for pair in zip(texts, [*values, None], strict=True) for part in pair if part is not None]


def _merged(parts: Sequence[Part]) -> list[Part]:
    found: list[Part] = []
    for part in parts:
        if isinstance(part, str) and found and isinstance(found[-1], str):
            found[-1] += part
        elif part != "":
            found.append(part)
    return found


# --- the statement with its values bound ----------------------------------------------------------


@dataclass
class _Query:
    function: ast.FunctionDef
    mark: str
    text: str = ""
    values: list[ast.expr] = field(default_factory=list)
    literal: list[Part] | None = None  # the open text literal

    def read(self, parts: Sequence[Part]) -> bool:
        """Read all parts; False if a value stands where none can be bound."""
        for part in parts:
            if not (self._text(part) if isinstance(part, str) else self._value(part)):
                return False
        return self.literal is None and bool(self.values)

    def _value(self, value: ast.expr) -> bool:
        if self.literal is not None:
            self.literal.append(value)
            return True
        if not (VALUE.search(self.text) or VALUES.search(self.text)):
            return False
        self._put(value)
        return True

    def _put(self, value: ast.expr) -> None:
        self.text += self.mark
        self.values.append(value)

    def _text(self, text: str) -> bool:
        if any(sign in text for sign in UNCERTAIN) or "''" in text or (self.mark == "?" and "?" in text):
            return False
        for number, piece in enumerate(text.split("'")):
            if number:
                self._quote()
            if self.literal is not None:
                self.literal.append(piece)
            else:
                self.text += piece.replace("%", "%%") if self.mark == "%s" else piece
        return True

    def _quote(self) -> None:
        """A quotation mark opens a text literal, or closes one; one with a value in it is bound as a whole."""
        if self.literal is None:
            self.literal = []
            return
        parts, self.literal = [part for part in self.literal if part != ""], None
        if all(isinstance(part, str) for part in parts):
            inner = "".join(map(str, parts))
            self.text += f"'{inner.replace('%', '%%') if self.mark == '%s' else inner}'"
            return
        self._put(self._joined(parts))

    def _joined(self, parts: Sequence[Part]) -> ast.expr:
        """The text that the literal had: what SQL compares with must stay a text."""
        if len(parts) == 1 and isinstance(parts[0], ast.expr):
            alone = parts[0]
            return alone if is_text(alone, self.function) else ast.Call(ast.Name("str"), [alone], [])
        values: list[ast.expr] = []
        values += [
            ast.Constant(part) if isinstance(part, str) else ast.FormattedValue(part, -1, None) for part in parts
        ]
        return ast.JoinedStr(values)


def _literal(text: str) -> str:
    plain = text.isprintable() and '"' not in text and "\\" not in text
    return f'"{text}"' if plain else repr(text)
