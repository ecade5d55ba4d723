"""Every statement of a program that refuses something, with the condition under which it is reached. Pure.

A refusal is a raise, an assertion, a call of a check whose result nobody uses (``abort(403)``, ``require(user)``),
the return of an error, or the False of a function that says by its name whether something is allowed.

The path condition has the tests around the statement and the exits before it. An exit that refuses as well takes
nothing away: what it stops is refused. Loops, handlers and patterns are literals of their own.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from core.repair.judge.conditions import Clauses, clauses
from core.repair.localize.sources import called, words
from core.repair.localize.syntax import Function

_CHECKS = words(
    "abort check checks require requires ensure ensures verify verified validate authorize authorise authorized "
    "authorised authenticate authenticated permission permissions assert enforce deny forbid refuse reject guard "
    "protect"
)
_PERMITS = words(
    "may can allow allowed allows permit permits permitted permission auth authorized authorised authenticated admin "
    "owner valid validate verify verified check trusted safe access forbidden denied"
)
_ERROR_CALL = re.compile(
    r"error|forbidden|unauthori[sz]ed|denied|bad_?request|not_?(?:found|allowed)|reject|refus|invalid|failure", re.I
)
_SIGN_IN = re.compile(r"log-?in|sign-?in|denied|forbidden|unauthori", re.I)
_NEVER_CAUGHT = {"SystemExit", "KeyboardInterrupt", "GeneratorExit"}
Path = tuple[ast.expr, ...]  # tests that hold, all of them
Exit = tuple[str, Path]  # "return" or "loop", and the tests under which it is taken


@dataclass(frozen=True)
class Refusal:
    """``kind`` is what it does, ``where`` the function.

    ``parts`` are what it depends on and has to keep: a check's arguments, the calls whose error a handler refuses;
    ``inside`` are the parts with all that is in them.
    """

    where: str
    kind: str
    condition: Clauses
    line: int
    parts: frozenset[str] = frozenset()
    inside: frozenset[str] = frozenset()


def refusals(tree: ast.Module) -> list[Refusal]:
    walk = _Walk(tree)
    walk.block(tree.body, ())
    return walk.found


@dataclass
class _Walk:
    tree: ast.Module
    found: list[Refusal] = field(default_factory=list)
    scope: tuple[str, ...] = ()
    handlers: tuple[tuple[str, ...], ...] = ()  # of the blocks around, those that do not raise again
    tried_calls: frozenset[str] = frozenset()  # of the block whose handler this is

    def block(self, statements: Sequence[ast.stmt], path: Path) -> list[Exit]:
        """Record what refuses; the ways out of the block that refuse nothing."""
        exits: list[Exit] = []
        for statement in statements:
            for kind, tests in self.statement(statement, path):
                exits.append((kind, tests))
                path = (*path, _negated(tests))
        return exits

    def statement(self, node: ast.stmt, path: Path) -> list[Exit]:
        visit = _VISITS.get(type(node))
        return visit(self, node, path) if visit else []

    def record(self, node: ast.stmt, kind: str, path: Path, thrown: str = "", call: ast.Call | None = None) -> None:
        caught = [names for names in self.handlers if thrown is not None and self._may_catch(names, thrown)]
        path = (*path, *(_opaque("not caught as", *names) for names in caught))
        given = [*call.args, *(k.value for k in call.keywords)] if call else []
        parts = self.tried_calls | frozenset(map(ast.unparse, given))
        inside = parts | {ast.unparse(n) for part in given for n in ast.walk(part) if isinstance(n, ast.expr)}
        condition = frozenset().union(*map(clauses, path))
        self.found.append(Refusal(".".join(self.scope), kind, condition, node.lineno, parts, frozenset(inside)))

    # --- statements -----------------------------------------------------------------------------------

    def raised(self, node: ast.Raise, path: Path) -> list[Exit]:
        name = _last(node.exc.func if isinstance(node.exc, ast.Call) else node.exc)
        self.record(node, f"raise {name}".strip(), path, name)
        return []

    def asserted(self, node: ast.Assert, path: Path) -> list[Exit]:
        self.record(node, "assert", (*path, _not(node.test)), "AssertionError")
        return []

    def returned(self, node: ast.Return, path: Path) -> list[Exit]:
        if error := _error(node.value):
            self.record(node, f"return {error}", path, None)
            return []
        if not _permits(self.scope[-1] if self.scope else ""):
            return [("return", ())]
        self.record(node, "return False", (*path, _not(node.value or ast.Constant(None))), None)
        return [] if _nothing(node.value) else [("return", ())]

    def left(self, _node: ast.Continue | ast.Break, _path: Path) -> list[Exit]:
        return [("loop", ())]

    def expression(self, node: ast.Expr, path: Path) -> list[Exit]:
        for call, tests in _calls(node.value):
            if _CHECKS & set(_words_of(called(call))):
                self.record(node, f"call of {called(call)}", (*path, *tests), "", call)
        return []

    def tested(self, node: ast.If, path: Path) -> list[Exit]:
        otherwise = _not(node.test)
        then = [(kind, (node.test, *tests)) for kind, tests in self.block(node.body, (*path, node.test))]
        return then + [(kind, (otherwise, *tests)) for kind, tests in self.block(node.orelse, (*path, otherwise))]

    def looped(self, node: ast.For | ast.AsyncFor | ast.While, path: Path) -> list[Exit]:
        once = node.test if isinstance(node, ast.While) else _opaque("each", node.target, node.iter)
        inner = self.block(node.body, (*path, once))
        after = self.block(node.orelse, path)
        return [("return", (_opaque("once", once, *tests),)) for kind, tests in inner if kind == "return"] + after

    def tried(self, node: ast.Try, path: Path) -> list[Exit]:
        around = self.handlers
        quiet = [h for h in node.handlers if not any(isinstance(n, ast.Raise) for n in ast.walk(h))]
        self.handlers = (*around, *(_names(h.type) for h in quiet))
        exits = self.block(node.body, path)
        self.handlers = around
        before, self.tried_calls = self.tried_calls, self.tried_calls | _called_in(node.body)
        for handler in node.handlers:
            when = _opaque("raised", *_names(handler.type))
            exits += [(kind, (when, *tests)) for kind, tests in self.block(handler.body, (*path, when))]
        self.tried_calls = before
        return exits + self.block(node.orelse, path) + self.block(node.finalbody, path)

    def within(self, node: ast.With | ast.AsyncWith, path: Path) -> list[Exit]:
        around = self.handlers
        for call in (i.context_expr for i in node.items if isinstance(i.context_expr, ast.Call)):
            if called(call) == "suppress":
                self.handlers = (*self.handlers, tuple(map(_last, call.args)))
            elif _CHECKS & set(_words_of(called(call))):
                self.record(node, f"call of {called(call)}", path, "", call)
        exits = self.block(node.body, path)
        self.handlers = around
        return exits

    def matched(self, node: ast.Match, path: Path) -> list[Exit]:
        exits: list[Exit] = []
        for case in node.cases:
            when = (_opaque("match", node.subject, ast.unparse(case.pattern)), *([case.guard] if case.guard else []))
            exits += [(kind, (*when, *tests)) for kind, tests in self.block(case.body, (*path, *when))]
        return exits

    def defined(self, node: Function | ast.ClassDef, path: Path) -> list[Exit]:
        outer, around = self.scope, self.handlers
        self.scope, self.handlers = (*outer, node.name), ()
        self.block(node.body, path)
        self.scope, self.handlers = outer, around
        return []

    def _may_catch(self, names: tuple[str, ...], thrown: str) -> bool:
        kinds = self._bases(thrown)
        return any(name in kinds or (not kinds and thrown not in _NEVER_CAUGHT) for name in names)

    def _bases(self, name: str, depth: int = 8) -> set[str]:
        """The exception and all that it is; empty when the program's text does not tell."""
        kind = getattr(builtins, name, None)
        if isinstance(kind, type) and issubclass(kind, BaseException):
            return {k.__name__ for k in kind.__mro__}
        own = [n for n in ast.walk(self.tree) if isinstance(n, ast.ClassDef) and n.name == name]
        if not own or not depth:
            return set()
        above = [self._bases(_last(base), depth - 1) for base in own[0].bases]
        return {name}.union(*above) if above and all(above) else set()


