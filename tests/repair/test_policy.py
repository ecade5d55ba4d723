"""What no fix may do, as a table."""

import pytest

from core.models import Crash
from core.policy.sections import FixRules
from core.repair.judge.forbidden_code import names_secret
from core.repair.judge.policy import refuse
from core.repair.sandbox import checkout
from core.repair.types import Candidate, Evidence
from core.vendors.command import git

OLD = 'def f(x):\n    if x == "neg":\n        raise ValueError(x)\n    return 1 / x\n'
TAIL = OLD.split("\n", 1)[1]
CRASH = Crash(
    exception={"type": "ZeroDivisionError"},
    frames=[{"file": "a.py", "function": "f", "locals": {"x": "'order-77'"}}],
)


def refused(path, text):
    return refuse({"a.py": OLD}, Candidate("t", {path: text}, "r"), FixRules(), ["**"], CRASH)


@pytest.mark.parametrize(
    ("path", "text", "reason"),
    [
        ("a.py", OLD, "changes nothing"),
        ("../a.py", "x = 1\n", "not a plain path"),
        ("/a.py", "x = 1\n", "not a plain path"),
        ("tests/test_a.py", "x = 1\n", "may not touch tests"),
        ("A.py", "x = 1\n", "look-alike"),
        ("\u0430.py", "x = 1\n", "look-alike"),
        (".github/x.py", "x = 1\n", "forbids"),
        ("conftest.py", "x = 1\n", "forbids"),
        ("x.sh", "x = 1\n", "not a Python source"),
        ("a.py", OLD + "x = 1\n" * 300, "the fix changes 300 lines"),
        ("a.py", "def f(x):\n    return 1 / x\n", "removes a check"),
        ("a.py", OLD + "try:\n    f(0)\nexcept Exception:\n    print(1)\n", "catches every"),
        ("a.py", OLD + "try:\n    f(0)\nexcept ZeroDivisionError:\n    pass\n", "swallows"),
        ("a.py", OLD + "eval('1')\n", "newly calls eval"),
        ("a.py", "import socket\n" + OLD, "newly imports socket"),
        ("a.py", OLD + "import sys\nsys.exit(0)\n", "newly calls exit"),
        ("a.py", OLD + "f(verify=False)\n", "passes verify=False"),
        ("a.py", OLD + "import os\nos.environ.get('API_TOKEN', 'abc')\n", "gives API_TOKEN a default"),
        ("a.py", OLD + "SIGNING_KEY = 'k9Xq'\n", "writes a secret into SIGNING_KEY"),
        ("a.py", OLD + "SIGNING_KEY: str = 'k9Xq'\n", "writes a secret into SIGNING_KEY"),
        ("a.py", OLD + "y = 1  # noqa\n", "silences a checker"),
        ("a.py", f"def f(x):\n    if x == 'order-77':\n        return 0\n{TAIL}", "special-cases"),
        ("a.py", "def f(:\n", "not valid Python"),
    ],
)
def test_refused(path, text, reason):
    assert reason in refused(path, text)


@pytest.mark.parametrize(
    ("generator", "grade", "error", "is_refused"),
    [
        ("embedded", Evidence.DOCUMENTED, "ValueError", False),
        ("embedded", Evidence.STYLE, "ValueError", True),
        ("embedded", Evidence.DOCUMENTED, "OSError", True),
        ("embedded", Evidence.DOCUMENTED, "Exception", True),
        ("openai", Evidence.DOCUMENTED, "ValueError", True),
    ],
)
def test_only_evidence_of_its_own_lets_a_handler_answer_what_cannot_be_read(generator, grade, error, is_refused):
    old = "def f(x):\n    return int(x)\n"
    new = f"def f(x):\n    try:\n        return int(x)\n    except {error}:\n        return 0\n"
    candidate = Candidate("t", {"a.py": new}, "r", grade=grade, generator=generator)
    assert bool(refuse({"a.py": old}, candidate, FixRules(), ["**"], CRASH)) is is_refused


