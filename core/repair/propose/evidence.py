"""What the program's own words and code say about what is right when something is missing. Pure."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from core.models.patterns import Linear
from core.repair.localize.locate import Place
from core.repair.localize.returning import alike, fits
from core.repair.localize.sources import UNREADABLE, Function, called, defaults, files, parsed

LONGEST = 20_000  # characters of one documentation that are read
SENTENCE = 1_000  # characters of one sentence that are read: each of its values is looked at with all around it
NUMBERS = {"zero": "0", "one": "1"}
_WORD_VALUES = r"unknown|anonymous|guest|default|none|other|misc|n/a|missing|direct|standard|untitled|unnamed|general"
# EUR, INFO, DE; what is written in capitals everywhere is no value
_CODE = r"(?!(?:API|ASCII|CSV|HTML|HTTP|ID|ISO|JSON|PDF|SQL|URL|UTC|UTF|XML|YAML)\b)[A-Z][A-Z_]{1,11}"
VALUES = (
    (re.compile(r"\b(?:an? )?empty (?:list|sequence|result)\b|\[\]", re.I), "[]"),
    (re.compile(r"\b(?:an? )?empty (?:dict|dictionary|mapping|object)\b|\{\}", re.I), "{}"),
    (re.compile(r"\b(?:an? )?(?:empty|blank) (?:string|text|\w+)\b|''|\"\"", re.I), '""'),
    (re.compile(r"\b(?:an? )?empty tuple\b|(?<!\w)\(\)", re.I), "()"),
    (re.compile(r"\b(?:an? )?empty set\b|\bset\(\)", re.I), "set()"),
    (re.compile(r"(?<![\w.\-])-?\d+\.\d+(?![\w.]|\s?%)"), None),
    (re.compile(r"\b(?:None|True|False)\b"), None),
    (re.compile(r"(?<![\w.\-:/])-?\d+(?![\w\-%/:]|\.\d|\s%)"), None),
    (re.compile(r"(?:``[^`\n]{1,40}``|(?<!\w)\"[^\"\n]{0,40}\"|(?<!\w)'[^'\n]{1,40}'(?!\w))"), None),
    (re.compile(r"\bzero\b", re.I), "0"),
    (re.compile(r"\b(?:is|are|be|left|stays?) (?:then )?(?:empty|blank)$", re.I), '""'),
    (re.compile(r"\b(?:is|are|gives?|returns?) nothing\b", re.I), "None"),
    (re.compile(rf"(?<=\bas )(?:{_WORD_VALUES})\b"), "word"),
    (re.compile(r"(?:(?<=\bas )|(?<=\bto ))one\b(?! of)"), "1"),
    (re.compile(rf"(?:(?<=\bas )|(?<=defaults to )|(?<=default is )){_CODE}\b"), "word"),
    (re.compile(rf"\b{_CODE}\b(?= is (?:assumed|taken|used))"), "word"),
)
_EMPTY = {"list": "[]", "dict": "{}", "set": "set()", "tuple": "()", "int": "0", "float": "0.0", "str": '""'}
CONDITION = re.compile(
    r"\b(if|when|where|without|missing|absent|unknown|otherwise|defaults?|nothing|no|none|empty|optional|null|"
    r"for (?:an?|what|those)|"
    r"not|until|before|may be|may have|may lack|can be|has no|have no|lacks?|else|unless|never|blank|unset|out of|"
    r"fewer|less than|too (?:few|short|small)|single|falls? back|instead|at the end|last|only|still|yet|new|"
    r"nobody|no one|anonymous|assumed)\b",
    re.I,
)
_ABSENT = re.compile(
    r"\b(without|missing|absent|unknown|otherwise|defaults?|nothing|no|none|empty|optional|null|not|may have|may lack|"
    r"lacks?|else|unless|never|blank|unset|fewer|less than|too (?:few|short|small)|falls? back|instead|zero|have no|"
    r"nobody|no one|anonymous)\b",
    re.I,
)
_OF_INPUT = re.compile(r"\b(?:may|can|might|could) be\s*$", re.I)  # "it may be None" tells no result
_LINK = re.compile(
    r"(?:\b(?:is|are|as|be|gives?|returns?|becomes?|to|defaults?|default[:=]?|means?|yields?|or|then|shows?|counts?|"
    r"has|have|carry|carries|an|a|the|i\.?e\.?,?|get|gets|score|scores|with)|[=:])\s*$",
    re.I,
)
_AFTER = re.compile(
    r"^[\s,]*(?:if|when|for|without|unless|until|after|where|is assumed|by default|otherwise|out of)\b", re.I
)
SKIPPED = re.compile(
    r"\b(skip|skips|skipped|ignored?|ignores|left out|leaves? out|excluded|dropped|omitted|passed over|disregarded|"
    r"do(?:es)? not (?:count|appear)|(?:is|are) not (?:counted|listed|included|part|shown|reported))\b",
    re.I,
)
STAYS = re.compile(r"\b(stays?|unchanged|as (?:it|they) (?:is|are)|untouched|kept|alone|left)\b", re.I)


@dataclass(frozen=True)
class Said:
    """An expression that stands for the missing value, and the words that say so."""

    value: str
    words: str
    confidence: float = 0.9


@dataclass(frozen=True)
class Sentence:
    """One sentence of the documentation that speaks of a condition; ``trust`` by where it stands."""

    text: str
    trust: float


def words_of(*names: str) -> frozenset[str]:
    """Lower-case words of identifiers and texts, also without a plural's s."""
    found = {w.lower() for name in names for w in re.findall(r"[A-Za-z][a-z]+|[A-Z]{2,}", name) if len(w) > 2}
    return frozenset(found | {w[:-1] for w in found if w.endswith("s")})


