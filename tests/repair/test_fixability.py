"""What is for a person, as a table."""

import pytest

from core.models import Crash
from core.repair.localize.fixability import classify


@pytest.mark.parametrize(
    ("kind", "message", "code", "cause"),
    [
        ("ConnectionRefusedError", "[Errno 111]", "connect()", "upstream"),
        ("SSLCertVerificationError", "certificate has expired", "get()", "environment"),
        ("OSError", "[Errno 28] No space left on device", "f.write(x)", "environment"),
        ("MemoryError", "", "x * n", "environment"),
        ("HTTPError", "401 Unauthorized", "get()", "credential"),
        ("OperationalError", "no such column: a", "execute(q)", "data"),
        ("Refused", "already paid", 'raise Refused("already paid")', "deliberate"),
        ("KeyError", "'timed out'", "return d[k]", "code"),
        ("ZeroDivisionError", "division by zero", "return a / b", "code"),
    ],
)
def test_cause(kind, message, code, cause):
    frame = {"file": "a.py", "function": "f", "code": code}
    found = classify(Crash(exception={"type": kind, "message": message}, frames=[frame]))
    assert (found.cause, found.fixable) == (cause, cause == "code")


def test_a_cause_in_the_chain_counts():
    linked = {"type": "TimeoutError", "message": "timed out"}
    frame = {"file": "a.py", "function": "f", "code": "x = y.z"}
    assert not classify(Crash(exception={"type": "AttributeError"}, chain=[linked], frames=[frame])).fixable


@pytest.mark.parametrize(
    ("line", "cause"),
    [
        ('return os.environ["RATE"]', "environment"),
        ('return params.get("id"), os.environ["RATE"]', "environment"),  # another name has a default
        ('return os.environ["RATE"] if os.getenv("MODE") else 1', "environment"),
        ('return os.environ.get("RATE", "1")', "code"),  # elsewhere the program goes without it
        ("return os.getenv('RATE')", "code"),
        ('return os.environ["RATE"]  # optional', "code"),
    ],
)
def test_a_missing_setting_is_optional_only_if_its_own_name_is(line, cause, tmp_path):
    (tmp_path / "a.py").write_text(f"import os\n\n\ndef f(params):\n    {line}\n")
    frames = [
        {"file": "a.py", "line": 5, "function": "f", "code": line},
        {"file": "<frozen os>", "line": 679, "function": "__getitem__", "in_app": False},
    ]
    crash = Crash(exception={"type": "KeyError", "message": "'RATE'"}, frames=frames)
    assert classify(crash, tmp_path).cause == cause