def test_a_file_that_is_not_utf8_is_left_to_people(tmp_path):
    """The rest of its repository is repaired; written anew, its other texts would be lost."""
    (tmp_path / "a.py").write_text(OLD)
    (tmp_path / "b.py").write_bytes(b"# coding: latin-1\nx = '\xe9'\n")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", "--all")
    before = checkout.programs(tmp_path)
    assert before["a.py"] == OLD and sorted(before) == ["a.py", "b.py"]
    candidate = Candidate("t", {"b.py": before["b.py"] + "y = 1\n"}, "r")
    assert refuse(before, candidate, FixRules(), ["**"], CRASH) == "b.py: a file that is not UTF-8"


def test_an_honest_change_passes():
    assert refused("a.py", OLD.replace("return 1 / x", "return 1 / x if x else 0.0")) is None


@pytest.mark.parametrize("condition", ["x * 2 == 6", "x - 7 == 0", "hash(x) == 7", "6 == x + x", "x + 1 in (4, 9)"])
def test_a_computed_signature_of_one_input_is_refused(condition):
    assert "computed condition" in refused(
        "a.py", OLD.replace("    return", f"    if {condition}:\n        return 0\n    return")
    )


@pytest.mark.parametrize("condition", ["x % 2 == 0", "len(x) == 4", "x == 0", "x < 5"])
def test_a_rule_is_no_signature(condition):
    changed = OLD.replace("    return", f"    if {condition}:\n        return 0\n    return")
    assert refused("a.py", changed) is None


SECRETS = """
SECRET_KEY secret client_secret SIGNING_KEY signingKey sign_key SIGNATURE_KEY ENCRYPTION_KEY encryptionKeys encrypt_key
DECRYPTION_KEY CIPHER_KEY ACCESS_KEY AWS_ACCESS_KEY_ID access-key HMAC_KEY hmacKey AES_KEY JWT_KEY FERNET_KEY MASTER_KEY
SSH_KEY DEPLOY_KEY WEBHOOK_KEY AUTH_KEY AUTH_HEADER authHeader APP_KEY API_KEY apikey x-api-key PRIVATE_KEY PASSPHRASE
password PASSWD DB_PWD SALT password_salt passwordSalt PEPPER API_TOKEN credentials
"""
PLAIN = """
key keys KEY cache_key cacheKey sort_key sortKey primary_key foreign_key public_key publicKey group_key partition_key
dict_key row_key idempotency_key keyboard keyword api_keyword monkey turkey hotkey design_key assign_keys signal_key
salted basalt assault exalted peppermint PWD compass access_level author header auth_method
"""


@pytest.mark.parametrize("name", SECRETS.split())
def test_a_secrets_name(name):
    assert names_secret(name)


@pytest.mark.parametrize("name", PLAIN.split())
def test_no_secrets_name(name):
    assert not names_secret(name)


@pytest.mark.parametrize(
    ("path", "hidden"),
    [
        ("yaml.py", "yaml"),
        ("requests/__init__.py", "requests"),
        ("src/bandit/core.py", "bandit"),
        ("lib/coverage.py", "coverage"),
        ("pydantic_core.py", "pydantic_core"),
        ("shop/json.py", "json"),
        ("shop/requests.py", ""),  # inside of a package it hides nothing
        ("vendored/yaml/more.py", ""),  # that folder is there already
        ("rules.py", ""),
    ],
)
def test_a_new_file_hides_no_installed_module(path, hidden):
    before = {"a.py": OLD, "shop/__init__.py": "", "lib/x.py": "", "vendored/yaml/one.py": ""}
    reason = refuse(before, Candidate("t", {path: "x = 1\n"}, "r"), FixRules(), ["**"]) or ""
    assert reason.endswith(f"hides the module {hidden}") if hidden else reason == ""
