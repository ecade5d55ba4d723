"""Sealed reports from the sandbox, which the code under test cannot forge unnoticed.

A script gets a key of its own run through a file, reads it and empties the file before it loads any code of the
repository. Each line of its report has a MAC (HMAC-SHA256, RFC 2104) with that key; lines that anything else printed,
appended or rewrote are rejected. Code in the same process could still search the interpreter's memory for the key;
fixes that reach into the interpreter are refused (core/repair/judge/forbidden_code.py).

Uses only the standard library: the first half also runs in the sandbox, prepended to the script.
"""

import hashlib
import hmac
import json
import os


def mac(key, text):
    return hmac.new(key, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()


def key_of(folder):
    """Read the key of this run and remove it from the folder. Empty if it was already read."""
    with open(os.path.join(folder, "key"), "r+b") as file:
        key = file.read()
        file.truncate(0)
    return key


def sealer(key, out):
    """``say(value)`` writes one sealed line of JSON to a text file."""

    def say(value):
        text = json.dumps(value)
        out.write(f"{mac(key, text)} {text}\n")

    return say


def opened(report, key):
    """(values of the lines with a valid seal, number of complete lines without one)."""
    values, forged = [], 0
    for line in report.splitlines(keepends=True):
        seal, _, text = line.removesuffix("\n").partition(" ")
        if hmac.compare_digest(seal.encode("utf-8", "replace"), mac(key, text).encode()):
            values.append(json.loads(text))
        elif line.endswith("\n"):  # a line that the deadline truncated is no forgery
            forged += 1
    return values, forged
