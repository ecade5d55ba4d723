"""The HTML of /login, /logout and /password."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from console.ui.markup import Safe, tag
from core.access.accounts import DEMO
from core.access.passwords import SHORTEST

DRAWN = (Path(__file__).parent / "icon.svg").read_text(encoding="utf-8")
ICON = Safe(DRAWN.replace("<svg", '<svg aria-hidden="true"', 1))
STYLE = Safe("""<style>
:root{color-scheme:light dark;font:15px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,'Liberation Sans',sans-serif;
--card:light-dark(#fff,#151d2b);--line:light-dark(#c5ccd8,#3a475e);--text:light-dark(#17202e,#e4e9f1);
--muted:light-dark(#55607a,#a3afc4);--do:light-dark(#0062a0,#7cc0ef);--on:light-dark(#fff,#07121f)}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;display:grid;place-items:center;padding:1.2rem;color:var(--text);
background:radial-gradient(60rem 30rem at 50% -8rem,light-dark(#dcebf8,#16304d),transparent),
light-dark(#f7f8fa,#0d131e)}
main{width:100%;max-width:25rem}
.name{display:flex;gap:.8rem;align-items:center;margin:0 0 1.1rem}.name svg{width:44px;height:44px;flex:none}
.name b{display:block;font-size:1.1rem;line-height:1.2}.name span,p,small{color:var(--muted)}
section{background:var(--card);border:1px solid var(--line);border-radius:14px;padding:1.4rem 1.4rem 1.5rem;
margin-bottom:1rem;box-shadow:0 10px 30px light-dark(#17202e14,#0006)}
h1{font-size:1.35rem;margin:0 0 .8rem}h2{font-size:1rem;margin:0 0 .2rem}p{margin:.2rem 0 .8rem}
label{display:block;font-weight:600;margin:.7rem 0 .25rem;font-size:.93rem}
input,select{width:100%;font:inherit;padding:.6rem .7rem;border-radius:8px;border:1px solid var(--line);
background:light-dark(#fff,#0d131e);color:inherit}
button,.go{font:inherit;font-weight:650;border-radius:8px;padding:.6rem 1rem;border:1px solid var(--do);cursor:pointer;
background:var(--do);color:var(--on);width:100%;margin-top:1.1rem;display:block;text-align:center;text-decoration:none}
button:hover,.go:hover{filter:brightness(1.08)}
.quiet{background:none;color:var(--do);margin-top:.6rem}
:is(input,button,a):focus-visible{outline:3px solid light-dark(#56b4e9,#f0c24b);outline-offset:2px}
.says{border-left:4px solid light-dark(#a83f00,#ff9d66);background:light-dark(#fdeadf,#43200d);color:var(--text);
padding:.6rem .8rem;border-radius:6px;margin:0 0 .9rem}
.four{display:grid;grid-template-columns:1fr 1fr;gap:.5rem;margin-top:.7rem}.four button{margin:0;padding:.5rem}
code{font:.9em ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace;background:light-dark(#eef1f5,#0a101a);
padding:.1rem .35rem;border-radius:5px;color:var(--text)}a{color:var(--do)}
</style>""")


def document(title: str, *inner: object) -> str:
    head = tag(
        "head",
        Safe('<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'),
        tag("title", f"{title} - DevOps Intelligence Platform"),
        Safe('<meta name="description" content="Sign in to the DevOps Intelligence Platform">'),
        Safe('<link rel="icon" type="image/svg+xml" href="/icon.svg">'),
        STYLE,
    )
    name = tag("div", ICON, tag("div", tag("b", "DevOps Intelligence Platform"),
               tag("span", "errors in, verified fixes out")), class_="name")  # fmt: skip
    return "<!DOCTYPE html>" + tag("html", head, tag("body", tag("main", name, *inner)), lang="en")


def _alert(words: str) -> Safe | str:
    return tag("div", words, class_="says", role="alert") if words else ""


def _hint(words: str) -> Safe | str:
    return tag("p", words) if words else ""


def _hidden(**fields: str) -> Safe:
    return Safe("".join(_input(name, "hidden", value=value) for name, value in fields.items()))


def _input(name: str, kind: str, **attributes: str) -> Safe:
    return Safe(tag("input", name_=name, type=kind, **attributes).removesuffix("</input>"))


def _field(label: str, name: str, kind: str, complete: str, **more: str) -> Safe:
    put = _input(name, kind, id=name, autocomplete=complete, required="", **more)
    return Safe(tag("label", label, for_=name) + put)


def login(*, ticket: str, to: str, message: str, providers: Sequence[str], demo: str, hint: str = "") -> str:
    form = tag(
        "form",
        _field("Name or e-mail address", "name", "text", "username", autofocus="", autocapitalize="none",
               spellcheck="false", maxlength="100"),
        _field("Password", "password", "password", "current-password", maxlength="200"),
        _hidden(ticket=ticket, next=to),
        tag("button", "Sign in"),
        method="post", action="/login",
    )  # fmt: skip
    return document(
        "Sign in",
        _demo(ticket, to, demo) if demo else "",
        tag(
            "section",
            tag("h1", "Sign in"),
            _alert(message),
            _hint(hint),
            form,
            *(_provider(name, to) for name in providers),
        ),
    )


def _provider(name: str, to: str) -> Safe:
    words = "your organization" if name == "default" else name.capitalize()
    return tag("a", f"Sign in with {words}", href=f"/login/{quote(name)}?next={quote(to, safe='')}", class_="go quiet")


def _demo(ticket: str, to: str, password: str) -> Safe:
    """The demo's people, one click each. The page's ticket is valid for one sign-in."""
    people = (
        tag("form", _hidden(ticket=ticket, next=to, name=role.value, password=password),
            tag("button", f"Sign in as {role.value}"), method="post", action="/login")
        for role in DEMO
    )  # fmt: skip
    return tag(
        "section",
        tag("h2", "This is the demo"),
        tag("p", "The demo has four people, each named after their role. Sign in with one click, or enter a name "
            "and the password ", tag("code", password), "."),
        tag("div", *people, class_="four"),
    )  # fmt: skip


def logout(*, ticket: str, message: str = "") -> str:
    form = tag("form", _hidden(ticket=ticket), tag("button", "Sign out"), method="post", action="/logout")
    stay = tag("a", "Stay signed in", href="/", class_="go quiet")
    return document("Sign out", tag("section", tag("h1", "Sign out?"), _alert(message), form, stay))


def password(*, ticket: str, name: str, message: str = "") -> str:
    least = {"minlength": str(SHORTEST), "maxlength": "200"}
    form = tag(
        "form",
        _input("name", "text", value=name, autocomplete="username", hidden="", readonly=""),
        _field("Current password", "old", "password", "current-password", autofocus="", maxlength="200"),
        _field("New password", "new", "password", "new-password", **least),
        _field("Confirm new password", "again", "password", "new-password", **least),
        _hidden(ticket=ticket),
        tag("button", "Change password"),
        method="post", action="/password",
    )  # fmt: skip
    return document(
        "Change password",
        tag(
            "section",
            tag("h1", "Change password"),
            tag(
                "p", f"For {name}. Use at least {SHORTEST} characters; a few words work best. Your other sessions end."
            ),
            _alert(message),
            form,
            tag("a", "Sign out instead", href="/logout", class_="go quiet"),
        ),
    )
