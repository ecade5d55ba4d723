"""Reports from inside of the sandbox that the code under test cannot forge unnoticed.

A script gets a key of its own run through a file, reads it and empties the file before it loads any code of the
repository. Each line of its report carries a MAC (HMAC-SHA256, RFC 2104) with that key: what was printed, appended or
rewritten by anything else is not believed. Code in the same process could still look for the key in the interpreter's
memory; fixes that reach into the interpreter are refused (core/repair/judge/forbidden_code.py).

Standard library alone: the first half also runs inside, in front of the script.
"""

import hashlib
import hmac
import json
import os


def mac(key, text):
    return hmac.new(key, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()


def key_of(folder):
    """The key of this run; it is gone from the folder afterwards. Empty when somebody has read it before."""
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
    """(values of the lines that bear the seal, number of whole lines that do not)."""
    values, forged = [], 0
    for line in report.splitlines(keepends=True):
        seal, _, text = line.removesuffix("\n").partition(" ")
        if hmac.compare_digest(seal.encode("utf-8", "replace"), mac(key, text).encode()):
            values.append(json.loads(text))
        elif line.endswith("\n"):  # one that was cut short by the deadline is no forgery
            forged += 1
    return values, forged
