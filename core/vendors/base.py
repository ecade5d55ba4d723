"""What a vendor must offer, and the one way it fails."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from typing import ParamSpec, Protocol, TypeVar, runtime_checkable

from core.models import MetricPoint, Record
from core.models.origin import Origin
from core.signals.analysis.types import Conclusion, IssueFacts

P = ParamSpec("P")
T = TypeVar("T")


class VendorError(Exception):
    """A vendor call failed.

    ``permanent`` means that trying again cannot help (a wrong key, a missing right);
    ``retry_after`` is in seconds, when the vendor named it. The message is for a person's eyes
    and never holds a secret.
    """

    def __init__(
        self,
        vendor: str,
        message: str,
        *,
        permanent: bool = False,
        status: int | None = None,
        retry_after: float | None = None,
    ):
        super().__init__(f"{vendor}: {message}")
        self.vendor, self.message, self.permanent = vendor, message, permanent
        self.status, self.retry_after = status, retry_after
        self.tokens = 0  # that a model spent on an answer of no use


# errors of code that reads JSON of an unexpected shape, depth or size
FAULTS = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError, OSError)


def understood(vendor: str) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """For a function that parses a vendor's response: what it cannot parse becomes a VendorError."""

    def around(read: Callable[P, T]) -> Callable[P, T]:
        @wraps(read)
        def reader(*args: P.args, **kwargs: P.kwargs) -> T:
            try:
                return read(*args, **kwargs)
            except FAULTS as error:
                says = f"returned an unknown format ({type(error).__name__}: {str(error)[:200]})"
                raise VendorError(vendor, says) from None

        return reader

    return around


class BudgetSpent(VendorError):
    """The calls of this cycle to this vendor are used up; the next cycle continues from there. Not an error."""


class Meter:
    """Counts the calls of a cycle against its limit; ``left`` is None without a limit.

    ``vendor_left`` is what the vendor's own headers say that it still allows. Counting starts with ``begin``.
    """

    def __init__(self, vendor: str, calls: int | None = None):
        self.vendor, self.calls = vendor, calls
        self.left: int | None = None
        self.vendor_left: int | None = None
        self.unreadable = 0  # records of this round that made no sense; the log says which

    def begin(self) -> None:
        """A new round."""
        self.left, self.unreadable = self.calls, 0

    def spend(self) -> None:
        """One call. Raises BudgetSpent when there is none left."""
        if self.left is None:
            return
        if self.left <= 0:
            raise BudgetSpent(
                self.vendor, f"used all {self.calls} calls of this collection cycle; the next one continues"
            )
        self.left -= 1


@dataclass(frozen=True)
class Batch:
    """The content of one page. Store the batch, then ``cursor``: a crash in between loses nothing."""

    records: Sequence[Record] = ()
    metrics: Sequence[MetricPoint] = ()
    cursor: str | None = None


@dataclass(frozen=True)
class Check:
    """The result of a connector's self-check. ``fix`` says what to do and where."""

    ok: bool
    says: str
    fix: str = ""


class Source(Protocol):
    """Reads signals. ``cursor`` is opaque text from the source; None the first time."""

    name: str
    origin: Origin

    def collect(self, cursor: str | None, until: datetime) -> Iterator[Batch]: ...

    def check(self) -> Check: ...


@runtime_checkable
class Resolver(Protocol):
    """A source that can also close a report."""

    name: str

    def resolve(self, vendor_id: str) -> None: ...


class HealthSource(Protocol):
    """Returns the metric points of services, including the newest, e.g. while a deployment is watched."""

    name: str

    def points(self, services: Sequence[str], since: datetime, until: datetime) -> list[MetricPoint]:
        """Requests, errors and p95_ms of the intervals that begin within [since, until)."""
        ...


@dataclass(frozen=True)
class Pull:
    number: int
    url: str
    head_sha: str
    merged: bool = False


