"""The platform's own comments on pull requests, found by a hidden marker and by who wrote them.

Anybody can write the marker into a comment. So it counts only in a comment of the token's own account (GET /user, asked
once). The token of a GitHub App has no account and GET /user refuses it; then it counts in any app's comment, because
only the owners of the repository install apps there.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from core.vendors.base import VendorError
from core.vendors.http import Http

REFUSED = (401, 403, 404)  # to a token without an account; a rate limit is a 403, too, but passes


class OwnComments:
    def __init__(self, http: Http):
        self.http = http

    @cached_property
    def login(self) -> str:
        """The token's account in lower case; empty if it has none. Raises VendorError for faults that may pass."""
        try:
            return str(self.http.get("/user").json().get("login") or "").lower()
        except VendorError as error:
            if error.status not in REFUSED or not error.permanent:
                raise
            return ""

    def marked(self, rows: Iterable[dict], marker: str) -> bool:
        """Has the platform written one of these comments with this marker?"""
        return any(marker in (row.get("body") or "") and self._ours(row.get("user") or {}) for row in rows)

    def _ours(self, user: dict) -> bool:
        return str(user.get("login")).lower() == self.login if self.login else user.get("type") == "Bot"
