import pytest

from core import runtime
from core.runtime import Runtime
from tests import screens


@pytest.fixture
def console(tmp_path):
    """The settings of a console on a store with one person per role, and the runtime of its actions."""
    settings = screens.open_console(tmp_path, database=screens.with_workflows)
    runtime.use(Runtime(settings))
    return settings
