"""Decides whether code can be the cause of a crash. Everything else is escalated, with its cause."""

# ruff: noqa: E501  (the table reads best with a row a line)

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path

from core.models import Cause, Crash, Frame, Raised
from core.repair.localize.python2 import RENAMED
from core.repair.localize.sources import UNREADABLE, tree_of
from core.repair.localize.syntax import covers


@dataclass(frozen=True)
class Fixability:
    """``cause`` is a core.models.Cause value; ``next_step`` is what a person should do first."""

    fixable: bool
    cause: str
    message: str
    next_step: str = ""


# (pattern of exception types, pattern of the message, cause, description, next step); the first match wins.
# An empty pattern for types means any type.
_FAULTS = [
    (r"SSL\w*|CertificateError", r"", Cause.ENVIRONMENT, "TLS failed", "Check certificate, chain, host name and clock."),
    (r"", r"CERTIFICATE_VERIFY_FAILED|certificate (verify|has expired)|SSL routines", Cause.ENVIRONMENT, "TLS failed", "Check certificate, chain, host name and clock."),
    (r"MemoryError", r"", Cause.ENVIRONMENT, "memory ran out", "Look at the memory limit and at what grew."),
    (r"", r"Errno 28|No space left|Errno 122|[Qq]uota exceeded|disk (is )?full", Cause.ENVIRONMENT, "the disk is full", "Free space or raise the quota."),
    (r"", r"Errno 24|Too many open files|Errno 12\b|Cannot allocate memory|can't start new thread", Cause.ENVIRONMENT, "a system limit was reached", "Look at open files, threads and memory of the process."),
    (r"PermissionError", r"", Cause.ENVIRONMENT, "the system denied access", "Check owner and mode of the file, and the service's user."),
    (r"", r"Read-only file system|Errno 30|Errno 5\b", Cause.ENVIRONMENT, "the file system cannot be written", "Check the volume and its mount."),
    (r"FileNotFoundError|NotADirectoryError", r"", Cause.ENVIRONMENT, "a file is missing", "Check that the deployment ships or mounts the file."),
    (r"ModuleNotFoundError", r"", Cause.ENVIRONMENT, "a package is missing", "Check the installed packages of the release."),
    (r"Connection\w*Error|ConnectionError|BrokenPipeError|gaierror|herror|Timeout\w*|\w*Timeout(Error)?|URLError|\w*ConnectError|\w*ConnectionError|RemoteDisconnected|IncompleteRead|MaxRetryError|NewConnectionError|EndpointConnectionError|ProtocolError|NetworkError|InterfaceError", r"", Cause.UPSTREAM, "another system did not answer", "Check that system, its address and the network."),
    (r"", r"Errno (101|104|110|111|113)\b|Connection (refused|reset)|Name or service not known|Temporary failure in name resolution|Network is unreachable|timed out|HTTP Error 5\d\d|(503|502|504) ", Cause.UPSTREAM, "another system did not answer", "Check that system, its address and the network."),
    (r"\w*(Auth\w*|Credentials?|Token|Login|Forbidden|Unauthorized)\w*Error|InvalidClientTokenId|AccessDenied\w*|Unauthorized|Forbidden|NoCredentialsError", r"", Cause.CREDENTIAL, "sign-in was refused", "Check and renew the credential."),
    (r"", r"\b401\b|\b403\b|[Aa]uthentication failed|password authentication|[Aa]ccess denied|[Ii]nvalid (api key|token|credentials)|token (has )?expired|ExpiredToken|SignatureDoesNotMatch", Cause.CREDENTIAL, "sign-in was refused", "Check and renew the credential."),
    (r"UndefinedTable|UndefinedColumn|IntegrityError|ProgrammingError|DataError|DatabaseError|OperationalError|NotNullViolation|UniqueViolation|ForeignKeyViolation", r"", Cause.DATA, "the database or its schema does not fit", "Check the migrations of this release, and the rows it names."),
    (r"", r"no such (table|column)|database is locked|malformed|relation .* does not exist|checksum mismatch|constraint failed", Cause.DATA, "the database or its data does not fit", "Check migrations, locks and the rows it names."),
    (r"BadZipFile|UnpicklingError|BadGzipFile|ReadError", r"", Cause.DATA, "a file is damaged", "Look at where the file came from."),
    (r"SystemExit|KeyboardInterrupt|GeneratorExit", r"", Cause.ENVIRONMENT, "the program was ended", "Look for who or what ended it."),
]  # fmt: skip
_GENERIC = {"KeyError", "IndexError", "AttributeError", "TypeError", "ValueError", "ZeroDivisionError"}


