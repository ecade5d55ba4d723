"""Joins single log lines into whole events: a traceback of thirty-five lines is one event. Pure.

Lines of one stream are read in order. A line belongs to the previous event if it is indented, or by the rules of the
current kind of stack: Python (with chained exceptions and exception groups), Java and Node.js (``at ...``, ``Caused
by``), Go (panics and goroutines). Prefixes of a container runtime, syslog or Compose are removed; their part that names
a process separates interleaved processes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from core.signals.grouping.header import header_end
from core.vendors.logline import LEVEL

GAP = timedelta(seconds=5)  # maximum time between two lines of one event
MOST_LINES, MOST_CHARACTERS = 1000, 100_000  # of one event; further ones are dropped
READ = 2000  # characters of a line that are matched

PREFIXES = tuple(  # the group of each pattern is the writer
    map(
        re.compile,
        (
            r"\d{4}-\d\d-\d\dT[\d:.]{8,30}(?:Z|[+-]\d\d:\d\d) (stdout|stderr) [FP] ?",  # container runtime (CRI)
            r"([\w.-]{1,80}?)\s{0,40}\| ?",  # Compose
            r"[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \S{1,80} ([\w./-]{1,80}(?:\[\d{1,9}\])?): ?",  # syslog, journald
            r"\d{4}-\d\d-\d\dT[\d:.]{8,30}(?:Z|[+-]\d\d:?\d\d) (?:\S{1,80} )?([\w./-]{1,80}\[[\w.]{1,30}\]): ?",
        ),
    )
)
HEAD = re.compile(r"(?:\s*\+ Exception Group )?Traceback \(most recent call last\):")
GROUP = re.compile(r"\s*\+ Exception Group ")
FRAME = re.compile(r'\s+File "[^"]+", line \d+')
LINK = re.compile(r"(?:During handling of|The above exception was) ")
MORE = re.compile(r"[(\[]\w[\w ]{2,20}[:)]|\(Background on|(?:DETAIL|HINT|CONTEXT|LINE \d{1,6}):")  # of a message
AT = re.compile(r"\s*(?:at [\w.$<>/\[(]|Caused by: |Suppressed: |\.{3} \d{1,6} (?:more|common frames))")
POINTER = re.compile(r"\s*\^+\s*$")
ERROR_LINE = re.compile(
    r'(?:Exception in thread "[^"]{0,200}" )?(?:Uncaught )?[A-Za-z_][\w.$]{0,200}'
    r"(?:Error|Exception|Exit|Interrupt|Warning|Fault|Timeout)(?::|$)"
)
GO_HEAD = re.compile(r"(?:panic|fatal error): |goroutine \d{1,9} \[")
GO_MORE = re.compile(
    r"goroutine \d{1,9} \[|created by |\[signal |exit status |panic: |[\w./*()\[\]{}\u00b7-]{1,300}\(.{0,500}\)$"
)
ERRORS = ("ERROR", "CRITICAL", "FATAL")


@dataclass(frozen=True)
class StreamLine:
    """One unchanged line; ``id`` is its identity, and that of the event that it begins."""

    text: str
    stream: str = ""
    at: datetime | None = None
    id: str = ""


@dataclass
class LogEvent:
    """Lines that belong together. ``headless``: the beginning was not among the lines."""

    lines: list[StreamLine] = field(default_factory=list)
    bare: list[str] = field(default_factory=list)  # without prefixes
    kind: str = ""  # python, group, go, single, or empty for any other text
    phase: str = "frames"  # of python: frames, raised, linked
    headed: int = 0  # words of the header that each line of the stack has
    headless: bool = False
    open: bool = False  # later lines may still belong to it
    head: int = 0  # index of the line that begins the stack
    characters: int = 0

    @property
    def text(self) -> str:
        return "\n".join(self.bare).rstrip()

    @property
    def first(self) -> StreamLine:
        return self.lines[0]

    @property
    def id(self) -> str:
        """The identity: that of the line that begins the stack, even if the event has a line before it."""
        return self.lines[self.head].id

    @property
    def stack(self) -> bool:
        """Is it a stack or a part of one?"""
        return bool(self.kind in _RULES or self.headless or begins_stack(self.first.text))

    @property
    def last(self) -> StreamLine:
        return self.lines[-1]

    def put(self, line: StreamLine, bare: str) -> None:
        if len(self.lines) < MOST_LINES and self.characters < MOST_CHARACTERS:
            self.lines.append(line)
            self.bare.append(bare)
            self.characters += len(bare)


def begins_stack(text: str) -> bool:
    """Does a stack begin with this line?"""
    _, bare = peeled(text[:READ])
    return "\n" not in text.rstrip() and bool(HEAD.match(bare) or GO_HEAD.match(bare) or ERROR_LINE.match(bare))


def of_stack(text: str) -> bool:
    """Can the text be a stack or a line of one? Indented lines can, and empty ones between chained exceptions."""
    _, bare = peeled(text[:READ])
    return (
        not bare.strip()
        or bare[:1].isspace()
        or bool(AT.match(bare) or GO_MORE.match(bare) or LINK.match(bare))
        or begins(bare)
    )


def begins(bare: str) -> bool:
    return bool(HEAD.search(bare) or GO_HEAD.match(bare) or ERROR_LINE.match(bare))


def joined(lines: Iterable[StreamLine]) -> list[LogEvent]:
    """The events of the lines, joined by stream, in the order of their first lines."""
    current: dict[tuple[str, str], LogEvent] = {}
    events: list[LogEvent] = []
    for line in lines:
        writer, bare = peeled(line.text)
        key = line.stream, writer
        event = current.get(key)
        if event is None or _apart(event.last, line) or not _continues(event, line, bare):
            if not bare.strip():
                continue
            event = _begun(line, bare)
            events.append(event)
            if event.kind in _RULES or not _within(current.get(key), line):
                current[key] = event
    for event in current.values():
        event.open = event.kind != "single"
    return events


def peeled(text: str) -> tuple[str, str]:
    """(the writer from the line's prefixes, the line without them)."""
    writers = []
    for _ in range(2):
        found = next((m for prefix in PREFIXES if (m := prefix.match(text[:READ]))), None)
        if not found:
            break
        writers.append(found[1])
        text = text[found.end() :]
    return "/".join(writers), text


def _apart(before: StreamLine, line: StreamLine) -> bool:
    return before.at is not None and line.at is not None and abs(line.at - before.at) > GAP


def _within(event: LogEvent | None, line: StreamLine) -> bool:
    """Is this line of another thread inside an unfinished Python traceback?"""
    return event is not None and event.kind == "python" and event.phase == "frames" and not _apart(event.last, line)


def _begun(line: StreamLine, bare: str) -> LogEvent:
    event = LogEvent()
    words = _words_before_head(bare)
    if "\n" in bare.rstrip() or bare.lstrip()[:1] == "{":
        event.kind = "single"
    elif words or HEAD.match(bare):
        event.headed, bare = words, _behind(bare, words)
        event.kind = "group" if GROUP.match(bare) else "python"
    elif GO_HEAD.match(bare):
        event.kind = "go"
    elif FRAME.match(bare):
        event.kind, event.headless = "python", True
    elif bare[:1].isspace() or AT.match(bare):
        event.headless = True
    event.put(line, bare)
    return event


def _timed(bare: str) -> bool:
    """Does the line have its own header with a time?"""
    return not bare[:1].isspace() and header_end(bare[:READ]) > 0


def _words_before_head(bare: str) -> int:
    """The number of header words before a traceback's first line; 0 if there are none."""
    before, head, _ = bare[:READ].partition("Traceback (most recent call last):")
    return len(before.split()) if head and before.strip() and _timed(before) else 0


def _behind(bare: str, words: int) -> str:
    """The line without its header's words; its indentation is kept."""
    found = re.match(rf"(?:\S+ ){{{words}}}", bare[:READ]) if words else None
    return bare[found.end() :] if found else bare


def _continues(event: LogEvent, line: StreamLine, bare: str) -> bool:
    """Add the line to the event if it belongs there; True if it does."""
    if event.kind == "single":
        return False
    if event.headed and _timed(bare):
        bare = _behind(bare, event.headed)
    if not bare.strip():
        event.put(line, "")
        return True
    taken = _RULES.get(event.kind, _other)(event, bare)
    if taken:
        event.put(line, bare)
    return taken


def _python(event: LogEvent, bare: str) -> bool:
    if event.phase == "linked":
        event.phase = "frames"
        return bool(HEAD.match(bare))
    if HEAD.match(bare):
        return False
    if bare[:1].isspace():
        return True
    if event.phase == "frames":
        return _raised(event, bare)
    if LINK.match(bare):
        event.phase = "linked"
        return True
    return bool(event.bare[-1] and MORE.match(bare))


def _raised(event: LogEvent, bare: str) -> bool:
    """Take the line below the frames as the exception, unless another record begins with it."""
    if bare[:1] == "{" or not event.headed and _timed(bare) or "\n" in bare.rstrip():
        return False
    event.phase = "raised"
    return True


def _group(event: LogEvent, bare: str) -> bool:
    return bare[:1].isspace()


def _go(event: LogEvent, bare: str) -> bool:
    return bare[:1].isspace() or bool(GO_MORE.match(bare))


def _other(event: LogEvent, bare: str) -> bool:
    if "\n" in bare.rstrip():
        return False
    if HEAD.match(bare):
        if _says_error(event):
            event.kind, event.head = "group" if GROUP.match(bare) else "python", len(event.lines)
        return event.kind in _RULES
    if event.headless and FRAME.match(bare):
        event.kind = "python"
    return bool(bare[:1].isspace() or AT.match(bare) or (ERROR_LINE.match(bare) and _ends_stack(event)))


def _ends_stack(event: LogEvent) -> bool:
    """Can an exception end the event: after an indented line of a stack without a beginning, or after a pointer?"""
    if event.headless and event.bare[-1][:1].isspace():
        return True
    return bool(POINTER.match([text for text in event.bare if text][-1]))


def _says_error(event: LogEvent) -> bool:
    """Is the event one line of level ERROR, as logging.exception() writes it before the traceback?"""
    found = LEVEL.match(event.bare[0])
    return len(event.lines) == 1 and bool(found and found[1] in ERRORS)


_RULES = {"python": _python, "group": _group, "go": _go}
