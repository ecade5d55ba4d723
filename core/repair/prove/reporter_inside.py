"""A pytest plugin, loaded inside the sandbox before any code of the repository: reports each test's result, sealed.

Lines: {"collected": [ids]}; {"test", "when", "outcome", "text"} for each phase that did not pass and each call that
passed; at the end {"ended": exit status, "machinery": hooks and plugins}. An interrupted run has no last line.
"""

import os
import sys
import types

import _pytest.main
import _pytest.python
import _pytest.reports
import _pytest.runner
import pytest

TYPE_CHECKING = False
if TYPE_CHECKING:  # prepended to this script
    from core.repair.sandbox.sealed import key_of, sealer

FOLDER = os.path.dirname(os.path.abspath(__file__))
WATCHED = (_pytest.main, _pytest.python, _pytest.reports, _pytest.runner)
DECIDING = [
    f"pytest_{name}"
    for name in (
        *("runtest_protocol", "runtest_setup", "runtest_call", "runtest_teardown", "runtest_makereport"),
        *("runtest_logreport", "pyfunc_call", "collection_modifyitems", "pycollect_makeitem", "ignore_collect"),
        *("generate_tests", "fixture_setup"),
    )
]
CALLED = (types.FunctionType, staticmethod, classmethod)
LONGEST = 20_000  # maximum characters of a failure text; its end names the frame


def inner():
    """The functions with which pytest runs and judges tests, by identity: a replacement could forge results."""
    found = {}
    for module in WATCHED:
        classes = [made for made in vars(module).values() if getattr(made, "__module__", "") == module.__name__]
        for owner in (module, *(made for made in classes if isinstance(made, type))):
            called = {name: made for name, made in vars(owner).items() if isinstance(made, CALLED)}
            found |= {(module.__name__, owner.__name__, name): id(made) for name, made in called.items()}
    return found


class Reporter:
    def __init__(self, key, out):
        self.say, self.out, self.at_first = sealer(key, out), out, inner()

    def tell(self, value):
        self.say(value)
        self.out.flush()

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session):
        self.tell({"collected": [item.nodeid for item in session.items]})

    def pytest_collectreport(self, report):
        if report.outcome != "passed":
            self.phase(report, "collect")

    def pytest_runtest_logreport(self, report):
        if report.outcome != "passed" or report.when == "call":
            self.phase(report, report.when)

    def phase(self, report, when):
        crash = getattr(report.longrepr, "reprcrash", None)
        message = crash.message if crash else ""
        text = "" if report.outcome == "passed" else f"{message}\n{str(report.longrepr)[-LONGEST:]}"
        self.tell({"test": report.nodeid, "when": when, "outcome": report.outcome, "text": text})

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session, exitstatus):
        whole = inner() == self.at_first
        self.tell({"ended": int(exitstatus), "machinery": [f"whole: {whole}", *self.deciding(session.config)]})

    def deciding(self, config):
        for name in DECIDING:
            for found in getattr(config.pluginmanager.hook, name).get_hookimpls():
                plugin = type(found.plugin).__name__ if found.plugin_name.isdigit() else found.plugin_name
                yield f"{name} of {plugin}"


def tidy():
    """Remove the plugin's folder from the path, so that the tests do not see it."""
    sys.path[:] = [path for path in sys.path if os.path.abspath(path) != FOLDER]
    paths = [path for path in os.environ.pop("PYTHONPATH", "").split(os.pathsep) if path]
    if rest := [path for path in paths if os.path.abspath(path) != FOLDER]:
        os.environ["PYTHONPATH"] = os.pathsep.join(rest)
    sys.modules.pop(__name__, None)


def made():
    """The reporter; None in a worker of pytest-xdist, because its main process reports the tests."""
    if key := key_of(FOLDER):
        path = os.path.join(FOLDER, "report")
        return Reporter(key, open(path, "a", encoding="utf-8", errors="surrogatepass"))  # noqa: SIM115 - kept open
    return None


REPORTERS = [made()]


def pytest_configure(config):
    tidy()
    if reporter := REPORTERS.pop():
        config.pluginmanager.register(reporter, "platform-reporter")
