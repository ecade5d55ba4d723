"""Finds every refusal in a program: a statement that rejects something, with its path condition. Pure.

A refusal is a raise, an assertion, a call of a check whose result is unused (``abort(403)``, ``require(user)``), the
return of an error, or the False of a function whose name asks whether something is allowed.

The path condition consists of the tests around the statement and the exits before it. An earlier exit that also
refuses does not narrow it, because what it stops is refused as well. Loops, handlers and patterns are opaque literals.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from core.repair.judge.conditions import RAISED, Clauses, clauses
from core.repair.localize.sources import called, words
from core.repair.localize.syntax import Function, last_name, nodes

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
Path = tuple[ast.expr, ...]  # tests that all hold
Exit = tuple[str, Path]  # "return" or "loop", and the tests under which it is taken


@dataclass(frozen=True)
class Refusal:
    """``kind`` is the kind of refusal, ``where`` its function.

    ``parts`` are the expressions that a change must keep: a check's arguments, the calls whose errors a handler
    refuses; ``inside`` are these with all of their subexpressions.
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
    handlers: tuple[tuple[str, ...], ...] = ()  # of the enclosing blocks: those that do not raise again
    tried_calls: frozenset[str] = frozenset()  # of the block whose handler this is

    def block(self, statements: Sequence[ast.stmt], path: Path) -> list[Exit]:
        """Record the refusals of a block; returns its exits that do not refuse."""
        exits: list[Exit] = []
        for statement in statements:
            for kind, tests in self.statement(statement, path):
                exits.append((kind, tests))
                path = (*path, _negated(tests))
        return exits

    def statement(self, node: ast.stmt, path: Path) -> list[Exit]:
        visit = _VISITS.get(type(node))
        return visit(self, node, path) if visit else []

    def record(
        self, node: ast.stmt, kind: str, path: Path, thrown: str | None = "", call: ast.Call | None = None
    ) -> None:
        caught = [names for names in self.handlers if thrown is not None and self._may_catch(names, thrown)]
        path = (*path, *(_opaque("not caught as", *names) for names in caught))
        given = _given(call) if call else []
        parts = self.tried_calls | frozenset(map(ast.unparse, given))
        inside = parts | {ast.unparse(n) for part in given for n in ast.walk(part) if isinstance(n, ast.expr)}
        condition = frozenset().union(*map(clauses, path))
        self.found.append(Refusal(".".join(self.scope), kind, condition, node.lineno, parts, frozenset(inside)))

    # --- statements -----------------------------------------------------------------------------------

    def raised(self, node: ast.Raise, path: Path) -> list[Exit]:
        name = last_name(node.exc.func if isinstance(node.exc, ast.Call) else node.exc)
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
        for position, handler in enumerate(node.handlers):
            when = (_opaque(RAISED, *_names(handler.type)), *self._taken(handler, node.handlers[:position]))
            exits += [(kind, (*when, *tests)) for kind, tests in self.block(handler.body, (*path, *when))]
        self.tried_calls = before
        return exits + self.block(node.orelse, path) + self.block(node.finalbody, path)

    def _taken(self, handler: ast.ExceptHandler, earlier: Sequence[ast.ExceptHandler]) -> Path:
        """What earlier handlers of the same block take from this one."""
        names = [name for one in earlier for name in _names(one.type)]
        kinds = {kind for name in _names(handler.type) for kind in self._bases(name)}
        return tuple(_opaque("not caught before as", name) for name in names if name in kinds)

    def within(self, node: ast.With | ast.AsyncWith, path: Path) -> list[Exit]:
        around = self.handlers
        for call in (i.context_expr for i in node.items if isinstance(i.context_expr, ast.Call)):
            if called(call) == "suppress":
                self.handlers = (*self.handlers, tuple(map(last_name, call.args)))
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
        own = next((n for n in nodes(self.tree, ast.ClassDef) if n.name == name), None)
        above = [self._bases(last_name(base), depth - 1) for base in own.bases] if own and depth else []
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
    """A literal that only the same literal implies."""
    given = [ast.Constant(p) if isinstance(p, str) else p for p in parts]
    return ast.Call(ast.Name(f"<{word}>"), given, [])


def _called_in(body: Sequence[ast.stmt]) -> frozenset[str]:
    return frozenset(f"{called(n)}()" for s in body for n in ast.walk(s) if isinstance(n, ast.Call))


def _calls(node: ast.expr) -> Iterator[tuple[ast.Call, Path]]:
    """The calls of an expression statement, including ``a or abort()`` and ``abort() if a else b``."""
    if isinstance(node, ast.Call):
        yield node, ()
    for inner, tests in _inner(node):
        yield from ((call, (*tests, *further)) for call, further in _calls(inner))


def _inner(node: ast.expr) -> list[tuple[ast.expr, Path]]:
    """The possible values of an expression, each with the tests under which it is evaluated."""
    if isinstance(node, ast.Await):
        return [(node.value, ())]
    if isinstance(node, ast.IfExp):
        return [(node.body, (node.test,)), (node.orelse, (_not(node.test),))]
    if not isinstance(node, ast.BoolOp):
        return []
    before = [value if isinstance(node.op, ast.And) else _not(value) for value in node.values]
    return [(value, tuple(before[:position])) for position, value in enumerate(node.values)]


def _error(node: ast.expr | None) -> str:
    """The kind of error that a returned value is: a status from 400, a word for an error, a reason; empty if none."""
    inner = node.elts if isinstance(node, ast.Tuple) else [node]
    if status := _status(inner):
        return status
    if isinstance(node, ast.Tuple):
        return "a reason" if len(inner) == 2 and _nothing(inner[0]) and not _nothing(inner[1]) else ""
    if isinstance(node, ast.Dict):
        keys = {k.value for k in node.keys if isinstance(k, ast.Constant)}
        return "an error" if keys & {"error", "errors"} else ""
    return _error_called(node) if isinstance(node, ast.Call) else ""


def _given(call: ast.Call) -> list[ast.expr]:
    return [*call.args, *(k.value for k in call.keywords)]


def _status(parts: Sequence[ast.expr | None]) -> str:
    """An HTTP error status among the parts or the arguments of their calls."""
    given = [a for n in parts if isinstance(n, ast.Call) for a in _given(n)]
    numbers = [n.value for n in (*parts, *given) if isinstance(n, ast.Constant)]
    return next((str(n) for n in numbers if type(n) is int and 400 <= n <= 599), "")


def _error_called(call: ast.Call) -> str:
    """Does the call, by its name, build an error or redirect to the sign-in page?"""
    name = called(call)
    texts = " ".join(str(a.value) for a in _given(call) if isinstance(a, ast.Constant))
    away = name.startswith("redirect") and _SIGN_IN.search(f"{name} {texts}")
    return name if away or _ERROR_CALL.search(name) else ""


def _nothing(node: ast.expr | None) -> bool:
    return node is None or (isinstance(node, ast.Constant) and node.value in (None, False))


def _permits(name: str) -> bool:
    return bool(_PERMITS & set(_words_of(name)))


def _words_of(name: str) -> list[str]:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().split("_")


def _names(node: ast.expr | None) -> tuple[str, ...]:
    if node is None:
        return ("BaseException",)
    return tuple(map(last_name, node.elts if isinstance(node, ast.Tuple) else [node]))
