"""Runs in the sandbox as a script: evaluates calls on variants of the tree and writes each call's outcome.

It uses only the standard library and imports nothing of the platform; sealed.py, nearness_inside.py and others are
prepended. A job is JSON: ``calls`` [[imports, setup, expression]...], ``variants`` [{path: text}...], ``observe``
(frames of errors), ``steps`` and ``owners`` (see nearness_inside.py), ``work`` (see work_inside.py). If forking is
possible, each variant has its own process. Each outcome is one JSON line.
"""

import ast
import asyncio
import contextlib
import hashlib
import importlib
import importlib.machinery
import io
import json
import linecache
import os
import random
import re
import signal
import sys
import tempfile
import traceback
import types

TYPE_CHECKING = False
if TYPE_CHECKING:  # prepended to this script
    from core.repair.sandbox.frames_inside import safe, values
    from core.repair.sandbox.nearness_inside import Nearness, objects
    from core.repair.sandbox.sealed import key_of, sealer
    from core.repair.sandbox.work_inside import worked

ROOT = os.getcwd()
CALL_SECONDS, SLOW_SECONDS, IMPORT_SECONDS, LATE_CALLS = 1.0, 10.0, 10.0, 4
COUNTED = 2  # variants whose calls are counted: the old and the new code
PLAIN = (type(None), bool, int, float, str, bytes, list, tuple, dict, set)
WRAPPERS = {"asyncio.run", "list", "dict"}
NARROWS = re.compile(r"assert (isinstance\([^()]*\)|[^,]* is not None)$")  # as localize/fixability.py has it


class Late(BaseException):
    """A call took too long; a BaseException, so that no handler of the program catches it."""


def late(*_):
    raise Late


def within(seconds):
    """Interrupt the code that follows after ``seconds`` of CPU time or four times as many of real time; 0 cancels this.

    Code that waits again while it ends is interrupted again.
    """
    signal.setitimer(signal.ITIMER_PROF, seconds, seconds)
    signal.setitimer(signal.ITIMER_REAL, 4 * seconds, seconds)


def text(value, depth=4):
    """A description of a value without addresses, with sorted sets, and objects by their attributes."""
    kind = type(value)
    if depth and kind in (dict, list, tuple):
        items = value.items() if kind is dict else value
        return f"{kind.__name__}[{', '.join(text(i, depth - 1) for i in items)}]"
    if kind in (set, frozenset):
        return f"{kind.__name__}[{', '.join(sorted(map(repr, value)))}]"
    if depth and kind.__repr__ is object.__repr__ and hasattr(value, "__dict__"):
        held = ", ".join(f"{k}={text(v, depth - 1)}" for k, v in vars(value).items())
        return f"{kind.__name__}({held})"
    own = f"{id(value):x}"  # ``<Template memory:7f13...>`` has its address in its own format
    return re.sub(r" at 0x[0-9a-f]+", "", repr(value)).replace(own, "")


def short(value):
    full = text(value)
    return full if len(full) < 400 else f"{full[:300]}… {hashlib.sha256(full.encode()).hexdigest()[:16]}"


def evaluate(expression, space):
    """The value of the expression, and the receiver and arguments after the call."""
    node = ast.parse(expression, mode="eval").body
    call = node.args[0] if isinstance(node, ast.Call) and ast.unparse(node.func) in WRAPPERS and node.args else node
    held = hold(call, space) if isinstance(call, ast.Call) else {}
    whole = compile(ast.fix_missing_locations(ast.Expression(node)), "<call>", "eval")
    space.update(held)
    value = eval(whole, space)
    literal = written_out(value)
    if isinstance(value, types.GeneratorType):
        value = list(value)
    if asyncio.iscoroutine(value):
        value.close()
    kept = [v for v in held.values() if not isinstance(v, (types.ModuleType, type, types.CoroutineType))]
    return value, literal, kept


def written_out(value):
    """The value as a literal; empty if it has none."""
    full = repr(value) if type(value) in PLAIN else ""
    try:
        return full if full and len(full) < 400 and ast.literal_eval(full) == value else ""
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return ""


