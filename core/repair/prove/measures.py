"""The measures of generated tests: what the platform writes around a call to count its work. Pure.

A generated test must not trace calls or read clocks of its own. The one that asserts the work of a call does, by a text
of the platform: ``bare`` gives the test without that text, so that the rest is checked like any other.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Measure:
    """``module`` is imported for it. ``form`` has the places setup (whole lines), call and bound."""

    module: str
    form: str

    def around(self, imports: str, name: str, setup: str, call: str, bound: float) -> str:
        """The text of the test function ``name`` with its imports."""
        body = self.form.format(setup=f"{setup}\n" if setup else "", call=call, bound=bound)
        head = f"import {self.module}\n\n{imports}" if imports else f"import {self.module}"
        return f"{head}\n\n\ndef {name}():\n{textwrap.indent(body, '    ')}"

    def parts(self, code: str) -> Mapping[str, str] | None:
        """What ``around`` was given; None if the code is not exactly what it gives."""
        head, found, body = code.partition("\n\n\ndef ")
        name, opened, body = body.partition("():\n")
        match = re.fullmatch(self._pattern, textwrap.dedent(body)) if found and opened else None
        if not match or not name.isidentifier() or not head.startswith(f"import {self.module}"):
            return None
        imports = head.removeprefix(f"import {self.module}").removeprefix("\n\n")
        given = {"imports": imports, "name": name, "call": match["call"], "setup": match["setup"].removesuffix("\n")}
        whole = self.around(imports, name, given["setup"], given["call"], match["bound"])  # pyright: ignore[reportArgumentType]
        return given if whole == code else None

    @property
    def _pattern(self) -> str:
        places = {"setup": r"(?P<setup>(?:.*\n)*?)", "call": r"(?P<call>.+)", "bound": r"(?P<bound>\d+(?:\.\d+)?)"}
        text = re.escape(self.form.replace("{{", "\1").replace("}}", "\2"))
        for name, pattern in places.items():
            text = text.replace(re.escape(f"{{{name}}}"), pattern, 1)
            text = text.replace(re.escape(f"{{{name}}}"), f"(?P={name})")
        return text.replace("\1", r"\{").replace("\2", r"\}")


COUNT = Measure(
    "sys",
    """\
counted_calls = 0

def count_call(frame, event, argument):
    nonlocal counted_calls
    counted_calls += event in ("call", "c_call")

{setup}profile_before = sys.getprofile()
sys.setprofile(count_call)
try:
    {call}
finally:
    sys.setprofile(profile_before)
assert counted_calls <= {bound}, f"it makes {{counted_calls}} calls; more than {bound} are the slow code's"
""",
)
RATIO = Measure(
    "time",
    """\
def cost_of(work):
    runs, start = 0, time.process_time()
    while time.process_time() - start < 0.3:
        work()
        runs += 1
    return (time.process_time() - start) / runs

{setup}cost_of_loop = cost_of(lambda: sum(range(200_000)))
ratio_to_loop = cost_of(lambda: {call}) / cost_of_loop
assert ratio_to_loop <= {bound}, f"it costs {{ratio_to_loop:.2f}} fixed loops; more than {bound} is the slow code's"
""",
)


def bare(code: str) -> str:
    """A generated test without the platform's own measure; any other code unchanged."""
    text = code.partition('"""\n\n')[2] if code.startswith('"""') else code
    for measure in (COUNT, RATIO):
        if given := measure.parts(text):
            body = textwrap.indent("\n".join(filter(None, [given["setup"], given["call"]])), "    ")
            return f"{given['imports']}\n\n\ndef {given['name']}():\n{body}\n"
    return code