_VISITS = {
    ast.Raise: _Walk.raised,
    ast.Assert: _Walk.asserted,
    ast.Return: _Walk.returned,
    ast.Continue: _Walk.left,
    ast.Break: _Walk.left,
    ast.Expr: _Walk.expression,
    ast.If: _Walk.tested,
    ast.For: _Walk.looped,
    ast.AsyncFor: _Walk.looped,
    ast.While: _Walk.looped,
    ast.Try: _Walk.tried,
    ast.TryStar: _Walk.tried,
    ast.With: _Walk.within,
    ast.AsyncWith: _Walk.within,
    ast.Match: _Walk.matched,
    ast.FunctionDef: _Walk.defined,
    ast.AsyncFunctionDef: _Walk.defined,
    ast.ClassDef: _Walk.defined,
}


# --- expressions -------------------------------------------------------------------------------------


def _not(node: ast.expr) -> ast.expr:
    return ast.UnaryOp(ast.Not(), node)


def _negated(tests: Path) -> ast.expr:
    return _not(ast.BoolOp(ast.And(), list(tests))) if tests else ast.Constant(False)


def _opaque(word: str, *parts: ast.expr | str) -> ast.expr:
    """A literal that nothing but the same one implies."""
    given = [ast.Constant(p) if isinstance(p, str) else p for p in parts]
    return ast.Call(ast.Name(f"<{word}>"), given, [])


