"""A generated test may set up a request as the repository's own tests do, and reads no environment."""

import pytest

from core.repair.prove.generated_tests import refused
from core.repair.types import RegressionTest

OWN = "import os\nfrom shop import request\n\n\ndef test_a():\n    request.environ['A'] = 'b'\n    os.environ['A']\n"
BEFORE = {"shop.py": "request = 1\n", "tests/test_a.py": OWN}


@pytest.mark.parametrize(
    ("statement", "may"),
    [
        ("request.environ['SINCE'] = ''", True),
        ("os.environ['A']", True),  # the very statement
        ("os.environ['B']", False),
        ("request.app.environ['B']", False),
        ("request.environ[os.environ['B']] = 1", False),
        ("request.environ.__class__.__subclasses__()", False),
    ],
)
def test_a_request_of_the_own_tests_is_no_environment(statement, may):
    text = f'"""KeyError."""\n\nimport os\nfrom shop import request\n\n\ndef test_x():\n    {statement}\n'
    assert (not refused(RegressionTest("tests/test_regression_0123456789.py", text), BEFORE)) is may
