"""Passwords: argon2id with the library's parameters (RFC 9106, low-memory profile), and what a new one must be."""

from __future__ import annotations

import secrets
import threading
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

SHORTEST, LONGEST = 12, 200
_hasher = PasswordHasher()
_memory = threading.BoundedSemaphore(2)  # each hash takes 64 MB while it is computed


def hashed(password: str) -> str:
    with _memory:
        return _hasher.hash(password)


@cache
def _nobodys() -> str:
    return hashed(secrets.token_urlsafe())


def matches(kept: str, password: str) -> bool:
    """Is it the password? Without a kept hash (an unknown name) it takes as long, and is not."""
    with _memory:
        try:
            return _hasher.verify(kept or _nobodys(), password[:LONGEST]) and bool(kept) and len(password) <= LONGEST
        except (VerificationError, InvalidHashError):
            return False


def outdated(kept: str) -> bool:
    """Was it hashed with weaker parameters than today's?"""
    return _hasher.check_needs_rehash(kept)


def fault(password: str, name: str) -> str:
    """Why this cannot be a new password; empty when it can (NIST SP 800-63B: length, no composition rules)."""
    if not SHORTEST <= len(password) <= LONGEST:
        return f"a password has {SHORTEST} to {LONGEST} characters"
    if len(set(password)) < 5:
        return "a password needs at least five different characters"
    if name.lower() in password.lower():
        return "a password must not contain the name"
    return ""


def made_up() -> str:
    """A password of 100 random bits, easy to read and type: xxxxx-xxxxx-xxxxx-xxxxx."""
    letters = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(letters) for _ in range(5)) for _ in range(4))
