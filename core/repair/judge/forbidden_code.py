"""What a change may not newly contain, and what it may not lose. Pure: a syntax tree in, sentences out.

The caller compares old and new: what the program already did stays its own affair.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterator

from core.repair.judge.forbidden_names import (
    ALWAYS,
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

_SECRET_NAME = re.compile(  # "key" alone names half of all programs: what it opens has to stand before it
    r"secret|passw(?:or)?d|passphrase|token|credential|auth[_-]?header|[^a-z]pwd$|(?<![a-z])(?:salt|pepper)(?![a-z])"
    r"|(?:api|private)[_-]?keys?(?![a-z])"
    r"|(?<![a-z])(?:app|access|sign(?:ing)?|signature|encrypt(?:ion)?|decrypt(?:ion)?|cipher|crypto|hmac|aes|rsa|jwt"
    r"|fernet|ssh|gpg|pgp|auth|master|deploy|webhook)[_-]?keys?(?![a-z])",
    re.I,
)


def names_secret(name: str) -> bool:
    """Does a variable, a setting or a header of this name hold a secret? ``signingKey`` is read as SIGNING_KEY."""
    return bool(_SECRET_NAME.search(re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)))


def offences(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        found = _OFFENCES.get(type(node))
        if found and (reason := found(node)):
            yield reason
    yield from _aliases(tree)
    yield from _replaced(tree)
    yield from (f"runs {called(call) or 'a call'}() when the module is imported" for call in runs_at_import(tree))


def _aliases(tree: ast.Module) -> Iterator[str]:
    """Dangerous functions that are only named: ``E = eval``, ``partial(getattr, os)``, ``map(os.system, texts)``."""
    directly = {id(n.func) for n in ast.walk(tree) if isinstance(n, ast.Call)}
    bound = _bound(tree)
    for node in ast.walk(tree):
        if id(node) in directly or not isinstance(getattr(node, "ctx", None), ast.Load):
            continue
        name = _name(node) or ""
        bare = isinstance(node, ast.Name) and (name in ALWAYS or (name in UNLESS_BOUND and name not in bound))
        attribute = isinstance(node, ast.Attribute) and name in ATTRIBUTES | BY_NAME
        passed_on = isinstance(node, ast.Name) and name in NEVER_PASSED_ON and name not in bound
        if bare or attribute or passed_on:
            yield f"newly names {name} without calling it"


def _bound(tree: ast.Module) -> set[str]:
    """Names that the module gives a meaning of its own: variables, parameters, functions."""
    found = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    found |= {n.arg for n in ast.walk(tree) if isinstance(n, ast.arg)}
    return found | {n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)}


def _replaced(tree: ast.Module) -> Iterator[str]:
    """Parts of an imported module that get another meaning, and built-in functions that the module defines anew."""
    imports = [a for n in ast.walk(tree) if isinstance(n, ast.Import | ast.ImportFrom) for a in n.names]
    imported = {(a.asname or a.name).split(".")[0] for a in imports}
    for node in ast.walk(tree):
        stored = isinstance(getattr(node, "ctx", None), ast.Store | ast.Del)
        if stored and isinstance(node, ast.Attribute) and getattr(node.value, "id", "") in imported:
            yield f"replaces {ast.unparse(node)}"
    tops = [n for n in tree.body if isinstance(n, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef)]
    stored = [n.id for s in tree.body if isinstance(s, _BINDING) for n in ast.walk(s) if _stores(n)]
    for name in (*(n.name for n in tops), *stored, *(a.asname or a.name for a in imports)):
        if name in _BUILT_IN:
            yield f"gives the built-in {name} another meaning"


_BINDING = (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.For, ast.With)
_BUILT_IN = {name for name in dir(builtins) if not name.startswith("_")}


def _stores(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)


def _handler(node: ast.ExceptHandler) -> str | None:
    names = {_name(n) for n in (node.type.elts if isinstance(node.type, ast.Tuple) else [node.type])}
    if names & {None, "", "Exception", "BaseException"}:
        return "catches every exception"
    if any(isinstance(n, ast.Raise) for n in ast.walk(node)):
        return None
    quiet = (ast.Pass, ast.Continue, ast.Break, ast.Expr)
    if all(isinstance(s, quiet) or _empty(s) for s in node.body):
        return f"swallows {', '.join(sorted(map(str, names)))}"
    return None


def _empty(node: ast.stmt) -> bool:
    """Gives nothing that was computed: ``return``, ``return None``, ``return 0``, ``return {}``, ``total = 0``."""
    if not isinstance(node, ast.Return | ast.Assign | ast.AnnAssign):
        return False
    value = node.value
    bare = isinstance(value, ast.Dict | ast.List | ast.Tuple) and not list(ast.iter_child_nodes(value))[1:]
    return value is None or isinstance(value, ast.Constant) or bare


def _try(node: ast.Try) -> str | None:
    """A return, break or continue in ``finally`` drops whatever was raised."""
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
        return "swallows errors by contextlib.suppress"
    if name in ("_create_unverified_context", "disable_warnings"):
        return "turns off verification"
    return _disarmed(node) or _secret_default(node)


def _looked_up(names: list[ast.expr]) -> str | None:
    """Attributes that are told by text: the text has to stand there, and to name a harmless one."""
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
    """A mode that writes, or one that is computed: ``open(path, mode)``, ``path.open("w")``."""
    modes = [k.value for k in node.keywords if k.arg == "mode"]
    given = [*node.args[:2], *modes] if isinstance(node.func, ast.Attribute) else [*node.args[1:2], *modes]
    computed = isinstance(node.func, ast.Name) and any(not isinstance(n, ast.Constant) for n in given)
    texts = [n.value for n in given if isinstance(n, ast.Constant) and isinstance(n.value, str)]
    return computed or any(set(text) & set("wax+") and len(text) <= 3 for text in texts)


def _secret_default(node: ast.Call) -> str | None:
    """``os.environ.get("API_TOKEN", "changeme")`` and its like."""
    texts = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
    reads = _name(node.func) in ("get", "getenv", "setdefault") and len(node.args) == len(texts) == 2
    return f"gives {texts[0]} a default" if reads and names_secret(texts[0]) else None


def _import(node: ast.Import | ast.ImportFrom) -> str | None:
    """A module that reaches out of the program, or a name of one: ``from os import system``."""
    names = [a.name for a in node.names]
    if isinstance(node, ast.ImportFrom):
        names = [f"{node.module or ''}.{name}" for name in names]
    for name in names:
        parts = name.split(".")
        harmless = any(name == known or name.startswith(known + ".") for known in HARMLESS)
        if parts[0] in MODULES and not harmless and not getattr(node, "level", 0):
            return f"newly imports {parts[0]}"
        if any(name == inner or name.startswith(inner + ".") for inner in SUBMODULES):
            return f"newly imports {name}"
        last = isinstance(node, ast.ImportFrom) and parts[-1]
        if last and (last in ATTRIBUTES | ENVIRONMENT | {"*"} or name in OF_MODULES):
            return f"newly imports {name}"
    renamed = next((a.name for a in node.names if a.asname and a.name in BY_NAME), "")
    return f"newly names {renamed} otherwise" if renamed else None


def _mention(node: ast.Attribute | ast.Name | ast.Constant) -> str | None:
    """The environment, the interpreter's inner tables, and signs that a test is running."""
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
    for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
        name = _name(target) or ""
        constant = isinstance(node.value, ast.Constant)
        if constant and names_secret(name) and isinstance(node.value.value, str) and node.value.value:
            return f"writes a secret into {name}"
        set_ = ast.unparse(node.value) if node.value else ""
        if name in ("verify_mode", "check_hostname", "verify") and set_ in ("False", "ssl.CERT_NONE"):
            return f"turns off {name}"
    return None


_OFFENCES = {
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