def hold(call, space):
    """Evaluate the call's receiver and arguments and replace them by names; returns the values by name."""
    held = {}

    def named(part):
        if isinstance(part, (ast.Constant, ast.Starred)):
            return part
        name = f"_held{len(held)}"
        held[name] = eval(ast.unparse(part), space)
        return ast.Name(name, ast.Load())

    if isinstance(call.func, ast.Attribute):
        call.func.value = named(call.func.value)
    call.args = [named(a) for a in call.args]
    for keyword in call.keywords:
        keyword.value = named(keyword.value)
    return held


def outcome(call, spaces, observe, way, owners, seconds):
    """The outcome of a call, with its nearness to the crash, and the objects of the ``owners`` that it created."""
    space: dict[str, object] = {}
    said = done(call, spaces, observe, way, space, seconds)
    if way.near:
        said["near"] = way.near
    if owners:
        said["objects"] = objects(space, owners)
    return said


def done(call, spaces, observe, way, space, seconds) -> dict:
    imports, setup, expression = call
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            within(IMPORT_SECONDS)
            if imports not in spaces:
                spaces[imports] = {"__name__": "call"}
                exec(imports, spaces[imports])
            space.update(spaces[imports])
            within(seconds)
            with way:
                exec(setup, space)
                value, literal, held = evaluate(expression, space)
            space["_value"] = value
            said = f"{type(value).__name__} {short(value)}"
            said += f" | {short(held)}" if held else ""
            said += f" > {printed.getvalue()[:400]}" if printed.getvalue() else ""
            return {"result": said, "literal": literal}
    except BaseException as error:  # whatever the call raises is the outcome, including SystemExit and Late
        within(0)
        spaces.pop(imports, None)
        return failure(error, observe)
    finally:
        within(0)


def ready(call, spaces):
    """The call as code, which makes its own arguments, and the names that it reads."""
    imports, setup, expression = call
    space = dict(spaces[imports])
    exec(setup, space)
    return compile(expression, "<call>", "eval"), space


def failure(error, observe):
    """The error with the innermost frame of the tree; deliberate if it comes from that frame's own raise statement."""
    entries = list(traceback.walk_tb(error.__traceback__))
    own = [(frame, line) for frame, line in entries if frame.f_code.co_filename.startswith(ROOT + os.sep)]
    said: dict[str, object] = {"error": type(error).__name__, "text": str(error)[:500]}
    if not own:
        return said
    frame, line = own[-1]
    code = linecache.getline(frame.f_code.co_filename, line).strip()
    said.update(file=relative(frame), function=frame.f_code.co_name, line=line)
    said["deliberate"] = frame is entries[-1][0] and code.startswith(("raise", "assert")) and not NARROWS.match(code)
    if observe:
        said["frames"] = [seen(tb) for tb in chain(error.__traceback__)]
    return said


def chain(tb):
    while tb:
        yield tb
        tb = tb.tb_next


def relative(frame):
    path = frame.f_code.co_filename
    return path[len(ROOT) + 1 :] if path.startswith(ROOT + os.sep) else path


