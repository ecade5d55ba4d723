"""The console on a store of its own, and a host that keeps a head of the audit trail."""

from __future__ import annotations

import pytest

from core import runtime
from core.audit import head
from core.db import store
from core.runtime import Runtime
from tests import screens
from tests.access.conftest import cheap_hashes, console  # noqa: F401 - the fixtures
from tests.attacks.chain import sql, write
from tests.postgres import postgres


@pytest.fixture(scope="module")
def server():
    with postgres() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def host(request, tmp_path):
    """A host whose head names row 6 of 6, and has been sent nowhere yet."""
    settings = screens.open_console(tmp_path)
    if request.param == "postgresql":
        settings = settings.model_copy(update={"database_url": request.getfixturevalue("server")})
        store.open_store(settings.database)
        sql("DELETE FROM auditrow", "DELETE FROM audithead", "DELETE FROM notification",
            "ALTER SEQUENCE auditrow_id_seq RESTART")  # fmt: skip
    runtime.use(Runtime(settings))
    write(6)
    assert head.advance(settings).ok
    return settings
