"""What a change must not add, and what it must not remove. Pure: a syntax tree in, sentences out.

The caller compares old and new: what the program already did is allowed.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterable, Iterator

from core.repair.judge.forbidden_names import (
    ALWAYS,
    ASKING,
    ATTRIBUTES,
    BY_NAME,
    CALLS,
    ENVIRONMENT,
    HARMLESS,
    INNER,
    MODULES,
    NEVER_PASSED_ON,
    OF_MODULES,
    PLAIN_DUNDERS,
    SUBMODULES,
    UNLESS_BOUND,
)
from core.repair.judge.import_time import runs_at_import
from core.repair.localize.sources import called
from core.repair.localize.syntax import Function, functions_in, identifier, imported_name, nodes, stores, targets_of

_SECRET_NAME = re.compile(  # "key" alone is too common: a word for its purpose must precede it
    r"secret|passw(?:or)?d|passphrase|token|credential|auth[_-]?header|[^a-z]pwd$|(?<![a-z])(?:salt|pepper)(?![a-z])"
    r"|(?:api|private)[_-]?keys?(?![a-z])"
    r"|(?<![a-z])(?:app|access|sign(?:ing)?|signature|encrypt(?:ion)?|decrypt(?:ion)?|cipher|crypto|hmac|aes|rsa|jwt"
    r"|fernet|ssh|gpg|pgp|auth|master|deploy|webhook)[_-]?keys?(?![a-z])",
    re.I,
)


def names_secret(name: str) -> bool:
    """Does this name of a variable, setting or header mean a secret? ``signingKey`` is read as SIGNING_KEY."""
    return bool(_SECRET_NAME.search(re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)))


def violations(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        found = _VIOLATIONS.get(type(node))
        if found and (reason := found(node)):
            yield reason
    yield from _aliases(tree)
    yield from _replaced(tree)
    yield from _beyond_questions(tree)
    yield from (f"runs {called(call) or 'a call'}() when the module is imported" for call in runs_at_import(tree))


def _aliases(tree: ast.Module) -> Iterator[str]:
    """Dangerous functions that are referenced: ``E = eval``, ``partial(getattr, os)``, ``map(os.system, texts)``."""
    directly = {id(n.func) for n in nodes(tree, ast.Call)}
    bound = _bound(tree)
    for node in nodes(tree, ast.Name, ast.Attribute):
        if id(node) not in directly and isinstance(node.ctx, ast.Load) and _is_dangerous(node, bound):
            yield f"newly names {_name(node)} without calling it"


def _beyond_questions(tree: ast.Module) -> Iterator[str]:
    """Uses of the modules of ASKING for more than questions about an object."""
    imported = {a.name for n in nodes(tree, ast.Import) for a in n.names} & ASKING.keys()
    asked = {id(n.value) for n in nodes(tree, ast.Attribute) if n.attr in ASKING.get(identifier(n.value), ())}
    beyond = {n.id for n in nodes(tree, ast.Name) if n.id in imported and id(n) not in asked}
    yield from (f"newly imports {name}" for name in sorted(beyond))


def _is_dangerous(node: ast.Name | ast.Attribute, bound: set[str]) -> bool:
    if isinstance(node, ast.Attribute):
        return node.attr in ATTRIBUTES | BY_NAME
    return node.id in ALWAYS or (node.id in UNLESS_BOUND | NEVER_PASSED_ON and node.id not in bound)


def _bound(tree: ast.Module) -> set[str]:
    """Names that the module binds: variables, parameters, functions."""
    found = {n.id for n in stores(tree)} | {n.arg for n in nodes(tree, ast.arg)}
    return found | {n.name for n in functions_in(tree)}


def _replaced(tree: ast.Module) -> Iterator[str]:
    """Attributes of imported modules that are reassigned, and built-in functions that the module redefines."""
    imports = [a for n in nodes(tree, ast.Import, ast.ImportFrom) for a in n.names]
    imported = {imported_name(a).split(".")[0] for a in imports}
    for node in nodes(tree, ast.Attribute):
        if isinstance(node.ctx, ast.Store | ast.Del) and identifier(node.value) in imported:
            yield f"replaces {ast.unparse(node)}"
    for name in (*_defined(tree), *map(imported_name, imports)):
        if name in _BUILT_IN:
            yield f"gives the built-in {name} another meaning"


def _defined(tree: ast.Module) -> Iterator[str]:
    """Functions, classes and variables at the top of the module."""
    yield from (n.name for n in tree.body if isinstance(n, Function | ast.ClassDef))
    yield from (n.id for statement in tree.body if isinstance(statement, _BINDING) for n in stores(statement))


_BINDING = (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.For, ast.With)
_BUILT_IN = {name for name in dir(builtins) if not name.startswith("_")}


def _handler(node: ast.ExceptHandler) -> str | None:
    names = _caught(node)
    if names & _BROAD:
        return "catches every exception"
    if any(isinstance(n, ast.Raise) for n in ast.walk(node)):
        return None
    quiet = (ast.Pass, ast.Continue, ast.Break, ast.Expr)
    if all(isinstance(s, quiet) or _empty(s) for s in node.body):
        return f"swallows {', '.join(sorted(names))}"
    return None


Handler = tuple[set[str], tuple[str, str], ast.ExceptHandler]


def answered(was: ast.Module, now: ast.Module) -> set[str]:
    """Reasons that do not apply, because the same statements had such a handler before, so that no new error is lost.

    These are a handler that catches a further exception in the same way, and one that did not raise before either.
    """
    old = list(handlers(was))
    new = [one for one in handlers(now) if all(one[:2] != held[:2] for held in old)]
    found = [(any(_answers(one, held) for held in old), _handler(one[2])) for one in new]
    fine, odd = ({reason for answers, reason in found if reason and answers is which} for which in (True, False))
    return fine - odd


def _answers(new: Handler, old: Handler) -> bool:
    (kinds, (tried, done), _), (held, (tried_before, done_before), node) = new, old
    if tried != tried_before or kinds & _BROAD:
        return False
    quiet = not any(isinstance(n, ast.Raise) for n in ast.walk(node))
    return (held < kinds and done == done_before) or (kinds <= held and quiet)


def handlers(tree: ast.Module) -> Iterator[Handler]:
    """Each handler with the exceptions that it catches, and the texts of its try block and of its body."""
    for block in nodes(tree, ast.Try):
        for node in block.handlers:
            yield _caught(node), ("\n".join(map(ast.unparse, block.body)), "\n".join(map(ast.unparse, node.body))), node


_BROAD = {"", "Exception", "BaseException"}


def _caught(node: ast.ExceptHandler) -> set[str]:
    return {_name(n) or "" for n in (node.type.elts if isinstance(node.type, ast.Tuple) else [node.type])}


def _empty(node: ast.stmt) -> bool:
    """Does the body only give a constant: ``return``, ``return None``, ``return 0``, ``return {}``, ``total = 0``?"""
    if not isinstance(node, ast.Return | ast.Assign | ast.AnnAssign):
        return False
    value = node.value
    bare = isinstance(value, ast.Dict | ast.List | ast.Tuple) and not list(ast.iter_child_nodes(value))[1:]
    return value is None or isinstance(value, ast.Constant) or bare


def _try(node: ast.Try) -> str | None:
    """A return, break or continue in ``finally`` discards any exception."""
    leaving = (ast.Return, ast.Break, ast.Continue)
    if any(isinstance(inner, leaving) for last in node.finalbody for inner in ast.walk(last)):
        return "swallows every error by leaving in finally"
    return None


def _call(node: ast.Call) -> str | None:
    name = "" if isinstance(node.func, ast.Call) else _name(node.func)
    bare = isinstance(node.func, ast.Name)
    if name in ATTRIBUTES or (bare and name in CALLS) or ast.unparse(node.func) in OF_MODULES:
        return f"newly calls {name}()"
    if name == "open" and _writes(node):
        return "newly writes a file"
    if bare and name == "getattr" or name in BY_NAME:
        return _looked_up(node.args[1:2] if name == "getattr" else node.args)
    if name == "suppress":
        return f"swallows {', '.join(map(ast.unparse, node.args))} by contextlib.suppress"
    return _TURNED_OFF.get(name or "") or _disarmed(node) or _secret_default(node)


_TURNED_OFF = {
    "_create_unverified_context": "turns off verification",
    "disable_warnings": "turns off verification",
}


def _looked_up(names: list[ast.expr]) -> str | None:
    """Attributes that are looked up by a string, which must be a literal with a harmless name."""
    for node in names:
        if not isinstance(node, ast.Constant):
            return "looks up an attribute by a computed name"
        for part in str(node.value).split("."):
            if part in ATTRIBUTES | CALLS | ENVIRONMENT or _inner(part):
                return f"looks up {part} by its name"
    return None


def _disarmed(node: ast.Call) -> str | None:
    for keyword in node.keywords:
        set_ = keyword.value.value if isinstance(keyword.value, ast.Constant) else None
        if (keyword.arg, set_) in _DISARMING:
            return f"passes {keyword.arg}={set_}"
    return None


_DISARMING = {
    ("verify", False),
    ("check_hostname", False),
    ("shell", True),
    ("errors", "ignore"),
    ("autoescape", False),
}


def _writes(node: ast.Call) -> bool:
    """Is the mode a writing or a computed one: ``open(path, mode)``, ``path.open("w")``?"""
    modes = [k.value for k in node.keywords if k.arg == "mode"]
    given = [*node.args[:2], *modes] if isinstance(node.func, ast.Attribute) else [*node.args[1:2], *modes]
    if isinstance(node.func, ast.Name) and not all(isinstance(n, ast.Constant) for n in given):
        return True
    return any(isinstance(n, ast.Constant) and _is_writing(n.value) for n in given)


def _is_writing(mode: object) -> bool:
    return isinstance(mode, str) and len(mode) <= 3 and bool(set(mode) & set("wax+"))


def _secret_default(node: ast.Call) -> str | None:
    """Reads of a secret with a default, such as ``os.environ.get("API_TOKEN", "changeme")``."""
    texts = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
    reads = _name(node.func) in ("get", "getenv", "setdefault") and len(node.args) == len(texts) == 2
    return f"gives {texts[0]} a default" if reads and names_secret(texts[0]) else None


def _import(node: ast.Import | ast.ImportFrom) -> str | None:
    """Imports of a module that reaches outside the program, or of a name from one: ``from os import system``."""
    for alias in node.names:
        if reason := _reaches(node, alias.name):
            return reason
    renamed = next((a.name for a in node.names if a.asname and a.name in BY_NAME), "")
    return f"newly names {renamed} otherwise" if renamed else None


def _reaches(node: ast.Import | ast.ImportFrom, last: str) -> str | None:
    """The reason why an imported name reaches outside the program, if it does."""
    from_module = isinstance(node, ast.ImportFrom)
    name = f"{node.module or ''}.{last}" if isinstance(node, ast.ImportFrom) else last
    top = name.split(".")[0]
    far = top in MODULES or (top in ASKING and not _asks(node, name))
    if far and not _is_within(name, HARMLESS) and not getattr(node, "level", 0):
        return f"newly imports {top}"
    dangerous = last in ATTRIBUTES | ENVIRONMENT | {"*"} or name in OF_MODULES
    return f"newly imports {name}" if _is_within(name, SUBMODULES) or (from_module and dangerous) else None


def _asks(node: ast.Import | ast.ImportFrom, name: str) -> bool:
    """Is it a module of ASKING, or one of its questions, under its own name?"""
    top, _, question = name.partition(".")
    return not any(alias.asname for alias in node.names) and question in ASKING[top] | {""}


def _is_within(name: str, modules: Iterable[str]) -> bool:
    return any(name == module or name.startswith(f"{module}.") for module in modules)


def _mention(node: ast.Attribute | ast.Name | ast.Constant) -> str | None:
    """Accesses to the environment, to the interpreter's internals, and to signs that a test is running."""
    name = node.value if isinstance(node, ast.Constant) else _name(node)
    if not isinstance(name, str):
        return None
    if name in ENVIRONMENT:
        return "newly reads the environment"
    if _inner(name) or (isinstance(node, ast.Attribute) and ast.unparse(node) in OF_MODULES):
        return f"reaches into {name}"
    if isinstance(node, ast.Constant) and _FORMAT.search(name):
        return "reads inner attributes by a format"
    return None