@dataclass(frozen=True)
class PullState:
    """What became of a pull request: open, merged or closed; ``at`` and ``by`` are of its end.

    ``sha`` is the commit that carries it on the base branch. ``says`` is the closing comment: a stranger's text.
    """

    state: str
    sha: str = ""
    at: datetime | None = None
    by: str = ""
    says: str = ""
    url: str = ""


class CodeHost(Protocol):
    """Pull requests of ``repository`` ("owner/name"). Each call first checks whether it was already done."""

    name: str

    def open_pull(self, repository: str, branch: str, base: str, title: str, body: str) -> Pull: ...

    def set_status(
        self, repository: str, sha: str, context: str, state: str, description: str, url: str = ""
    ) -> None: ...

    def comment(self, repository: str, number: int, key: str, body: str) -> None: ...

    def merge(self, repository: str, number: int, head_sha: str) -> str: ...

    def close_pull(self, repository: str, number: int, head_sha: str, key: str, body: str) -> None: ...

    def pull_state(self, repository: str, number: int) -> PullState: ...

    def releases(self, repository: str) -> list[Deployed]:
        """What deployments to production the host knows of, newest first; ``since`` is when each was live."""
        ...

    def check(self) -> Check: ...


@dataclass(frozen=True)
class ReviewFinding:
    """A reviewer's finding; ``severity`` is critical, major, minor or nitpick. The text is a stranger's."""

    path: str
    line: int
    severity: str
    says: str


@dataclass(frozen=True)
class ReviewProgress:
    """How far a review of one commit is: waiting, done, limited (ask again after ``wait`` seconds) or skipped."""

    state: str
    findings: tuple[ReviewFinding, ...] = ()
    says: str = ""
    wait: float = 0.0


class Reviewer(Protocol):
    """An external review of a pull request."""

    name: str

    def look(self, repository: str, number: int, head: str) -> ReviewProgress: ...

    def ask(self, repository: str, number: int, key: str) -> None: ...


Pin = tuple[str, str]  # a package of PyPI, by its canonical name, and a version


@dataclass(frozen=True)
class Vulnerability:
    """A published advisory. Its texts are a stranger's: one line each, cut, without control characters."""

    id: str
    aliases: tuple[str, ...] = ()
    summary: str = ""
    severity: str = ""  # LOW to CRITICAL, or a CVSS vector; empty if not rated
    fixed: tuple[str, ...] = ()  # versions with the cure, of each line of releases

    @property
    def names(self) -> set[str]:
        return {self.id, *self.aliases}


class Advisories(Protocol):
    """Knows the published vulnerabilities of packages; ``where`` says for a person who was asked."""

    name: str
    where: str

    def known(self, pins: Collection[Pin]) -> dict[Pin, list[Vulnerability]]: ...

    def check(self) -> Check: ...


@dataclass(frozen=True)
class Deployed:
    """``state`` is QUEUED, BUILDING, WAITING (for a person at the vendor), READY, ERROR, CANCELED or BLOCKED; ``url``
    has its scheme. ``vendor_id`` names what production serves, as this way to production tells it apart.

    ``since``: of what serves production, when it began to, where the vendor says so.
    """

    vendor_id: str
    url: str
    state: str
    sha: str = ""
    note: str = ""
    since: datetime | None = None


@dataclass(frozen=True)
class Question:
    """The approval that a message asks for, and its state: pending, approved, rejected, expired or stale."""

    approval_id: int
    issue_id: int
    patch_hash: str
    state: str = "pending"
    by: str = ""


@dataclass(frozen=True)
class Message:
    key: str
    subject: str
    body: str
    link: str = ""
    question: Question | None = None
    receiver: str = ""  # the only one to get it; empty: everyone on the channel


class Notifier(Protocol):
    """``send`` returns the channel's id of the message, empty without one.

    One that can also change a message has ``update(reference, message)``.
    """

    name: str

    def send(self, message: Message) -> str: ...

    def check(self) -> Check: ...


class Analyst(Protocol):
    name: str

    def analyze(self, evidence: IssueFacts) -> Conclusion: ...
