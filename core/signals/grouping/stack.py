"""Stacks: parsing them from plain text, and frame names that are stable across releases.

Text from logs and issues is untrusted: it is only matched, never run. Python, JavaScript and Java stacks are
read; other text has no stack.
"""

from __future__ import annotations

import re
from functools import lru_cache

from core.models import Crash, Frame, Linked, Raised, Record
from core.models.patterns import LONGEST, NUMBER, Linear

LIMIT = LONGEST  # characters of one text that are read; the end of a stack names the exception
STACKS = ("error.stack", "error.stack_trace", "stack_trace", "exc_info", "traceback")  # attributes of a record
KINDS = ("error.class", "error.kind", "errorClass", "error_class", "exception.type")
MESSAGES = ("error.message", "errorMessage", "error_message", "exception.message")
PATH = 1000  # characters of a file's name that are read, from its end


def _set(names: str) -> frozenset[str]:
    return frozenset(names.split())


ROOT = re.compile(  # installation folders, and the folders of a release below them
    r"^/+(?:(?:srv|opt)(?:/app)?|usr/src(?:/app)?|app|var/(?:task|app|www(?:/html)?)|home/[^/]+|Users/[^/]+"
    r"|root|workspaces?|mnt|build|code|tmp)(?=/)"
    r"(?:/(?:releases?|current|deploy|build|v?\d[\d._-]*|[0-9a-f]{7,64})(?=/))*/"
)
BUNDLE_HASH = re.compile(r"[.\-_](?=[0-9a-f]*\d)[0-9a-f]{6,32}(?=\.)")
RELEASE = re.compile(  # a folder named after a release: dpl_00027494ce6349
    r"^(?=\D*\d)\w{20,}$|(?:^|_)(?=[a-f]*\d)[0-9a-f]{7,}$"
)
OUTSIDE = re.compile(
    r"site-packages/|dist-packages/|node_modules/|(^|/)python3?\.\d+/|^<|^node:|^internal/|\.venv/|/lib/python"
)
LIBRARY_CALL = re.compile(r"^(java|javax|jdk|sun|org\.springframework|org\.apache|kotlin|io\.netty)\.")
WRAPPERS = _set(
    "wrapper wrapped inner _wrapper _wrapped _inner async_wrapper sync_wrapper decorated decorator __call__"
    " <lambda> run_sync run_in_executor to_thread _run_once run_until_complete _bootstrap _bootstrap_inner"
)
PYTHON_FRAME = re.compile(rf'^\s*File "(?P<file>[^"]+)", line (?P<line>{NUMBER})(?:, in (?P<function>\S+))?')
AT_FRAME = re.compile(
    r"^\s*at (?:(?:async )?(?P<function>[\w.$<>\[\]]+)(?: \[as \w+\])? ?\()?"
    rf"(?P<file>[^()\s]+?):(?P<line>{NUMBER})(?::\d+)?\)?\s*$"
)
RAISED = re.compile(
    r"^(?:Caused by: |Uncaught |Unhandled )?"
    r"(?P<type>[A-Za-z_$][\w$]*(?:\.[A-Za-z_$][\w$]*)*)(?:: ?(?P<message>.*))?$"
)
NAMED = Linear(
    r"\b(?P<type>(?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:Error|Exception|Timeout|Refused|Violation|Fault))\b"
    r"(?:\((?P<inside>[^()\n]*)\)|: (?P<message>[^\n]*))?",
    needs=("Error", "Exception", "Timeout", "Refused", "Violation", "Fault"),
)
BARE = re.compile(r"\b(?P<type>Error)\b(?:: (?P<message>.*))?")
LINKS = re.compile(
    r"^.*(?P<cause>The above exception was the direct cause).*$"
    r"|^.*During handling of the above exception.*$",
    re.M,
)
QUOTED = re.compile(r"^(?:> ?|[ +|]*\| )", re.M)


def normal_file(path: str) -> str:
    """A file name that is the same on every host and in every release: shop/cart.py."""
    return _normal_file(path[-PATH:])


@lru_cache(maxsize=4096)
def _normal_file(path: str) -> str:
    path = re.sub(r"^[A-Za-z]:(?=/)|^file://", "", path.replace("\\", "/")).split("?")[0]
    path = ROOT.sub("", re.sub(r"^[a-z]+://[^/]*/", "", path))
    path = re.sub(r"^.*(?:site-packages|dist-packages|node_modules)/", "", path)
    parts = [p for p in BUNDLE_HASH.sub("", path).split("/") if p not in ("", ".", "..", "~")]
    folders, name = parts[:-1], parts[-1] if parts else ""
    if name.endswith(".py"):  # a package's name is an identifier: a folder with another name is outside the program
        outside = [i for i, part in enumerate(folders) if not part.isidentifier() or RELEASE.search(part)]
        folders = folders[outside[-1] + 1 :] if outside else folders
    return "/".join([*folders[-3:], name])


def is_outside(file: str, function: str = "") -> bool:
    """Whether a frame belongs to a library, not to the program."""
    return bool(OUTSIDE.search(file.replace("\\", "/")) or LIBRARY_CALL.match(function))


def calls(frames: tuple[Frame, ...]) -> tuple[str, ...]:
    """``file:function`` of the program's own frames, outermost first; wrappers and recursion are folded."""
    own = [f for f in frames if f.in_app and not is_outside(f.file, f.function)]
    shown = [f for f in own if f.function not in WRAPPERS] or own or list(frames[-3:])
    return tuple(dict.fromkeys(_name(f) for f in shown))