def classify(crash: Crash, tree: Path | None = None) -> Fixability:
    """Classify a crash: fault of the environment or the data, deliberate refusal, or a crash that code can cause."""
    for raised in (crash.exception, *crash.chain):
        fault = _fault(raised)
        if fault:
            return fault
    deepest = deepest_in_app(crash)
    if deepest is None:
        return Fixability(False, Cause.UNKNOWN, "No frame of the program is in the report.", "Look at the log.")
    if name := _setting(crash, tree):
        return Fixability(
            False,
            Cause.ENVIRONMENT,
            f"The setting {name} is missing from the environment.",
            f"Set {name} for this service.",
        )
    if _deliberate(crash, deepest, tree):
        return Fixability(
            False,
            Cause.DELIBERATE,
            f"{deepest.function} in {deepest.file} raises {crash.exception.type} on purpose.",
            "Find the origin of the refused input.",
        )
    return Fixability(True, Cause.CODE, f"{crash.exception.type} in {deepest.function}.")


def _fault(raised: Raised) -> Fixability | None:
    kind = raised.type.rsplit(".", 1)[-1]
    for types, words, cause, what, step in _FAULTS:
        if types and not re.fullmatch(types, kind):
            continue
        if kind == "ModuleNotFoundError" and _renamed(raised.message):
            return None
        if words and (kind in _GENERIC or not re.search(words, raised.message)):
            continue
        return Fixability(False, cause, f"{kind}: {what}.", step)
    return None


def _renamed(message: str) -> bool:
    """Is the missing module one of the standard library under its Python 2 name, so that no package is missing?"""
    match = re.search(r"No module named '([\w.]+)'", message)
    return bool(match) and match[1] in RENAMED


def deepest_in_app(crash: Crash) -> Frame | None:
    return next((frame for frame in reversed(crash.frames) if frame.in_app), None)


def _setting(crash: Crash, tree: Path | None) -> str:
    """The name of an unset environment variable, unless the program indicates that it is optional."""
    name = crash.exception.message.strip("'\"")
    if not _reads_environment(crash):
        return ""
    texts = [p.read_text("utf-8", "replace") for p in sorted(tree.rglob("*.py"))[:400] if p.is_file()] if tree else []
    lines = [line for text in texts for line in text.splitlines() if name in line]
    optional = any(_MAY_BE_UNSET.search(line) or _asked_for(name, line) for line in lines)
    return "" if optional and not re.search(r"KEY|TOKEN|SECRET|PASSWORD|CREDENTIAL", name) else name


_MAY_BE_UNSET = re.compile(r"\b(optional|defaults?|unset|without|if set|may be)\b")


def _asked_for(name: str, line: str) -> bool:
    """Does the line read the name itself by a call that gives something if it is unset?"""
    return any(f"{call}({quote}{name}{quote}" in line for call in (".get", "getenv") for quote in "'\"")


def _reads_environment(crash: Crash) -> bool:
    """Is the crash a lookup of a missing key in ``os.environ``?"""
    last = crash.frames[-1]
    inside = re.search(r"(^|/)os\.py$|<frozen os>$", last.file) and last.function == "__getitem__"
    return bool(inside) and crash.exception.type == "KeyError"


def _deliberate(crash: Crash, frame: Frame, tree: Path | None) -> bool:
    """Is the innermost frame one of the program, at a raise statement?"""
    if crash.frames[-1] is not frame:
        return False  # a library raised it, called with wrong data, which code can cause
    return frame.code.strip().startswith("raise") or _is_raise(frame, tree)


def narrows(node: ast.Assert) -> bool:
    """Is it an assertion without a message such as ``assert node is not None`` or ``assert isinstance(node, Tag)``?

    These only narrow a type for a type checker and do not refuse an input.
    """
    match node.test:
        case ast.Compare(ops=[ast.IsNot()], comparators=[ast.Constant(value=None)]):
            return node.msg is None
        case ast.Call(func=ast.Name(id="isinstance")):
            return node.msg is None
    return False


def _is_raise(frame: Frame, tree: Path | None) -> bool:
    path = tree / frame.file if tree else None
    if tree is None or path is None or not path.is_file() or not path.resolve().is_relative_to(tree.resolve()):
        return False
    try:
        nodes = ast.walk(tree_of(path.read_text(encoding="utf-8")))
    except UNREADABLE:
        return False
    own = [n for n in nodes if isinstance(n, ast.Raise | ast.Assert) and covers(n, frame.line)]
    return any(isinstance(n, ast.Raise) or not narrows(n) for n in own)
