import pytest
from argon2 import PasswordHasher

from core import runtime
from core.access import passwords
from core.runtime import Runtime
from tests import screens


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch):
    """Hash in a millisecond, not in a fifth of a second; test_accounts.py asserts the product's own parameters."""
    monkeypatch.setattr(passwords, "_hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


@pytest.fixture
def console(tmp_path):
    """The settings of a console on a store with one person per role, and the runtime of its actions."""
    settings = screens.open_console(tmp_path, database=screens.with_workflows)
    runtime.use(Runtime(settings))
    return settings
