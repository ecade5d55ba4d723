import pytest

from core import runtime
from tests import screens


@pytest.fixture
def platform(tmp_path):
    """A runtime on an empty store with the shop's services; checkout and payment are critical."""
    return runtime.use(runtime.Runtime(screens.open_console(tmp_path)))