def seen(tb):
    """A frame with its locals, the values on its line, and the span of the expression that failed."""
    frame, line = tb.tb_frame, tb.tb_lineno
    own = frame.f_code.co_filename.startswith(ROOT + os.sep)
    spans = list(frame.f_code.co_positions()) if sys.version_info >= (3, 11) else []
    span = spans[tb.tb_lasti // 2] if tb.tb_lasti // 2 < len(spans) else None
    return {
        "file": relative(frame), "line": line, "function": frame.f_code.co_name, "in_app": own,
        "code": linecache.getline(frame.f_code.co_filename, line).strip(),
        "span": span if span and None not in span else None,
        "locals": noted(frame, line) if own else None,
    }  # fmt: skip


def noted(frame, line):
    """The locals first, then the line's expressions, whose evaluation may take time."""
    found = {n: safe(v) for n, v in frame.f_locals.items()}
    within(CALL_SECONDS)
    with contextlib.suppress(Late):
        found = {**values(frame, line), **found}
    within(0)
    return found


def run(job, out, number, say):
    spaces, slow, way = {}, 0, Nearness(job.get("steps", ()), ROOT)
    for index, call in enumerate(job["calls"]):
        if slow > LATE_CALLS:
            break
        determined(index)
        seconds = SLOW_SECONDS if job.get("work") else CALL_SECONDS
        said = outcome(call, spaces, job.get("observe"), way, job.get("owners", ()), seconds)
        if job.get("work") and "result" in said:
            said.update(worked(lambda call=call: ready(call, spaces), job["work"], within, number < COUNTED))
        slow += said.get("error") == "Late"
        say([number, index, said])
        out.flush()  # the outcomes of an interrupted run still count


def determined(number):
    """Chance and random ids are the same for a call on every variant, so that what it gives can be compared."""
    random.seed(number)
    os.urandom = random.Random(number).randbytes  # what uuid4 takes
    setattr(random, "_urandom", os.urandom)  # noqa: B010 - and secrets; no public name


def main(folder):
    key = key_of(folder)  # held only by this call, not by any module
    with open(os.path.join(folder, "job"), encoding="utf-8") as file:
        job = json.load(file)
    report = os.path.abspath(os.path.join(folder, "report"))
    os.dup2(2, 1)
    roots = [os.path.join(ROOT, name) for name in os.environ.get("IMPORT_ROOTS", "").split(":") if name]
    sys.path[:0] = [ROOT] + [path for path in roots if os.path.isdir(path)]
    sys.path += [path for path in (ROOT + "/tests", ROOT + "/test") if not os.path.exists(path + "/__init__.py")]
    for alarm in (signal.SIGALRM, signal.SIGPROF):
        signal.signal(alarm, late)
    configure()
    once = len(job["variants"]) == 1
    for number in range(len(job["variants"])):
        variant(job, report, number, key) if once else load(forked(job, report, number, key))


def configure():
    """Set Django's settings module as pytest-django does, from the option of that name in pytest's configuration."""
    for name in ("pytest.ini", "pyproject.toml", "tox.ini", "setup.cfg"):
        with contextlib.suppress(OSError, UnicodeDecodeError):
            with open(os.path.join(ROOT, name), encoding="utf-8") as file:
                found = re.search(r"""(?m)^DJANGO_SETTINGS_MODULE *= *["']?([\w.]+)""", file.read(100_000))
            if found:
                os.environ.setdefault("DJANGO_SETTINGS_MODULE", found[1])


def variant(job, report, number, key):
    files = job["variants"][number]
    with open(report, "a", encoding="utf-8") as out, added(files):
        overlay(files)
        run(job, out, number, sealer(key, out))


def forked(job, report, number, key):
    """Run a variant in its own process; returns the libraries that it loaded."""
    with tempfile.TemporaryFile("w+") as notes:
        child = os.fork()
        if not child:
            known = set(sys.modules)
            variant(job, report, number, key)
            notes.write(" ".join(name for name, module in sys.modules.items() if name not in known and outside(module)))
            notes.flush()
            os._exit(0)
        os.waitpid(child, 0)
        notes.seek(0)
        return notes.read().split()


def outside(module):
    """Is it a library? Modules of the tree are loaded again by every variant."""
    path = getattr(getattr(module, "__spec__", None), "origin", None)
    return bool(path) and os.path.isabs(path) and not path.startswith(ROOT + os.sep)


def load(libraries):
    """Load the libraries that one variant needed, so that the next ones start with them.

    A library may raise anything while it loads; the variant that imports it gets the same error and reports it.
    """
    for name in libraries:
        with contextlib.suppress(Exception):
            importlib.import_module(name)


def overlay(files):
    """Let imports read these texts instead of the files, which stay unchanged because they may be read-only.

    Compiled code in the tree is never read, because it may belong to another text.
    """
    texts = {os.path.join(ROOT, name): text for name, text in files.items()}
    for path, text in texts.items():
        linecache.cache[path] = (len(text), None, text.splitlines(keepends=True), path)
    loader = importlib.machinery.SourceFileLoader
    plain = loader.get_data

    def read(self, path):
        if path.endswith(".pyc") and path.startswith(ROOT + os.sep):
            raise OSError(path)
        return texts[path].encode() if path in texts else plain(self, path)

    loader.get_data = read


@contextlib.contextmanager
def added(files):
    """Write new files for as long as they are needed, so that imports find them."""
    new = [name for name in files if not os.path.exists(os.path.join(ROOT, name))]
    for name in new:
        os.makedirs(os.path.dirname(os.path.join(ROOT, name)), exist_ok=True)
        with open(os.path.join(ROOT, name), "w", encoding="utf-8") as file:
            file.write(files[name])
    try:
        yield
    finally:
        for name in new:
            os.unlink(os.path.join(ROOT, name))


if __name__ == "__main__":
    main(sys.argv[1])
