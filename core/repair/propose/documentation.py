"""Finds in the documentation what is right when something is missing: values, rules, exceptions. Pure."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from core.models.patterns import Linear
from core.repair.localize.locate import Place
from core.repair.localize.sources import UNREADABLE
from core.repair.localize.syntax import Function, class_around, documentation, identifier
from core.repair.propose.base import Clue
from core.repair.types import Evidence

LONGEST = 20_000  # maximum characters of one text that are read
# words for something missing
NOTHING = frozenset({"zero", "nothing", "empty", "without", "none", "last"})
NOT_THERE = NOTHING | {"missing", "unknown", "absent"}
SENTENCE = 1_000  # maximum characters of one sentence, because each value is matched with its context
_WORD_VALUES = r"unknown|anonymous|guest|default|none|other|misc|n/a|missing|direct|standard|untitled|unnamed|general"
# EUR, INFO, DE; a word that is always in capitals is not a value
_CODE = r"(?!(?:API|ASCII|CSV|HTML|HTTP|ID|ISO|JSON|PDF|SQL|URL|UTC|UTF|XML|YAML)\b)[A-Z][A-Z_]{1,11}"
VALUES = (
    (re.compile(r"\b(?:an? )?empty (?:list|sequence|result)\b|\[\]", re.I), "[]"),
    (re.compile(r"\b(?:an? )?empty (?:dict|dictionary|mapping|object)\b|\{\}", re.I), "{}"),
    (
        re.compile(r"\b(?:an? )?(?:empty|blank) (?!(?:for|in|on|when|if|and|or|then|at|the|of|to)\b)\w+|''|\"\"", re.I),
        '""',
    ),
    (re.compile(r"\b(?:an? )?empty tuple\b|(?<!\w)\(\)", re.I), "()"),
    (re.compile(r"\b(?:an? )?empty set\b|\bset\(\)", re.I), "set()"),
    (re.compile(r"(?<![\w.\-])-?\d+\.\d+(?![\w.]|\s?%)"), None),
    (re.compile(r"\b(?:None|True|False)\b"), None),
    (re.compile(r"(?<![\w.\-:/,])-?\d+(?![\w\-%/:]|[.,]\d|\s%)"), None),
    (re.compile(r"(?:``[^`\n]{1,40}``|(?<!\w)\"[^\"\n]{0,40}\"|(?<!\w)'[^'\n]{1,40}'(?!\w))"), None),
    (re.compile(r"(?<!\ba )(?<!\bwith )(?<!\bof )(?<!\bfor )(?<!\bby )\bzero\b", re.I), "0"),
    (re.compile(r"\b(?:is|are|be|left|stays?) (?:then )?(?:empty|blank)$", re.I), '""'),
    (re.compile(r"\b(?:is|are|gives?|returns?) nothing\b", re.I), "None"),
    (re.compile(rf"(?<=\bas )(?:{_WORD_VALUES})\b"), "word"),
    (re.compile(r"(?:(?<=\bas )|(?<=\bto ))one\b(?! of)"), "1"),
    (re.compile(rf"(?:(?<=\bas )|(?<=defaults to )|(?<=default is )){_CODE}\b"), "word"),
    (re.compile(rf"\b{_CODE}\b(?= is (?:assumed|taken|used))"), "word"),
)
CONDITION = re.compile(
    r"\b(if|when|where|without|missing|absent|unknown|otherwise|defaults?|nothing|no|none|empty|optional|null|"
    r"for (?:an?|what|those)|"
    r"not|until|before|may be|may have|may lack|can be|has no|have no|lacks?|else|unless|never|blank|unset|out of|"
    r"fewer|less than|too (?:few|short|small)|single|falls? back|instead|at the end|last|only|still|yet|new|"
    r"nobody|no one|anonymous|assumed|cannot|can't|invalid|malformed|unreadable|broken)\b",
    re.I,
)
_OF_INPUT = re.compile(r"\b(?:may|can|might|could) be\s*$", re.I)  # "it may be None" does not state a result
_LINK = re.compile(
    r"(?:\b(?:is|are|as|be|gives?|returns?|becomes?|to|defaults?|default[:=]?|means?|yields?|or|then|shows?|counts?|"
    r"else|otherwise|has|have|carry|carries|an|a|the|i\.?e\.?,?|get|gets|score|scores|with)|[=:]|"
    r"\b(?:has|have|gets?|carry|carries) (?:the|an?) \w+(?: of)?)\s*$",
    re.I,
)
_AFTER = re.compile(
    r"^[\s,]*(?:if|when|for|without|unless|until|after|where|is (?:assumed|used|taken|returned)|by default|otherwise|"
    r"out of)\b",
    re.I,
)
_BRACKETS = "`\"'()"
_ASKED = re.compile(r"\b(?:if|when|where|unless|until|while|once)\b[^,;:()]*?\b(?:is|are|be|equals|was|were)\s+", re.I)
SKIPPED = re.compile(
    r"\b(skip|skips|skipped|ignored?|ignores|left out|leaves? out|excluded|dropped|omitted|passed over|disregarded|"
    r"do(?:es)? not (?:count|appear)|(?:is|are) not (?:counted|listed|included|part|shown|reported))\b",
    re.I,
)
STAYS = re.compile(
    r"\b(stays?|(?:does|do) nothing|nothing happens|no effect|unchanged|as (?:it|they) (?:is|are)|untouched|"
    r"(?:kept|left) as|alone)\b",
    re.I,
)
_DATA = r"(?:number|integer|numeric|date|time|json|version|digits?|text|word)"
GARBLED = re.compile(
    rf"\b(invalid|malformed|unreadable|unparse?able|broken|corrupt\w*|garbage|garbled|bad|wrong|otherwise|else|"
    rf"(?:not|no) (?:an? )?(?:\w+ )?{_DATA}|not (?:valid|parsed|read|understood)|"
    rf"(?:cannot|can't|could not|can not) (?:be )?(?:read|parsed?|converted?|decoded?|understood))\b",
    re.I,
)


@dataclass(frozen=True)
class Sentence:
    """One sentence of the documentation that states a condition.

    ``grade``: DOCUMENTED if it is about the missing thing, STYLE if it is about something else. ``far``: its distance
    from the failing function.
    """

    text: str
    grade: Evidence
    far: int

    @property
    def words(self) -> str:
        return f"the documentation says: {self.text[:200]}"


def words_of(*names: str) -> frozenset[str]:
    """Lower-case words of identifiers and texts, plurals also without their s."""
    found = {w.lower() for name in names for w in re.findall(r"[A-Za-z][a-z]+|[A-Z]{2,}", name) if len(w) > 2}
    return frozenset(found | {w[:-1] for w in found if w.endswith("s")})


def sentences(place: Place, about: frozenset[str] = frozenset(), everything: bool = False) -> Iterator[Sentence]:
    """Sentences that state conditions, the function's first; of the module only those ``about`` it, or ``everything``.

    A word such as "empty" refers to the missing thing only in the function's own documentation.
    """
    for far, (text, own) in enumerate(_texts(place)):
        for sentence in _split(text[:LONGEST]):
            related = bool(words_of(sentence) & (about if own else about - NOTHING))
            for part in _PARTS.split(sentence) if own or related or everything else ():
                if CONDITION.search(part) or SKIPPED.search(part):
                    yield Sentence(part.strip(), Evidence.DOCUMENTED if related else Evidence.STYLE, far // 2)


def _texts(place: Place) -> Iterator[tuple[str, bool]]:
    """(text, is it the function's own), nearest first, without examples, which do not state rules."""
    around = (place.function, class_around(place.module, place.function), place.module)
    own, owner, module = (re.sub(r"(?m)^[ \t]*+(>>>|\.\.\. ).*$", "", documentation(node)) for node in around)
    yield own, True
    yield _comments(place, place.function) if place.function else "", True
    yield owner, False
    yield module, False


def _comments(place: Place, function: Function) -> str:
    """Comments of the two lines above the function and of the three above the failing one, each a paragraph."""
    first = min([function.lineno, *(d.lineno for d in function.decorator_list)])
    rows, near = place.text.splitlines(), max(first, place.line - 3)
    lines = [*rows[max(0, first - 3) : first], *rows[near - 1 : place.line]]
    return "\n\n".join(row.split("#", 1)[1].strip() for row in lines if re.search(r"(^|\s)#", row))


def saying(words: str, text: str, flags: str = "i") -> str:
    """The sentence of a text that matches an RE2 pattern; empty if none does."""
    found = _linear(words, flags).search(text)
    if not found:
        return ""
    begin = max(text.rfind(end, 0, found.start()) for end in ".\n") + 1
    ends = [at for end in ".\n" if (at := text.find(end, found.end())) >= 0]
    return text[begin : min(ends, default=len(text))].strip()


_linear = lru_cache(maxsize=256)(Linear)  # the patterns come from the operators, never from untrusted text
_REFERS = r"(?:it|its|they|their|this|these|those|such|both|then|there)\b"  # to what was said before
_GOES_ON = re.compile(_REFERS, re.I)
_PARTS = re.compile(rf"; (?!{_REFERS})")


def _split(text: str) -> Iterator[str]:
    text = re.sub(r"\b(i\.e|e\.g)\.,?", r"\1", text)
    for block in re.split(r"\n\s*\n|\n(?=\s*+(?:[-*]\s*+)?\w++\s*+:\s)", text):
        parts: list[str] = []
        for part in re.split(r"(?<=[.!?])\s+(?=\S)", " ".join(block.split())):
            if parts and _GOES_ON.match(part):
                parts[-1] += " " + part
            else:
                parts.append(part)
        yield from (part.strip()[:SENTENCE].rstrip(".;!") for part in parts if part.strip())


def documented(place: Place, about: frozenset[str] = frozenset()) -> list[Clue]:
    """Distinct values that such sentences name, most likely first."""
    clue = [s for sentence in sentences(place, about) for s in _values(sentence)]
    return best([*clue, *_constants(place, about)])


def best(clue: list[Clue]) -> list[Clue]:
    """The best evidence for each value, the best first."""
    found: dict[str, Clue] = {}
    for one in sorted(clue, key=lambda s: (-s.grade, s.far)):
        found.setdefault(one.value, one)
    return list(found.values())


def stated(place: Place, words: str) -> Clue | None:
    """Evidence if the documentation around the place matches an RE2 pattern, else None."""
    around = [place.module, class_around(place.module, place.function), place.function]
    found = saying(words, " ".join(documentation(node) for node in around))
    return Clue("", f"the documentation says: {found[:160]}", Evidence.DOCUMENTED) if found else None


def _values(sentence: Sentence) -> Iterator[Clue]:
    for match, value in _apart(sentence.text):
        before, after = sentence.text[: match.start()].rstrip(_BRACKETS), sentence.text[match.end() :].lstrip(_BRACKETS)
        found = repr(match.group()) if value == "word" else value or match.group().strip("`")
        if is_expression(found) and not _OF_INPUT.search(before) and not _is_asked_for(sentence.text, match):
            linked = bool(_LINK.search(before) or _AFTER.search(after))
            grade = sentence.grade if linked else min(sentence.grade, Evidence.STYLE)
            yield Clue(found, sentence.words, grade, sentence.far)


def _is_asked_for(text: str, match: re.Match) -> bool:
    """Is it what a condition compares with, "if the total is zero", and not the result?"""
    return any(match.start() <= asked.end() <= match.end() for asked in _ASKED.finditer(text))


def _apart(text: str) -> Iterator[tuple[re.Match, str | None]]:
    """Matches of VALUES in the text, each with its value; of overlapping matches only the first."""
    taken: list[tuple[int, int]] = []
    for pattern, value in VALUES:
        for match in pattern.finditer(text):
            if not any(match.start() < end and start < match.end() for start, end in taken):
                taken.append(match.span())
                yield match, value


def is_expression(text: str) -> bool:
    """Is it only a literal? A trailing comment would comment out the rest of the line."""
    try:
        node = ast.parse(text, mode="eval").body
        return ast.get_source_segment(text, node) == text and (text == "set()" or ast.literal_eval(node) is not ...)
    except UNREADABLE:
        return False


def _constants(place: Place, about: frozenset[str]) -> Iterator[Clue]:
    """The module's constant such as ``DEFAULT_CURRENCY``, for something named currency."""
    targets = [t for n in place.module.body if isinstance(n, ast.Assign) for t in n.targets]
    for name in map(identifier, targets):
        if re.match(r"(DEFAULT|FALLBACK)_", name) or name.endswith(("_DEFAULT", "_FALLBACK")):
            rest = words_of(name.lower().replace("_", " ")) - {"default", "fallback"}
            if rest & about:
                yield Clue(name, f"the module has {name} for this", Evidence.DOCUMENTED, 1)


def raised(place: Place) -> Iterator[tuple[str, str]]:
    """(exception, sentence) from "Raises X if ..." in the documentation of the function or its class."""
    if place.function is None:
        return
    for node in (place.function, class_around(place.module, place.function)):
        for sentence in _split(documentation(node)[:LONGEST]):
            yield from ((match[match.lastindex], sentence) for match in _RAISES.finditer(sentence) if match.lastindex)


_RAISES = re.compile(
    r"\b(?:[Rr]aises?|[Tt]hrows?|[Ii]s refused (?:by|with)|:raises?)\s+:?(?:an? )?`*([A-Z]\w+)"
    r"|\b([A-Z]\w+)`* is (?:raised|thrown)\b|\b([A-Z]\w*(?:Error|Exception))`* (?:if|when|for|where|unless)\b"
)


def skipping(place: Place, about: frozenset[str]) -> Clue | None:
    """Evidence from the documentation that rows without a value are left out."""
    sentence = next((s for s in sentences(place, about) if SKIPPED.search(s.text)), None)
    return Clue("", sentence.words, sentence.grade, sentence.far) if sentence else None