def sentences(place: Place, about: frozenset[str] = frozenset(), everything: bool = False) -> Iterator[Sentence]:
    """Sentences on conditions, the function's first; of the module those ``about`` it, unless ``everything``."""
    for text, trust, own in _texts(place):
        for sentence in _split(text[:LONGEST]):
            if not CONDITION.search(sentence) and not SKIPPED.search(sentence):
                continue
            related = bool(words_of(sentence) & about)
            if own or related or everything:
                less = 0.05 if _ABSENT.search(sentence) else 0.14  # a literal in words on something else
                yield Sentence(sentence, trust + (0.03 if related else -less))


def _texts(place: Place) -> Iterator[tuple[str, float, bool]]:
    """(text, trust, whether it is the function's own)."""
    function = place.function
    if function:
        yield ast.get_docstring(function) or "", 0.88, True
        first = min([function.lineno, *(d.lineno for d in function.decorator_list)])
        rows = place.text.splitlines()[max(0, first - 3) : function.end_lineno]
        yield "\n\n".join(row.split("#", 1)[1].strip() for row in rows if re.search(r"(^|\s)#", row)), 0.87, True
        owner = _owner(place)
        yield (ast.get_docstring(owner) or "") if owner else "", 0.85, False
    yield ast.get_docstring(place.module) or "", 0.84, False
    readme = next((p for p in (place.tree / "README.md", place.tree / "README.rst") if p.is_file()), None)
    if readme and not readme.is_symlink():
        yield readme.read_text(encoding="utf-8", errors="replace"), 0.8, False


def _owner(place: Place) -> ast.ClassDef | None:
    around = [n for n in place.module.body if isinstance(n, ast.ClassDef) and place.function in n.body]
    return around[0] if around else None


def saying(words: str, text: str, flags: str = "i") -> str:
    """The sentence of a text that holds the words, a pattern of RE2; empty when none does."""
    found = _linear(words, flags).search(text)
    if not found:
        return ""
    begin = max(text.rfind(end, 0, found.start()) for end in ".\n") + 1
    ends = [at for end in ".\n" if (at := text.find(end, found.end())) >= 0]
    return text[begin : min(ends, default=len(text))].strip()


_linear = lru_cache(maxsize=256)(Linear)  # the patterns are the templates' own: no stranger adds one
_GOES_ON = re.compile(r"(it|its|they|their|this|these|those|such|both|then|there)\b", re.I)  # what was spoken of before


def _split(text: str) -> Iterator[str]:
    text = re.sub(r"\b(i\.e|e\.g)\.,?", r"\1", text)
    for block in re.split(r"\n\s*\n|\n(?=\s*+(?:[-*]\s*+)?\w++\s*+:\s)", text):
        parts: list[str] = []
        for part in re.split(r"(?<=[.;!?])\s+(?=\S)", " ".join(block.split())):
            if parts and _GOES_ON.match(part):
                parts[-1] += " " + part
            else:
                parts.append(part)
        yield from (part.strip()[:SENTENCE].rstrip(".;!") for part in parts if part.strip())


def documented(place: Place, about: frozenset[str] = frozenset()) -> list[Said]:
    """Values that such sentences name, the likeliest first; one value, one entry."""
    said = [s for sentence in sentences(place, about) for s in _values(sentence)]
    said += [*_constants(place, about), *_of_result(place)]
    best: dict[str, Said] = {}
    for one in sorted(said, key=lambda s: -s.confidence):
        best.setdefault(one.value, one)
    return list(best.values())


