"""Passwords: argon2id with the library's parameters (RFC 9106, low-memory profile), and the rules for new ones."""

from __future__ import annotations

import re
import secrets
import threading
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from zxcvbn import zxcvbn
from zxcvbn.frequency_lists import FREQUENCY_LISTS

SHORTEST, LONGEST = 12, 200
FEWEST_GUESSES = 1e10  # zxcvbn's highest score: safe even if the hash is stolen
READ = 40  # characters that are judged
TELLING = 4  # characters of a name; a shorter one is a part of many words
PRODUCT = ("devops", "intelligence", "platform", "dip", "devopsintelligence")
ONE_SPELLING = str.maketrans({"@": "4", "{": "(", "[": "(", "<": "(", "!": "1", "|": "1", "$": "5", "+": "7"})
_hasher = PasswordHasher()
_memory = threading.BoundedSemaphore(2)  # each hash takes 64 MB while it is computed


def hashed(password: str) -> str:
    with _memory:
        return _hasher.hash(password)


@cache
def _nobodys() -> str:
    return hashed(secrets.token_urlsafe())


def matches(kept: str, password: str) -> bool:
    """Does the password match? Without a stored hash (an unknown name), the check fails after the same time."""
    against = kept or _nobodys()  # outside of the semaphore, which it takes itself: two first calls would wait for ever
    with _memory:
        try:
            return _hasher.verify(against, password[:LONGEST]) and bool(kept) and len(password) <= LONGEST
        except (VerificationError, InvalidHashError):
            return False


def outdated(kept: str) -> bool:
    """Was it hashed with weaker parameters than today's?"""
    return _hasher.check_needs_rehash(kept)


def fault(password: str, name: str) -> str:
    """Why this password is not acceptable; empty if it is.

    After NIST SP 800-63B: a minimum length, no common passwords, no composition rules.
    """
    if not SHORTEST <= len(password) <= LONGEST:
        return f"Use {SHORTEST} to {LONGEST} characters."
    if len(set(password)) < 5:
        return "Use at least five different characters."
    if _named(password.lower(), name.lower()):
        return "The password must not contain the name."
    if _spelt(password.lower()) in _leaked() or _guesses(password, name) < FEWEST_GUESSES:
        return "This password is easy to guess (common, a name, a keyboard row or a repetition). Use four words."
    return ""


def _named(password: str, name: str) -> bool:
    """Does the password contain the name? A short one only counts as a word of its own, and a single letter never."""
    words = "".join(letter if letter.isalnum() else " " for letter in password).split()
    return name in password if len(name) >= TELLING else name in words and len(name) > 1


def _guesses(password: str, name: str) -> float:
    """How many guesses it takes, as zxcvbn counts them (Wheeler, USENIX Security 2016) over 30,000 leaked passwords,
    names and common words. One spelling of each letter and a bounded length keep its cost to milliseconds.
    """
    own = [*PRODUCT, *filter(None, re.split(r"[^a-z0-9]+", name.lower()))]
    return float(zxcvbn(_spelt(password)[:READ], user_inputs=own)["guesses"])


def _spelt(password: str) -> str:
    return password.translate(ONE_SPELLING)


@cache
def _leaked() -> frozenset[str]:
    return frozenset(map(_spelt, FREQUENCY_LISTS["passwords"]))


def made_up() -> str:
    """A password of 100 random bits, easy to read and type: xxxxx-xxxxx-xxxxx-xxxxx."""
    letters = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(letters) for _ in range(5)) for _ in range(4))
