"""The protocols that vendors implement, and the error that they raise."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from typing import ParamSpec, Protocol, TypeVar, runtime_checkable

from core.models import MetricPoint, Record
from core.models.hosts import HostPoint
from core.models.origin import Origin
from core.models.traces import SpanRecord
from core.signals.analysis.types import Conclusion, IssueFacts

P = ParamSpec("P")
T = TypeVar("T")


class VendorError(Exception):
    """A vendor call failed.

    ``permanent`` means that trying again cannot help (a wrong key, a missing right);
    ``retry_after`` is in seconds, if the vendor gave it. The message is for people and never contains a secret.
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
        self.tokens = 0  # that a model spent on an unusable answer


# errors of code that reads JSON of an unexpected shape, depth or size
FAULTS = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError, OSError)


def understood(vendor: str) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Decorates a function that parses a vendor's response: parsing errors become a VendorError."""

    def around(read: Callable[P, T]) -> Callable[P, T]:
        @wraps(read)
        def reader(*args: P.args, **kwargs: P.kwargs) -> T:
            try:
                return read(*args, **kwargs)
            except FAULTS as error:
                message = f"returned an unknown format ({type(error).__name__}: {str(error)[:200]})"
                raise VendorError(vendor, message) from None

        return reader

    return around


class BudgetSpent(VendorError):
    """The calls of this cycle to this vendor are used up; the next cycle continues there. Not an error."""


class Meter:
    """Counts the calls of a cycle against its limit; ``left`` is None without a limit.

    ``vendor_left`` is the number of calls that the vendor's headers still allow. Counting starts with ``begin``.
    """

    def __init__(self, vendor: str, calls: int | None = None):
        self.vendor, self.calls = vendor, calls
        self.left: int | None = None
        self.vendor_left: int | None = None
        self.unreadable = 0  # unreadable records of this cycle, which are logged

    def begin(self) -> None:
        """Start a new cycle."""
        self.left, self.unreadable = self.calls, 0

    def spend(self) -> None:
        """Count one call. Raises BudgetSpent when none is left."""
        if self.left is None:
            return
        if self.left <= 0:
            raise BudgetSpent(
                self.vendor, f"used all {self.calls} calls of this collection cycle; the next one continues"
            )
        self.left -= 1


@dataclass(frozen=True)
class Batch:
    """The content of one page. Store the batch before ``cursor``, so that a crash in between loses nothing.

    ``note`` says what the source cannot read, although all else works.
    """

    records: Sequence[Record] = ()
    metrics: Sequence[MetricPoint] = ()
    cursor: str | None = None
    spans: Sequence[SpanRecord] = ()
    hosts: Sequence[HostPoint] = ()
    note: str = ""


@dataclass(frozen=True)
class Check:
    """The result of a connector's self-check. ``fix`` is what to do, and where."""

    ok: bool
    message: str
    fix: str = ""


class Source(Protocol):
    """Reads signals. ``cursor`` is opaque text from the source; None the first time."""

    name: str
    origin: Origin

    def collect(self, cursor: str | None, until: datetime) -> Iterator[Batch]: ...

    def check(self) -> Check: ...


@runtime_checkable
class Resolver(Protocol):
    """A source that can also close reports."""

    name: str

    def resolve(self, vendor_ids: Sequence[str]) -> int:
        """Close the reports of these records; returns how many those are. Idempotent. Raises VendorError."""
        ...


class HealthSource(Protocol):
    """Returns the newest metric points of services, e.g. while a deployment is watched."""

    name: str

    def points(self, services: Sequence[str], since: datetime, until: datetime) -> list[MetricPoint]:
        """Requests, errors and p95_ms of the intervals that begin within [since, until). Raises only VendorError: no
        other error may end the watch of a release.
        """
        ...


@dataclass(frozen=True)
class Pull:
    number: int
    url: str
    head_sha: str
    merged: bool = False


@dataclass(frozen=True)
class PullState:
    """The state of a pull request: open, merged or closed; ``at`` and ``by`` are when and by whom it ended.

    ``sha`` is its commit on the base branch. ``message`` is the closing comment, which is untrusted text.
    """

    state: str
    sha: str = ""
    at: datetime | None = None
    by: str = ""
    message: str = ""
    url: str = ""


class CodeHost(Protocol):
    """Pull requests of ``repository`` ("owner/name"). Every call is idempotent."""

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
        """The deployments to production that the host knows, newest first; ``since`` is when each went live."""
        ...

    def check_runs(self, repository: str, sha: str) -> list[dict]:
        """The CI checks of a commit, each with name, status and conclusion."""
        ...

    def statuses(self, repository: str, sha: str) -> dict[str, str]:
        """The newest state of each context of a commit."""
        ...

    def check(self) -> Check: ...


@dataclass(frozen=True)
class ReviewFinding:
    """A reviewer's finding; ``severity`` is critical, major, minor or nitpick. The text is untrusted."""

    path: str
    line: int
    severity: str
    message: str


@dataclass(frozen=True)
class ReviewProgress:
    """The state of a review of one commit: waiting, done, limited (retry after ``wait`` seconds) or skipped."""

    state: str
    findings: tuple[ReviewFinding, ...] = ()
    message: str = ""
    wait: float = 0.0


class Reviewer(Protocol):
    """An external review of a pull request."""

    name: str

    def look(self, repository: str, number: int, head: str) -> ReviewProgress: ...

    def ask(self, repository: str, number: int, key: str) -> None: ...


@dataclass(frozen=True)
class Deployed:
    """A deployment at a vendor. ``state`` is QUEUED, BUILDING, WAITING (for a person at the vendor), READY, ERROR,
    CANCELED or BLOCKED; ``url`` includes its scheme. ``vendor_id`` is its identity in this way to production.

    ``since``: for the deployment that serves production, when it began to, if the vendor reports that.
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
    """A channel. ``send`` returns the channel's id of the message, empty if it has none.

    A channel that can change a message also has ``update(reference, message)``.
    """

    name: str

    def send(self, message: Message) -> str: ...

    def check(self) -> Check: ...


class Analyst(Protocol):
    name: str

    def analyze(self, evidence: IssueFacts) -> Conclusion: ...