def _of_result(place: Place) -> Iterator[Said]:
    """ "Unknown users have no roles" of ``roles() -> list``; "a user without a plan is not premium" of a bool."""
    told = ast.unparse(place.function.returns) if place.function and place.function.returns else ""
    named = words_of(place.function.name) if place.function else frozenset()
    for sentence in sentences(place) if told else ():
        words = f"the documentation says: {sentence.text[:200]}"
        none = re.search(r"\b(?:has|have|gets?|there (?:is|are)) no (\w+)", sentence.text, re.I)
        kind = re.split(r"\W", told)[0]
        if none and words_of(none[1]) & named and kind in _EMPTY:
            yield Said(_EMPTY[kind], words, round(sentence.trust - 0.02, 2))
        denied = re.search(r"\b(is|are|do|does) (not|never)\b", sentence.text)
        if told == "bool" and denied and _ABSENT.search(sentence.text):
            yield Said("False", words, round(sentence.trust - 0.04, 2))


def _values(sentence: Sentence) -> Iterator[Said]:
    text, taken = sentence.text, []
    for pattern, value in VALUES:
        for match in pattern.finditer(text):
            if any(match.start() < end and start < match.end() for start, end in taken):
                continue
            taken.append(match.span())
            if _OF_INPUT.search(text[: match.start()]):
                continue
            found = repr(match.group()) if value == "word" else value or match.group().strip("`")
            linked = bool(_LINK.search(text[: match.start()]) or _AFTER.search(text[match.end() :]))
            if is_expression(found):
                words = f"the documentation says: {text[:200]}"
                yield Said(found, words, round(sentence.trust + (0.02 if linked else -0.04), 2))


def is_expression(text: str) -> bool:
    """A literal with nothing behind it: a comment would take the rest of the line that it is put in."""
    try:
        node = ast.parse(text, mode="eval").body
        return ast.get_source_segment(text, node) == text and (text == "set()" or ast.literal_eval(node) is not ...)
    except UNREADABLE:
        return False


def _constants(place: Place, about: frozenset[str]) -> Iterator[Said]:
    """``DEFAULT_CURRENCY`` of the module, for something that is called currency."""
    for node in place.module.body:
        for target in node.targets if isinstance(node, ast.Assign) else ():
            name = getattr(target, "id", "")
            if re.match(r"(DEFAULT|FALLBACK)_", name) or name.endswith(("_DEFAULT", "_FALLBACK")):
                rest = words_of(name.lower().replace("_", " ")) - {"default", "fallback"}
                if rest & about:
                    yield Said(name, f"the module has {name} for this", 0.87)


def siblings(place: Place, key: object) -> Iterator[Said]:
    """Defaults that other places give the same key: ``x.get(key, default)``, ``x.get(key) or d``, a field's."""
    for path in [place.path, *files(place.tree)]:
        for node in ast.walk(parsed(place.tree, path)):
            found = _default_of(node, key)
            if found is not None:
                yield Said(ast.unparse(found), f"{path}:{node.lineno} uses the same default for {key!r}", 0.88)


_PLAIN = ast.Constant | ast.List | ast.Dict | ast.Tuple | ast.UnaryOp


def _default_of(node: ast.AST, key: object) -> ast.expr | None:
    if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or) and _gets(node.values[0], key):
        return node.values[-1] if isinstance(node.values[-1], _PLAIN) else None
    if _gets(node, key) and len(node.args) > 1 and isinstance(node.args[1], _PLAIN):
        return node.args[1]
    if isinstance(node, ast.AnnAssign) and getattr(node.target, "id", None) == key and isinstance(node.value, _PLAIN):
        return node.value
    return None


def _gets(node: ast.AST, key: object) -> bool:
    named = isinstance(node, ast.Call) and called(node) in ("get", "getenv", "pop", "setdefault") and bool(node.args)
    return named and isinstance(node.args[0], ast.Constant) and node.args[0].value == key


def modules(place: Place) -> Iterator[tuple[str, ast.Module]]:
    """Every source module of the tree that parses; the place's own first, tests left out."""
    yield place.path, place.module
    for path in files(place.tree):
        if path != place.path:
            yield path, parsed(place.tree, path)


def returned(place: Place) -> list[Said]:
    """Constants that the function returns elsewhere for another missing case; its only other result, at that."""
    if not place.function:
        return []
    found = [n.value for n in ast.walk(place.function) if isinstance(n, ast.Return) and n.lineno != place.line]
    plain = [v for v in found if v is not None and is_expression(ast.unparse(v))]
    sure = 0.78 if len({ast.unparse(v) for v in plain}) == 1 else 0.76
    return [Said(ast.unparse(v), "the function returns the same in another case", sure) for v in plain]


def annotated(place: Place) -> list[Said]:
    """None, when the function says that it may return it; callers' tests say the same."""
    function = place.function
    if function is None:
        return []
    told = ast.unparse(function.returns) if function.returns else ""
    if re.search(r"\bNone\b(?=\s*[\]|'\"]|$)|Optional\[", told) and told != "None":
        return [Said("None", f"{function.name} is annotated to return {told}", 0.84)]
    return list(_callers_test(place, function.name)) if not told else []


