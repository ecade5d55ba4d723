import pytest

from invoicing import store


@pytest.fixture(autouse=True)
def empty_redis():
    store.connection().flushdb()
    store.save_plan("team", seat="9.90", gb="0.25", free_seats="2")
    yield
    store.connection().flushdb()
