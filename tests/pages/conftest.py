import pytest

from tests import screens


@pytest.fixture
def console(tmp_path):
    """The settings of a console on an empty store."""
    return screens.open_console(tmp_path)
