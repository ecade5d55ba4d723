"""The kind of cause of an exception: a table of patterns for its type and message; the first match wins.

Only CODE goes to a fixer; every other kind has a next step for a person.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from core.models import Cause, Crash, Frame, Raised
from core.models.patterns import Linear
from core.signals.grouping.stack import is_outside

HOST = Linear(
    r"host='(?P<quoted>[\w.-]+)'(?:, port=(?P<port>\d+))?|https?://(?P<url>[^\s/'\"<>@]+)"
    r"|\b(?:to|from|at|server|host)\s+[\"'(]*(?P<named>[a-z][\w-]*(?:\.[\w-]+)+(?::\d+)?|[a-z][\w-]*:\d+)"
    r"|\b(?P<pair>[a-z][\w-]*(?:\.[\w-]+)*:\d{2,5})\b|\b(?P<ip>\d+(?:\.\d+){3}(?::\d+)?)\b",
    "i",
    1000,
)
HOST_NAMES = re.compile(r"host|url|endpoint|address|server|base|upstream", re.I)
OWN_RAISE = re.compile(r"^\s*(raise\b|throw\b|assert\b)")
ENVIRONMENT_READ = re.compile(r"os\.environ\[|getenv|process\.env")


@dataclass(frozen=True)
class Rule:
    """``types`` and ``message`` are patterns; one match is enough."""

    cause: Cause
    summary: str
    next_step: str
    types: re.Pattern
    message: Linear


@dataclass(frozen=True)
class CauseVerdict:
    """``raised`` and ``frames`` belong to the deciding exception; ``upstream`` is a host, if named."""

    cause: Cause
    message: str
    next_step: str
    raised: Raised
    frames: tuple[Frame, ...]
    upstream: str = ""


def _rule(cause: Cause, types: str, message: str, summary: str, next_step: str) -> Rule:
    return Rule(cause, summary, next_step, re.compile(rf"^(?:{types})$"), Linear(message, "i", 2000))


STATUS = r"\b(?:http|status|code|returned|error|got)[ :=]*(?:code )?"
SECRET = r"(?:token|api[ _-]?key|credentials?|password|secret|signature)"
REFUSED = r"(?:expired|revoked|invalid|rejected|wrong)"
LACKING = _rule(
    Cause.ENVIRONMENT,
    "MemoryError|OutOfMemoryError|FileNotFoundError|PermissionError|ModuleNotFoundError|NotADirectoryError",
    r"no space left|cannot allocate memory|out of memory|too many open files|read-only file system"
    r"|no such file or directory|disk (?:quota|full)|\bENOSPC\b|\bENOENT\b|\bEMFILE\b",
    "the host lacks something that the program needs",
    "Restore what is missing on the host (disk space, memory, file, permission, variable or package), then retry.",
)
RULES = (
    _rule(
        Cause.ENVIRONMENT,
        "SSL\\w*Error|CertificateError",
        r"certificate verify failed|certificate has expired|SSLV3_ALERT|TLSV1|WRONG_VERSION_NUMBER",
        "the TLS handshake failed",
        "Renew or install the certificate on the host, then retry.",
    ),
    _rule(
        Cause.CREDENTIAL,
        "Unauthorized|Forbidden|AuthenticationError|AuthenticationFailed|InvalidToken|ExpiredToken\\w*"
        "|AccessDenied\\w*|NoCredentialsError|PermissionDenied",
        rf"{STATUS}40[13]\b|\b40[13][: ]+(?:client error|unauthori|forbidden)"
        rf"|{SECRET}\W(?:\w+\W){{0,4}}?{REFUSED}|{REFUSED} (?:\w+ ){{0,2}}{SECRET}"
        r"|authentication failed|access ?denied|InvalidAccessKeyId|unauthori[sz]ed",
        "a credential was refused",
        "Renew the credential at its issuer and store the new one. A code change cannot fix this.",
    ),
    LACKING,
    _rule(
        Cause.DATA,
        "UndefinedTable|UndefinedColumn|IntegrityError|UniqueViolation|ForeignKeyViolation|NotNullViolation",
        r"no such (?:table|column)|(?:relation|column) .* does not exist|violates .* constraint"
        r"|UNIQUE constraint failed|unknown column",
        "the data or its schema is not what the program expects",
        "Compare the schema with the release and run the missing migration, or correct the rows.",
    ),
    _rule(
        Cause.UPSTREAM,
        "Connection\\w*Error|ConnectError|Connect(?:ion)?Timeout\\w*|Read(?:Timeout\\w*|Error)|TimeoutError"
        "|TimeoutException|Timeout|gaierror|MaxRetryError|NewConnectionError|RemoteDisconnected|ServiceUnavailable|BadGateway"
        "|GatewayTimeout|EndpointConnectionError|BrokenPipeError|TooManyRequests",
        r"connection (?:was )?(?:refused|reset|aborted|timed out)|could not connect|timed? ?out|ECONNREFUSED"
        r"|ECONNRESET|ETIMEDOUT|EAI_AGAIN|ENOTFOUND|name or service not known|name resolution"
        rf"|{STATUS}(?:50[0-4]|429)\b"
        r"|\b(?:50[0-4]|429)[: ]+(?:server|client|internal|bad gateway|service unavail|gateway|too many)"
        r"|too many requests|service unavailable|bad gateway|upstream",
        "a dependency did not respond correctly",
        "Check the health of the dependency first. Retry when it has recovered.",
    ),
)


def classify(crash: Crash) -> CauseVerdict:
    """The kind of cause, searched from the root of the exception chain to the reported exception."""
    steps = list(_steps(crash))
    for raised, frames in steps:
        rule = _match(raised, frames)
        if rule:
            host = upstream(crash, raised, frames) if rule.cause in (Cause.UPSTREAM, Cause.CREDENTIAL) else ""
            return CauseVerdict(rule.cause, rule.summary, rule.next_step, raised, frames, host)
    raised, frames = steps[0]
    if frames and not is_outside(frames[-1].file) and OWN_RAISE.match(frames[-1].code):
        step = "Check the input: the program's own validation rejected it."
        return CauseVerdict(Cause.DELIBERATE, "the program rejects this input itself", step, raised, frames)
    if any(f.in_app for f in frames):
        return CauseVerdict(Cause.CODE, "the program does not handle this case", "", raised, frames)
    return CauseVerdict(
        Cause.UNKNOWN, "the stack has no frame of the program", "Find the failing code.", raised, frames
    )


def _steps(crash: Crash) -> Iterator[tuple[Raised, tuple[Frame, ...]]]:
    """Root first. A context counts only if the program raised a new exception while handling it."""
    anew = bool(crash.frames and OWN_RAISE.match(crash.frames[-1].code))
    links = [link for link in crash.chain if link.relation == "cause" or anew]
    yield from ((link, link.frames) for link in reversed(links))
    yield crash.exception, crash.frames


def _match(raised: Raised, frames: tuple[Frame, ...]) -> Rule | None:
    name, message = raised.type.rsplit(".", 1)[-1], raised.message
    if name == "KeyError":  # its message is data; only a missing environment variable is not the code's fault
        read = any(ENVIRONMENT_READ.search(f.code) for f in frames[-2:])
        return LACKING if read else None
    by_type = next((r for r in RULES if r.types.match(name)), None)
    return by_type or next((r for r in RULES if r.message.search(message)), None)


def _host_values(frame: Frame) -> Iterator[str]:
    """Values of local variables that are named like hosts."""
    for name, value in (frame.locals or {}).items():
        if HOST_NAMES.search(name):
            yield value.strip("'\"")


def upstream(crash: Crash, raised: Raised, frames: tuple[Frame, ...]) -> str:
    """The host that did not respond: from the message, the logs, or the innermost locals."""
    messages = [raised.message, crash.exception.message, *crash.logs[-5:]]
    values = [value for frame in reversed(frames or crash.frames) for value in _host_values(frame)]
    for text in (*messages, *values):
        if found := HOST.search(text):
            host = next(filter(None, (found[g] for g in ("quoted", "url", "named", "pair", "ip"))))
            return f"{host}:{found['port']}" if found["port"] else host
    return next((value for value in values if re.fullmatch(r"[a-z][\w.-]{2,80}", value)), "")
