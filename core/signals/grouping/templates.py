"""Log templates: lines from one statement of a program get one id. Online, with one setting for every system.

The line's header (header.py) and values (``values``) are removed, then Drain (He, Zhu, Zheng, Lyu 2017, in drain3's
implementation) finds its template. The similarity is our own: it compares only words, because values do not show
whether two lines come from one statement.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Sequence
from functools import lru_cache

from drain3.drain import Drain

from core.signals.grouping.header import HeaderSplitter

VALUE = "<0>"  # the digit marks the word as variable for Drain
ALIKE = 0.65  # share of the words that two lines of one template have in common
CLUSTERS = 20_000
NEAR = 200  # newest templates with the same length and first word that a line is compared with
CACHE = 50_000  # masked lines whose template is remembered
LONGEST, WORDS = 4_000, 300  # characters and words of a line that are read
VALUES = re.compile(
    r"""[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}           # UUIDs
      | \b[a-z][a-z0-9]{1,9}://\S+ | (?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,64}\.[\w.-]+   # addresses
      | (?<![\w.])(?:[a-zA-Z]:)?(?:[/\\][\w.$@%+~*-]+){2,}[/\\]?            # paths
      | \b[a-zA-Z][\w-]{0,63}(?:\.[\w-]{1,63}){1,9}:\d+                               # host:port
      | (?<=[=])[^\s,;)\]}]+                                            # key=value
      | 0x[0-9a-fA-F]+ | \b(?=[0-9a-fA-F]*\d)(?=\d*[a-fA-F])[0-9a-fA-F]{6,}\b
      | <?[-+]?\d+(?:[.,:/_-]\d+)*(?:\ ?(?:[kKMGT]i?B|B|[mun]?s|secs?|min)\b)?      # numbers, quantities, times, hosts
    """,
    re.X,
)
WORD = 60  # characters; a longer word is not a state
MARKS = ":.,()[]\"'"
NEGATIONS = ("un", "in", "dis", "non", "non-", "not-", "de")
OPPOSITES = {  # stem: number of its pair
    stem: number
    for number, pair in enumerate(
        (
            "start stop", "open clos", "begin end", "enter exit", "accept reject", "allow den", "enabl disabl",
            "add remov", "acquir releas", "succ fail", "sent receiv", "read writ", "login logout",
            "suspend resum", "creat delet", "attach detach", "increas decreas", "online offline",
        ),
        1,
    )
    for stem in pair.split()
}  # fmt: skip
STATE = re.compile(rf"[A-Z][A-Z_]+(?:{VALUE})?$")  # also methods and protocols: GET, SOCKS5
RUN = re.compile(rf"{VALUE}(?:(?:[.,:/#_-]{{0,2}}|[,;] ){VALUE})+")  # and lists, however long
ECHO = re.compile(rf"({VALUE} ?\w*) \({VALUE}\)")  # a repeated quantity: 18846 bytes (18.4 KB)


def values(message: str) -> str:
    """The message with its values as ``<0>``."""
    return ECHO.sub(r"\1", RUN.sub(VALUE, VALUES.sub(VALUE, message[:LONGEST])))


def _side(word: str) -> tuple[int, str]:
    """(number of the pair, stem) of a word with an opposite; (0, "") of any other word."""
    return next(((number, stem) for stem, number in OPPOSITES.items() if word.startswith(stem)), (0, ""))


def contrary(one: str, other: str) -> bool:
    """Whether two words are two states (NEW, RUNNING) or opposites (opened, closed; connected, disconnected)."""
    return max(len(one), len(other)) <= WORD and _contrary(one, other)


@lru_cache(maxsize=CACHE)
def _contrary(one: str, other: str) -> bool:
    one, other = one.strip(MARKS), other.strip(MARKS)
    if STATE.match(one) and STATE.match(other):
        return True
    one, other = one.lower(), other.lower()
    if any(one == prefix + other or other == prefix + one for prefix in NEGATIONS):
        return True
    (pair, stem), (its_pair, its_stem) = _side(one), _side(other)
    return 0 < pair == its_pair and stem != its_stem


class WordDrain(Drain):
    """Drain with a similarity that compares words only and never confuses a state or an act with its opposite."""

    def fast_match(self, cluster_ids: Sequence[int], tokens, sim_th, include_params):
        return super().fast_match(cluster_ids[-NEAR:], tokens, sim_th, include_params)

    def get_seq_distance(self, seq1: Sequence[str], seq2: Sequence[str], include_params: bool) -> tuple[float, int]:
        words = same = params = 0
        differing = []
        for known, new in zip(seq1, seq2, strict=True):
            if known == self.param_str:
                params += 1
            elif known == new:
                plain = VALUE not in known
                words += plain
                same += plain
            elif not (VALUE in known and VALUE in new and known.split(VALUE, 1)[0] == new.split(VALUE, 1)[0]):
                words += 1
                differing.append((known, new))
        alike = same / words if words else 1.0
        if alike >= self.sim_th and any(contrary(*pair) for pair in differing):
            alike = 0.0
        return alike, params


class Templates:
    """Template ids of one stream, from 1 on; memory is bounded."""

    def __init__(self):
        self.header = HeaderSplitter()
        self.drain = WordDrain(depth=4, sim_th=ALIKE, max_children=100, max_clusters=CLUSTERS)
        self.known: OrderedDict[str, int] = OrderedDict()

    def group(self, line: str) -> int:
        """The id of the line's template."""
        masked = " ".join(values(self.header.message(line)).split(" ", WORDS)[:WORDS])
        found = self.known.get(masked)
        if found is None:
            found = self.drain.add_log_message(masked)[0].cluster_id
            self.known[masked] = found
            if len(self.known) > CACHE:
                self.known.popitem(last=False)
        return found