def _name(frame: Frame) -> str:
    file, function = (
        normal_file(_with_package(frame)),
        frame.function.removeprefix("async ").split("<locals>.")[-1],
    )
    minified = file.endswith(".js") and len(function) <= 2
    return file if minified or function in ("", "<anonymous>", "?") else f"{file}:{function.split('.')[-1]}"


def _with_package(frame: Frame) -> str:
    """Java names a file without its folder; its package is in the function's name."""
    package = frame.function.split(".")[:-2]
    return "/".join([*package, frame.file]) if frame.file.endswith((".java", ".kt")) else frame.file


def crash_of(record: Record) -> Crash | None:
    """The crash of a record: its own, or the one in its attributes or text. None without one."""
    if record.crash:
        crash = record.crash
        return crash if crash.frames or not crash.traceback else read(crash.traceback) or crash
    stack = _first(record.attributes, *STACKS)
    return read(stack or record.message) or read(record.title) or _of_words(record)


def _of_words(record: Record) -> Crash | None:
    """The exception that a record without a stack names."""
    if kind := _first(record.attributes, *KINDS):
        return Crash(exception=raised(kind, _first(record.attributes, *MESSAGES) or record.message))
    named = NAMED.search(record.title) or NAMED.search(record.message)
    if not named:
        return None
    return Crash(exception=raised(named["type"], named["message"] or (named["inside"] or "").strip()))


def _first(attributes: dict, *names: str) -> str:
    nested = attributes.get("error")
    inner = nested if isinstance(nested, dict) else {}
    flat = {f"error.{k}": v for k, v in inner.items()} | attributes
    return next((flat[n] for n in names if isinstance(flat.get(n), str) and flat[n]), "")


def raised(name: str, message: str = "") -> Raised:
    module, _, short = name.rpartition(".")
    return Raised(type=short, module=module or None, message=message.strip())


def read(text: str) -> Crash | None:
    """The stack in a text, or None. ``chain`` has the chained stacks, nearest first."""
    text = text[-LIMIT:]
    text = text.replace("\\n", "\n") if "\n" not in text else text
    if 'File "' not in text and "at " not in text:
        return None
    text = QUOTED.sub("", text)
    if 'File "' not in text:
        return _read_at(text)
    links = list(LINKS.finditer(text))
    stacks = _between(links, text)
    if stacks[-1] is None:
        return None
    chain = [
        Linked(**stack[0].model_dump(), relation="cause" if link["cause"] else "context", frames=stack[1])
        for stack, link in zip(stacks, links, strict=False)
        if stack
    ]
    return Crash(exception=stacks[-1][0], frames=stacks[-1][1], chain=tuple(reversed(chain)), traceback=text)


def _between(links: list[re.Match[str]], text: str) -> list[tuple[Raised, tuple[Frame, ...]] | None]:
    """The stacks before, between and after the links."""
    starts = [0, *(link.end() for link in links)]
    ends = [*(link.start() for link in links), len(text)]
    return [_read_python(text[a:b]) for a, b in zip(starts, ends, strict=True)]


def _read_python(text: str) -> tuple[Raised, tuple[Frame, ...]] | None:
    frames: list[Frame] = []
    lines = text.splitlines()
    for i, line in enumerate(lines):
        found = PYTHON_FRAME.match(line)
        if found:
            frames.append(_frame(found, _code(lines, i + 1)))
        elif frames and (named := RAISED.match(line.strip())) and not _is_code(lines, i):
            return raised(named["type"], named["message"] or ""), tuple(frames)
    return None


def _code(lines: list[str], i: int) -> str:
    line = lines[i].strip() if i < len(lines) and not PYTHON_FRAME.match(lines[i]) else ""
    return "" if RAISED.match(line) and not lines[i][:1].isspace() else line


def _is_code(lines: list[str], i: int) -> bool:
    return bool(PYTHON_FRAME.match(lines[i - 1])) and lines[i][:1].isspace()


def _frame(found: re.Match, code: str = "") -> Frame:
    function = found["function"] or ("<module>" if code else "")
    own = not is_outside(found["file"], function)
    return Frame(file=found["file"], line=int(found["line"]), function=function, code=code, in_app=own)


def _read_at(text: str) -> Crash | None:
    """JavaScript and Java: the exception comes first, then the innermost call."""
    heads: list[Raised] = []
    stacks: list[list[Frame]] = []
    before = ""
    for line in text.splitlines():
        if found := AT_FRAME.match(line):
            if before:
                heads.append(_head(before))
                stacks.append([])
                before = ""
            if stacks:
                stacks[-1].append(_frame(found))
        elif line.strip() and not line.strip().startswith("... "):
            before = line.strip()
    if not heads:
        return None
    calls = [tuple(reversed(stack)) for stack in stacks]
    chain = tuple(Linked(**h.model_dump(), frames=c) for h, c in zip(heads[1:], calls[1:], strict=True))
    return Crash(exception=heads[0], frames=calls[0], chain=chain, traceback=text)


def _head(line: str) -> Raised:
    named = RAISED.match(line) or NAMED.search(line) or BARE.search(line)
    return raised(named["type"], named["message"] or "") if named else Raised(type="Error")
