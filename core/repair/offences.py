"""What a change may not newly contain, and what it may not lose. Pure: a syntax tree in, sentences out.

The caller compares old and new: what the program already did stays its own affair.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_DANGEROUS_MODULES = _words(
    "subprocess socket socketserver ssl ctypes cffi pty importlib pkgutil runpy pickle marshal shelve shutil code "
    "builtins gc inspect atexit signal site multiprocessing webbrowser urllib http ftplib smtplib telnetlib requests "
    "httpx aiohttp pytest _pytest unittest doctest"
)
_HARMLESS = {"urllib.parse", "http.HTTPStatus"}
_DANGEROUS_CALLS = {"eval", "exec", "compile", "__import__", "exit", "quit", "breakpoint", "globals", "vars", "setattr"}
_DANGEROUS_ATTRIBUTES = _words(
    "system popen _exit exit execv execve execvp execl spawnv spawnl posix_spawn fork forkpty kill killpg write_text "
    "write_bytes unlink rmtree symlink symlink_to hardlink_to chmod setrecursionlimit _getframe excepthook settrace "
    "load_module exec_module open_connection create_connection urlopen"
)
_OF_OS = {"os.remove", "os.rename", "os.replace", "os.open", "os.write", "os.putenv", "os.makedirs", "os.mkdir"}
_INNER = _words("__builtins__ __globals__ __subclasses__ __code__ __loader__ __dict__ __bases__ __mro__ __reduce__")
_ENVIRONMENT = {"environ", "environb", "getenv", "PYTEST_CURRENT_TEST"}
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


def safeguards(tree: ast.AST) -> Iterator[str]:
    """Raises and asserts: none of them may go."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise):
            yield "raise " + (_name(node.exc) or "")
        elif isinstance(node, ast.Assert):
            yield "assert " + ast.unparse(node.test)


def offences(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        found = _OFFENCES.get(type(node))
        if found and (reason := found(node)):
            yield reason


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
    name = _name(node.func)
    bare = isinstance(node.func, ast.Name)
    if name in _DANGEROUS_ATTRIBUTES or (bare and name in _DANGEROUS_CALLS) or ast.unparse(node.func) in _OF_OS:
        return f"newly calls {name}()"
    if name == "open" and _writes(node):
        return "newly writes a file"
    if bare and name == "getattr" and len(node.args) > 1 and not isinstance(node.args[1], ast.Constant):
        return "looks up an attribute by a computed name"
    if name == "suppress":
        return "swallows errors by contextlib.suppress"
    if name in ("_create_unverified_context", "disable_warnings"):
        return "turns off verification"
    for keyword in node.keywords:
        set_ = keyword.value.value if isinstance(keyword.value, ast.Constant) else None
        if (keyword.arg, set_) in _DISARMING:
            return f"passes {keyword.arg}={set_}"
    return _secret_default(node)


_DISARMING = {
    ("verify", False),
    ("check_hostname", False),
    ("shell", True),
    ("errors", "ignore"),
    ("autoescape", False),
}


def _writes(node: ast.Call) -> bool:
    given = [a for a in node.args[:2] if isinstance(a, ast.Constant)] + [
        k.value for k in node.keywords if k.arg == "mode"
    ]
    texts = [n.value for n in given if isinstance(n, ast.Constant) and isinstance(n.value, str)]
    return any(set(text) & set("wax+") and len(text) <= 3 for text in texts)


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
        harmless = any(name == known or name.startswith(known + ".") for known in _HARMLESS)
        if parts[0] in _DANGEROUS_MODULES and not harmless:
            return f"newly imports {parts[0]}"
        if isinstance(node, ast.ImportFrom) and parts[-1] in _DANGEROUS_ATTRIBUTES | _ENVIRONMENT | {"*"}:
            return f"newly imports {name}"
    return None


def _mention(node: ast.Attribute | ast.Name | ast.Constant) -> str | None:
    """The environment, the interpreter's inner tables, and signs that a test is running."""
    name = node.value if isinstance(node, ast.Constant) else _name(node)
    if not isinstance(name, str):
        return None
    if name in _ENVIRONMENT:
        return "newly reads the environment"
    if name in _INNER or (isinstance(node, ast.Attribute) and ast.unparse(node) == "sys.modules"):
        return f"reaches into {name}"
    return None


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
