"""Where a log line's message begins: time, level, process, thread and component are its header, in any layout.

One grammar for every system. A line is read word by word from the left; words that can only belong to a header
(times, numbers, levels, brackets) continue it, a few unknown words may lie between them, and a component
(``sshd[24200]:``, ``dfs.DataNode:``) ends it. Whether lines have headers at all is learned from the stream: if leading
times are rare, a leading time is part of the message.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache

WORD = re.compile(r"[^\s|]+")
BRACKET = re.compile(r"\[[^\]\n]*+\]|\[[^\[\]\n]*+\[[^\]]*+\][^\]]*+\]|\([^)\n]*+\)")
CLOCK = re.compile(r"(?<![\d:.])\d{1,2}(?::\d\d:\d\d(?!:?\d\d?(?!\d))|\.\d\d\.\d\d(?!\.?\d{1,3}(?!\d)))")
COMPACT, COMPACT_DIGITS = re.compile(r"\d{6} \d{6}(?= )"), 6  # yymmdd hhmmss
DATE = re.compile(
    r"\[?(?:\d{4}[-/.]\d\d?[-/.]\d\d?|\d\d?[-/]\d\d?[-/]\d{2,4}|\d\d?[-/.]\d\d?|(?:19|20)\d{6})"
    r"(?![\d.]*\d\.\d)(?:$|[T_ ,;-])"
)
MESSAGE = ("message", "msg", "log", "event", "text")
LOGFMT = re.compile(r'[\w.]+=(?:.*\s)?(?:msg|message)=(?:"((?:[^"\\]|\\.)*+)"|(\S+))')
NUMBER = re.compile(r"\d+,?$|0x[0-9a-f]+$", re.I)
EPOCH = re.compile(r"\d{10}(?:\.\d+|\d{3}|\d{6})?$")
NAMES = frozenset(re.findall(r"\w+", "mon tue wed thu fri sat sun jan feb mar apr may jun jul aug sep oct nov dec"))
LEVEL = re.compile(
    r"[\[<(]?(?:trace|debug|verbose|info|notice|warn|warning|error|err|severe|fatal|crit|critical|alert|emerg|failure"
    r"|[VDIWEF](?=$))[\])>]?[:,]?$",
    re.I,
)
COMPONENT = re.compile(r"[A-Za-z_][\w.$/@()-]*(?:\[[^\]]*\])?:$")
SHAPES = (("number", NUMBER), ("level", LEVEL), ("component", COMPONENT))
SEPARATORS = frozenset(("-", "--", ":", "*"))
REACH = {"time": 3, "level": 3, "component": 1, "bracket": 1, "number": 0, "separator": 0}
# unknown words that may precede it
DEEP, LONGEST = 14, 400  # words, characters of the longest header
USUAL = 0.5  # lowest share of lines with a time in a stream with headers
TRIAL = 20  # first lines of a stream, whose headers are always accepted


class HeaderSplitter:
    """Cuts the headers off one stream's lines."""

    def __init__(self):
        self.lines = self.timed = 0

    def message(self, line: str) -> str:
        """The line without its header; the whole line if it has no header or consists of one."""
        if found := structured(line):
            return found
        end = header_end(line[:LONGEST])
        if not line[:1].isspace():  # an indented line continues the previous one
            self.lines += 1
            self.timed += end > 0
        if not end or self.lines > TRIAL and self.timed < USUAL * self.lines:
            return line
        return line[end:].lstrip(" \t|-:") or line


def structured(line: str) -> str:
    """The message of a line that is a JSON object or key=value pairs (logfmt); empty if it is neither."""
    if line.startswith("{"):
        try:
            given = json.loads(line)
        except (ValueError, RecursionError):
            return ""
        found = next((given[name] for name in MESSAGE if given.get(name)), "")
        return found if isinstance(found, str) else ""
    pairs = LOGFMT.match(line)
    return (pairs[1] or pairs[2] or "") if pairs else ""


def header_end(line: str) -> int:
    """Index after the header; 0 if the line has none. A header contains a time."""
    end = at = unknown = 0
    seen: set[str] = set()
    begun = False
    for _ in range(DEEP):
        found = WORD.search(line, at)
        if not found:
            break
        kind, at = _kind(line, found, begun)
        if _is_unknown(kind, seen, unknown):
            unknown += 1
            if unknown > REACH["time"]:
                break
            continue
        unknown, end = 0, at
        seen.add(kind)
        begun = "time" in seen or "level" in seen and found[0].isupper()
        if kind == "component":
            break
    return end if "time" in seen else 0


def _is_unknown(kind: str, seen: set[str], unknown: int) -> bool:
    """A second level is no part of the header, nor is a word that comes after too many unknown ones."""
    reach = REACH.get(kind, -1)
    timed = kind == "time" or "time" in seen
    return (kind == "level" and kind in seen) or unknown > (reach if timed else min(0, reach))


def _kind(line: str, found: re.Match, begun: bool) -> tuple[str, int]:
    """(kind of the word, index after it); a bracket may span several words."""
    word, end = found[0], found.end()
    if word[0] in "[(" and (bracket := BRACKET.match(line, found.start())):
        return _kind_of_bracket(bracket[0], begun), max(end, bracket.end())
    kind = _kind_of_word(word)
    if kind == "compact":
        compact = COMPACT.match(line, found.start())
        return ("time", compact.end()) if compact else ("number", end)
    if kind in ("word", "component"):
        kind = "bracket" if begun and line[end : end + 1] == "|" else kind if begun else "word"
    return kind, end


@lru_cache(maxsize=10_000)
def _kind_of_bracket(text: str, begun: bool) -> str:
    if LEVEL.match(text):
        return "level"
    if CLOCK.search(text) or DATE.match(text):
        return "time"
    return "bracket" if begun else "word"


@lru_cache(maxsize=10_000)
def _kind_of_word(word: str) -> str:
    if _is_time(word):
        return "time"
    if len(word) == COMPACT_DIGITS and word.isdecimal():
        return "compact"
    if word in SEPARATORS:
        return "separator"
    return next((kind for kind, shape in SHAPES if shape.match(word)), "word")


def _is_time(word: str) -> bool:
    if word[0].isdigit():
        return bool(EPOCH.match(word) or CLOCK.search(word) or DATE.match(word))
    if word[:3].lower() in NAMES:
        return len(word.rstrip(",")) == 3
    return word[-1].isdigit() and bool(CLOCK.search(word))