_FORMAT = re.compile(r"\{[^{}]{0,200}[.\[]_{2}")


def _inner(name: str) -> bool:
    dunder = len(name) > 4 and name.startswith("__") and name.endswith("__") and name.isidentifier()
    return name in INNER or (dunder and name not in PLAIN_DUNDERS)


def _assign(node: ast.Assign | ast.AnnAssign) -> str | None:
    value = node.value.value if isinstance(node.value, ast.Constant) else None
    text = ast.unparse(node.value) if node.value else ""
    for name in [_name(target) or "" for target in targets_of(node)]:
        if isinstance(value, str) and value and names_secret(name):
            return f"writes a secret into {name}"
        if name in ("verify_mode", "check_hostname", "verify") and text in ("False", "ssl.CERT_NONE"):
            return f"turns off {name}"
    return None


_VIOLATIONS = {
    ast.ExceptHandler: _handler,
    ast.Call: _call,
    ast.Import: _import,
    ast.ImportFrom: _import,
    ast.Assign: _assign,
    ast.AnnAssign: _assign,
    ast.Try: _try,
    ast.TryStar: _try,
    ast.Attribute: _mention,
    ast.Name: _mention,
    ast.Constant: _mention,
}


def _name(node: ast.AST | None) -> str | None:
    """Last name of a dotted expression or of the thing called."""
    if isinstance(node, ast.Call):
        return _name(node.func)
    return getattr(node, "attr", None) or getattr(node, "id", None)