def _callers_test(place: Place, name: str) -> Iterator[Said]:
    """``x = name(...)`` followed by ``if x is None``, ``is not None`` or a comparison with None."""
    for path, module in modules(place):
        for function in [n for n in ast.walk(module) if isinstance(n, Function)]:
            held = {
                t.id
                for n in ast.walk(function)
                if isinstance(n, ast.Assign) and isinstance(n.value, ast.Call) and called(n.value) == name
                for t in n.targets
                if isinstance(t, ast.Name)
            }
            for node in ast.walk(function):
                if (
                    isinstance(node, ast.Compare)
                    and isinstance(node.ops[0], ast.Is | ast.IsNot)
                    and (
                        getattr(node.left, "id", None) in held
                        or (isinstance(node.left, ast.Call | ast.NamedExpr) and name + "(" in ast.unparse(node.left))
                    )
                ):
                    yield Said("None", f"{path}:{node.lineno} expects None of {name}", 0.86)
                    return


def optional(place: Place, name: object) -> str:
    """The words of a signature or field by which something of this name may be None; empty when there are none."""
    for path, module in modules(place):
        for node in ast.walk(module):
            if isinstance(node, Function):
                for argument in [*node.args.args, *node.args.kwonlyargs]:
                    told = ast.unparse(argument.annotation) if argument.annotation else ""
                    default = defaults(node).get(argument.arg)
                    none = isinstance(default, ast.Constant) and default.value is None
                    if argument.arg == name and (none or re.search(r"\bNone\b|Optional", told)):
                        return f"{path}:{node.lineno} {node.name} takes {name} as optional"
            told = ast.unparse(node.annotation) if isinstance(node, ast.AnnAssign) else ""
            if getattr(getattr(node, "target", None), "id", None) == name and re.search(r"\bNone\b|Optional", told):
                return f"{path}:{node.lineno} {name} is annotated {told}"
    return ""


def guards_like(place: Place, condition: str) -> list[tuple[ast.stmt, str, float]]:
    """What sibling functions do under the same condition, a return or raise, with where and how much it says.

    Those of the file are asked first, then those of other files; siblings that disagree say nothing.
    """
    for trust, own in ((0.87, True), (0.83, False)):
        files_ = [(path, m) for path, m in modules(place) if (path == place.path) == own]
        found = [(body, words, trust) for path, m in files_ for body, words in _guards(place, path, m, condition)]
        if found:
            return found if len({ast.unparse(body) for body, *_ in found}) == 1 else []
    return []


def _guards(place: Place, path: str, module: ast.Module, condition: str) -> Iterator[tuple[ast.stmt, str]]:
    for function in [n for n in ast.walk(module) if isinstance(n, Function) and n is not place.function]:
        words = f"{function.name} does so under the same condition"
        for node in ast.walk(function):
            if isinstance(node, ast.If) and len(node.body) == 1 and _same_condition(ast.unparse(node.test), condition):
                yield node.body[0], f"{path}:{node.lineno} {words}"
            whole = node.value if isinstance(node, ast.Return) else None
            if isinstance(whole, ast.IfExp) and _same_condition(f"not {ast.unparse(whole.test)}", condition):
                yield ast.Return(whole.orelse), f"{path}:{node.lineno} {words}"


def _same_condition(one: str, other: str) -> bool:
    def plain(text: str) -> str:
        text = re.sub(r"^len\((.+)\) == 0$|^(.+) (?:==|is) (?:None|0|\[\]|'')$", lambda m: f"not {m[1] or m[2]}", text)
        text = re.sub(r"^not len\((.+)\)$", r"not \1", text)
        return text.replace('"', "'")

    return plain(one) == plain(other)


def missing_values(place: Place, neutral: Iterable[str] = (), about: frozenset[str] = frozenset()) -> list[Said]:
    """What the function may give for the missing: documented, by its own and its callers' code, then neutral."""
    found = [*documented(place, about), *annotated(place), *returned(place)]
    said = [s for s in found if fits(place, s.value) and alike(place, s.value)]
    known = {s.value for s in said}
    return said + [
        Said(value, "", 0.5) for value in neutral if value not in known and fits(place, value) and alike(place, value)
    ]


def raised(place: Place) -> Iterator[tuple[str, str]]:
    """(exception, sentence) that the function's or its class's documentation names: "Raises X if ..."."""
    if place.function is None:
        return
    owner = _owner(place)
    for text in (ast.get_docstring(place.function) or "", (ast.get_docstring(owner) or "") if owner else ""):
        for sentence in _split(text[:LONGEST]):
            for match in re.finditer(
                r"\b(?:[Rr]aises?|[Ii]s refused (?:by|with)|:raises?)\s+:?(?:an? )?`*([A-Z]\w+)", sentence
            ):
                yield match[1], sentence