def _called_in(body: Sequence[ast.stmt]) -> frozenset[str]:
    return frozenset(f"{called(n)}()" for s in body for n in ast.walk(s) if isinstance(n, ast.Call))


def _calls(node: ast.expr) -> Iterator[tuple[ast.Call, Path]]:
    """The call that a statement consists of, also in ``a or abort()`` and ``abort() if a else b``."""
    if isinstance(node, ast.Await):
        yield from _calls(node.value)
    elif isinstance(node, ast.Call):
        yield node, ()
    elif isinstance(node, ast.BoolOp):
        before = [v if isinstance(node.op, ast.And) else _not(v) for v in node.values]
        for position, value in enumerate(node.values):
            yield from ((call, (*before[:position], *tests)) for call, tests in _calls(value))
    elif isinstance(node, ast.IfExp):
        yield from ((call, (node.test, *tests)) for call, tests in _calls(node.body))
        yield from ((call, (_not(node.test), *tests)) for call, tests in _calls(node.orelse))


def _error(node: ast.expr | None) -> str:
    """What kind of error a returned value is; empty when it is none: a status from 400, a word for it, a reason."""
    inner = node.elts if isinstance(node, ast.Tuple) else [node]
    given = [a for n in inner if isinstance(n, ast.Call) for a in (*n.args, *(k.value for k in n.keywords))]
    numbers = [n.value for n in (*inner, *given) if isinstance(n, ast.Constant) and type(n.value) is int]
    if status := next((n for n in numbers if 400 <= n <= 599), 0):
        return str(status)
    if isinstance(node, ast.Tuple) and len(inner) == 2 and _nothing(inner[0]) and not _nothing(inner[1]):
        return "a reason"
    if isinstance(node, ast.Dict):
        keys = {k.value for k in node.keys if isinstance(k, ast.Constant)}
        return "an error" if keys & {"error", "errors"} else ""
    if not isinstance(node, ast.Call):
        return ""
    texts = " ".join(str(a.value) for a in given if isinstance(a, ast.Constant))
    away = called(node).startswith("redirect") and _SIGN_IN.search(f"{called(node)} {texts}")
    return called(node) if away or _ERROR_CALL.search(called(node)) else ""


def _nothing(node: ast.expr | None) -> bool:
    return node is None or (isinstance(node, ast.Constant) and node.value in (None, False))


def _permits(name: str) -> bool:
    return bool(_PERMITS & set(_words_of(name)))


def _words_of(name: str) -> list[str]:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().split("_")


def _names(node: ast.expr | None) -> tuple[str, ...]:
    if node is None:
        return ("BaseException",)
    return tuple(map(_last, node.elts if isinstance(node, ast.Tuple) else [node]))


def _last(node: ast.AST | None) -> str:
    return getattr(node, "attr", "") or getattr(node, "id", "")
