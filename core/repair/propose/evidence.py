"""Evidence from the program's code, besides its documentation, for what is right when something is missing. Pure."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterable, Iterator

from core.repair.localize.locate import Place
from core.repair.localize.returning import alike, fits
from core.repair.localize.sources import called, defaults, files, parsed
from core.repair.localize.syntax import Function, functions_in, identifier, last_name, names_in, nodes
from core.repair.propose.base import Clue, modules
from core.repair.propose.documentation import documented
from core.repair.propose.suspect import Suspect
from core.repair.types import Evidence


def siblings(place: Place, key: object) -> Iterator[Clue]:
    """Defaults of the same key elsewhere: ``x.get(key, default)``, ``x.key or default``, or a field's default.

    A default that is looked up by its own key, ``x.get("a", DEFAULTS["a"])``, applies to every key.
    """
    for path in [place.path, *files(place.tree)]:
        for node in nodes(parsed(place.tree, path), ast.BoolOp, ast.IfExp, ast.Call, ast.AnnAssign):
            found = _default_of(node, key)
            if isinstance(found, _PLAIN):
                words = f"{path}:{node.lineno} uses the same default for {key!r}"
                yield Clue(ast.unparse(found), words, Evidence.SIBLING)
            elif path == place.path and isinstance(node, ast.Call) and (value := _default_by_key(node, key)):
                yield Clue(value, f"{path}:{node.lineno} uses the default of another key so", Evidence.SIBLING, 1)


def _default_by_key(call: ast.Call, key: object) -> str:
    """``DEFAULTS[key]`` of ``x.get("other", DEFAULTS["other"])``; empty for any other call."""
    match call:
        case ast.Call(args=[ast.Constant(value=other), ast.Subscript(value=table, slice=ast.Constant(value=same))]):
            return f"{ast.unparse(table)}[{key!r}]" if called(call) == "get" and other == same != key else ""
    return ""


_PLAIN = ast.Constant | ast.List | ast.Dict | ast.Tuple | ast.UnaryOp


def _default_of(node: ast.BoolOp | ast.IfExp | ast.Call | ast.AnnAssign, key: object) -> ast.expr | None:
    if isinstance(node, ast.BoolOp):
        return node.values[-1] if isinstance(node.op, ast.Or) and _reads(node.values[0], key) else None
    if isinstance(node, ast.IfExp):
        return node.orelse if _reads(node.body, key) and any(_reads(n, key) for n in ast.walk(node.test)) else None
    if isinstance(node, ast.Call):
        return node.args[1] if _gets(node, key) and len(node.args) > 1 else None
    return node.value if identifier(node.target) == key else None


def _reads(node: ast.AST, key: object) -> bool:
    """``x.key``, ``x["key"]`` or ``x.get("key")``."""
    found = getattr(node, "slice", None) if isinstance(node, ast.Subscript) else None
    by_key = isinstance(found, ast.Constant) and found.value == key
    return by_key or (isinstance(node, ast.Attribute) and node.attr == key) or _gets(node, key)


def _gets(node: ast.AST, key: object) -> bool:
    if not isinstance(node, ast.Call) or called(node) not in ("get", "getenv", "pop", "setdefault") or not node.args:
        return False
    return isinstance(node.args[0], ast.Constant) and node.args[0].value == key


def annotated(place: Place) -> list[Clue]:
    """None, if the function's annotation or its callers' tests allow it as a result."""
    function = place.function
    if function is None:
        return []
    annotation = ast.unparse(function.returns) if function.returns else ""
    if re.search(r"\bNone\b(?=\s*[\]|'\"]|$)|Optional\[", annotation) and annotation != "None":
        return [Clue("None", f"{function.name} is annotated to return {annotation}", Evidence.TYPE)]
    return list(_callers_test(place, function.name)) if not annotation else []


def _callers_test(place: Place, name: str) -> Iterator[Clue]:
    """``x = name(...)`` followed by ``if x is None`` or ``is not None``; ``name(...) or default``."""
    for path, module in modules(place):
        for function in functions_in(module):
            held = _results_held(function, name)
            for node in nodes(function, ast.Compare):
                if _asks_for_none(node) and _is_result(node.left, name, held):
                    yield Clue("None", f"{path}:{node.lineno} expects None of {name}", Evidence.CALLER)
                    return
            for node in nodes(function, ast.BoolOp):
                if isinstance(node.op, ast.Or) and _is_result(node.values[0], name, held):
                    yield Clue("None", f"{path}:{node.lineno} takes another value for None of {name}", Evidence.CALLER)
                    return


def _asks_for_none(node: ast.Compare) -> bool:
    """``x is None`` or ``x is not None``; ``x is self.root`` expects another object."""
    other = node.comparators[0]
    return isinstance(node.ops[0], ast.Is | ast.IsNot) and isinstance(other, ast.Constant) and other.value is None


def _results_held(function: Function, name: str) -> set[str]:
    """Variables that the function assigns from results of the named function."""
    assigned = [n for n in nodes(function, ast.Assign) if isinstance(n.value, ast.Call) and called(n.value) == name]
    return {identifier(target) for n in assigned for target in n.targets} - {""}


def _is_result(node: ast.expr, name: str, held: set[str]) -> bool:
    direct = isinstance(node, ast.Call | ast.NamedExpr) and f"{name}(" in ast.unparse(node)
    return direct or identifier(node) in held


def optional(place: Place, name: object) -> str:
    """A sentence on a signature or field that allows None for this name; empty if there is none."""
    for path, module in modules(place):
        for node in ast.walk(module):
            if isinstance(node, Function) and _takes_none(node, name):
                return f"{path}:{node.lineno} {node.name} takes {name} as optional"
            if isinstance(node, ast.AnnAssign) and identifier(node.target) == name:
                annotation = ast.unparse(node.annotation)
                if _OPTIONAL.search(annotation):
                    return f"{path}:{node.lineno} {name} is annotated {annotation}"
    return ""


_OPTIONAL = re.compile(r"\bNone\b|Optional")


def _takes_none(function: Function, name: object) -> bool:
    """Is the parameter of this name annotated as optional, or is its default None?"""
    for argument in [*function.args.args, *function.args.kwonlyargs]:
        if argument.arg == name:
            default = defaults(function).get(argument.arg)
            none = isinstance(default, ast.Constant) and default.value is None
            return none or bool(argument.annotation and _OPTIONAL.search(ast.unparse(argument.annotation)))
    return False


def guards_like(place: Place, condition: str) -> list[tuple[ast.stmt, Clue]]:
    """The return or raise of sibling functions under the same condition; nothing if they disagree.

    Functions of the same file come first, then those of other files.
    """
    for far, own in ((0, True), (1, False)):
        files_ = [(path, m) for path, m in modules(place) if (path == place.path) == own]
        found = [(b, Clue("", w, Evidence.SIBLING, far)) for p, m in files_ for b, w in _guards(place, p, m, condition)]
        if found:
            return found if len({ast.unparse(body) for body, _ in found}) == 1 else []
    return _under_other_names(place, condition)


def _under_other_names(place: Place, condition: str) -> list[tuple[ast.stmt, Clue]]:
    """What at least two functions of the file do under the same condition on a value with another name."""
    found = [
        (b, Clue("", w, Evidence.SIBLING, 2)) for b, w in _guards(place, place.path, place.module, condition, True)
    ]
    literal = [one for one in found if not names_in(one[0])]
    return literal if len(literal) > 1 and len({ast.unparse(body) for body, _ in found}) == 1 else []


def handlers_like(place: Place, node: ast.expr, error: str) -> list[tuple[ast.stmt, Clue]]:
    """What other functions do where the same call fails in the same way; nothing if they disagree.

    Handlers of the same operation are the model for a missing one (Thummalapenta and Xie 2009).
    """
    found = []
    for path, module in modules(place):
        for function in [n for n in functions_in(module) if n is not place.function]:
            for block in nodes(function, ast.Try):
                if isinstance(node, ast.Call) and _calls_alike(node, block.body, path == place.path):
                    words = f"{path}:{block.lineno} {function.name} does so where {called(node)} fails"
                    clue = Clue("", words, Evidence.SIBLING, int(path != place.path))
                    found += [(h.body[0], clue) for h in block.handlers if _only(h, error)]
    return found if len({ast.unparse(body) for body, _ in found}) == 1 else []


def _calls_alike(node: ast.Call, body: list[ast.stmt], near: bool) -> bool:
    """Is the same function called for the same thing? In the same file, a function of one purpose is enough."""
    calls = [call for statement in body for call in nodes(statement, ast.Call)]
    same = [call for call in calls if ast.unparse(call.func) == ast.unparse(node.func)]
    purpose = near and not hasattr(builtins, called(node))
    return any(purpose or call.args and node.args and _about(call.args[0]) == _about(node.args[0]) for call in same)


def _about(node: ast.expr) -> str:
    """The key, field or name that an expression reads; its text if it reads none."""
    constant = getattr(node, "slice", None) if isinstance(node, ast.Subscript) else None
    return str(constant.value) if isinstance(constant, ast.Constant) else last_name(node) or ast.unparse(node)


def _only(handler: ast.ExceptHandler, error: str) -> bool:
    return len(handler.body) == 1 and handler.type is not None and error in names_in(handler.type)


def guarding(place: Place, suspect: Suspect) -> list[tuple[ast.stmt, Clue]]:
    """What sibling functions do in the same situation."""
    if suspect.error:
        return handlers_like(place, suspect.node, suspect.error)
    return guards_like(place, suspect.bad)


def _guards(
    place: Place, path: str, module: ast.Module, condition: str, renamed: bool = False
) -> Iterator[tuple[ast.stmt, str]]:
    for function in [n for n in functions_in(module) if n is not place.function]:
        for node in nodes(function, ast.If, ast.Return):
            test, body = _guarding(node)
            if body is not None and _same_condition(
                *((_nameless(test), _nameless(condition)) if renamed else (test, condition))
            ):
                yield body, f"{path}:{node.lineno} {function.name} does so under the same condition"


def _guarding(node: ast.If | ast.Return) -> tuple[str, ast.stmt | None]:
    """(condition, its consequence): ``if not rows: return 0``, ``return total if rows else 0``."""
    if isinstance(node, ast.If):
        return ast.unparse(node.test), node.body[0] if len(node.body) == 1 else None
    whole = node.value
    return (f"not {ast.unparse(whole.test)}", ast.Return(whole.orelse)) if isinstance(whole, ast.IfExp) else ("", None)


def _nameless(condition: str) -> str:
    """The condition with its only name replaced; as it is if it has several."""
    names = names_in(ast.parse(condition)) - {"len"} if condition else set()
    return re.sub(rf"\b{names.pop()}\b", "_", condition) if len(names) == 1 else condition


def _same_condition(one: str, other: str) -> bool:
    def plain(text: str) -> str:
        text = re.sub(r"^len\((.+)\) == 0$|^(.+) (?:==|is) (?:None|0|\[\]|'')$", lambda m: f"not {m[1] or m[2]}", text)
        text = re.sub(r"^not len\((.+)\)$", r"not \1", text)
        return text.replace('"', "'")

    return plain(one) == plain(other)


def missing_values(place: Place, neutral: Iterable[str] = (), about: frozenset[str] = frozenset()) -> list[Clue]:
    """Values for something missing: documented ones, None if annotation or callers allow it, then neutral ones."""
    found = [*documented(place, about), *annotated(place)]
    known = {s.value for s in found}
    found += [Clue(value) for value in neutral if value not in known]
    return [s for s in found if fits(place, s.value) and alike(place, s.value)]
