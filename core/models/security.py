"""The scans of repositories for security findings: what was scanned, and what was found."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field, SQLModel

from core.models.base import _json, _maybe_time


class SecurityScan(SQLModel, table=True):
    """The last scan of a repository. ``found`` maps the name of each open finding to when a scan first saw it."""

    repository: str = Field(primary_key=True)
    sha: str = ""
    at: datetime | None = _maybe_time()
    claimed_until: datetime | None = _maybe_time()  # a process scans it now
    found: dict = _json()  # {"osv:KEY:CVE-2024-40647": {"since": "...", "print": fingerprint of its issue}}
    troubles: dict = _json()  # source -> why it could not be asked in the last scan
