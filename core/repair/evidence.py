"""What the program's own words say about the value that is right when something is missing."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from core.repair.locate import Place

VALUES = (
    (re.compile(r"\b(?:an? )?empty (?:list|sequence)\b|\[\]", re.I), "[]"),
    (re.compile(r"\b(?:an? )?empty (?:dict|dictionary|mapping|object)\b|\{\}", re.I), "{}"),
    (re.compile(r"\b(?:an? )?empty (?:string|text)\b|''|\"\"", re.I), '""'),
    (re.compile(r"\b(?:an? )?empty tuple\b|\(\)", re.I), "()"),
    (re.compile(r"(?<![\w.])-?\d+\.\d+(?![\w.])"), None),
    (re.compile(r"\b(?:None|True|False)\b"), None),
    (re.compile(r"(?<![\w.\-])-?\d+(?![\w.\-%])"), None),
    (re.compile(r"(?:\"[^\"\n]{1,40}\"|'[^'\n]{1,40}'|``[^`\n]{1,40}``)"), None),
    (re.compile(r"\bzero\b", re.I), "0"),
    (re.compile(r"\b(?:nothing|no value)\b$", re.I), "None"),
)
CONDITION = re.compile(
    r"\b(if|when|without|missing|absent|unknown|otherwise|defaults?|nothing|no|none|empty|optional|null|for an?|not)\b",
    re.I,
)


@dataclass(frozen=True)
class Said:
    """An expression that stands for the missing value, and the words that say so."""

    value: str
    words: str
    confidence: float = 0.9


def documented(place: Place) -> list[Said]:
    """Values named in sentences of the function's docstring and comments that speak of a missing case."""
    return list(dict.fromkeys(said for sentence in _sentences(place) for said in _values(sentence)))


def _sentences(place: Place) -> Iterator[str]:
    function = place.function
    texts = [ast.get_docstring(function) or ""] if function else []
    if function:
        rows = place.text.splitlines()[max(0, function.lineno - 3) : function.end_lineno]
        texts += [row.split("#", 1)[1] for row in rows if "#" in row]
    texts.append(ast.get_docstring(place.module) or "")
    for text in texts:
        yield from (s.strip() for s in re.split(r"(?<=[.;:])\s+(?=\S)", " ".join(text.split())) if CONDITION.search(s))


def _values(sentence: str) -> Iterator[Said]:
    for pattern, value in VALUES:
        for match in pattern.finditer(sentence):
            text = value or match.group().strip("`")
            if _is_expression(text):
                yield Said(text, f"the documentation says: {sentence[:200]}")


def _is_expression(text: str) -> bool:
    try:
        ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return False
    return True


def siblings(place: Place, key: object) -> Iterator[Said]:
    """Defaults that other places of the repository give the same key: ``x.get(key, default)``, ``x.get(key) or d``."""
    for path, module in modules(place):
        for node in ast.walk(module):
            found = _default_of(node, key)
            if found is not None:
                yield Said(ast.unparse(found), f"{path}:{node.lineno} uses the same default for {key!r}", 0.88)


def _default_of(node: ast.AST, key: object) -> ast.expr | None:
    if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or) and _gets(node.values[0], key):
        return node.values[-1] if isinstance(node.values[-1], ast.Constant | ast.List | ast.Dict | ast.Tuple) else None
    if (
        _gets(node, key)
        and len(node.args) > 1
        and isinstance(node.args[1], ast.Constant | ast.List | ast.Dict | ast.Tuple)
    ):
        return node.args[1]
    return None


def _gets(node: ast.AST, key: object) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "get"
        and bool(node.args)
        and isinstance(node.args[0], ast.Constant)
        and node.args[0].value == key
    )


def modules(place: Place) -> Iterator[tuple[str, ast.Module]]:
    """Every source module of the tree that parses; the place's own first, tests left out."""
    yield place.path, place.module
    for file in sorted(place.tree.rglob("*.py"))[:400]:
        path = file.relative_to(place.tree).as_posix()
        if path == place.path or path.startswith((".", "tests/", "test")) or "/tests/" in path or file.is_symlink():
            continue
        try:
            yield path, ast.parse(file.read_text(encoding="utf-8"))
        except (SyntaxError, UnicodeDecodeError, OSError):
            continue


def returned(place: Place) -> list[Said]:
    """Constants that the function returns elsewhere, e.g. for another missing case."""
    if not place.function:
        return []
    found = [
        n.value
        for n in ast.walk(place.function)
        if isinstance(n, ast.Return)
        and isinstance(n.value, ast.Constant | ast.List | ast.Dict | ast.Tuple)
        and n.lineno != place.line
    ]
    return [Said(ast.unparse(v), "the function returns the same in another case", 0.82) for v in found]


def missing_values(place: Place, *neutral: str) -> list[Said]:
    """What may stand for the missing: documented first, then the function's own, then neutral ones without evidence."""
    said = [*documented(place), *returned(place)]
    known = {s.value for s in said}
    return said + [Said(value, "", 0.5) for value in neutral if value not in known]
