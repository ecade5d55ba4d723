"""The five steps of the setup as forms. What they do is in core/setup."""

from __future__ import annotations

import shlex
from functools import partial

import streamlit as st

from console import process
from console.parts import setup
from console.parts.setup import KEYS, given
from console.ui.markup import link, tag
from console.ui.widgets import draw, facts
from core import runtime
from core.access import ingest_tokens
from core.access.rights import Actor
from core.db import store
from core.policy.reader import Policy
from core.setup import delivery, environment, repository, signal, source, writing
from core.setup.jobs import Tell, Work, jobs
from core.setup.repository import RepositoryAnswers
from core.setup.results import SetupFinding

TOKEN = "Token of the service"


# --- repository ------------------------------------------------------------------------------------


def repository_step(policy: Policy, service: str) -> None:
    with st.form("setup-repository", border=True):
        st.text_input("Service", key=KEYS + "service", help="As it calls itself in your monitoring")
        st.text_input("Remote", key=KEYS + "remote", placeholder="https://github.com/acme/shop.git",
                      help="https, ssh, or an absolute path on this machine")  # fmt: skip
        st.text_input("Branch", key=KEYS + "branch", help="The branch that production is built from")
        st.text_input("Folder", key=KEYS + "folder", placeholder="empty: found by itself",
                      help="Where the service lives in the repository, e.g. services/orders")  # fmt: skip
        st.form_submit_button("Check the repository", on_click=setup.start, args=("repository", _check_repository))
    found = setup.outcome("repository")
    if found and found.ok:
        st.button("Save the service", type="primary", on_click=setup.act, args=(_save_repository,))
    with st.expander("The repository is private"):
        draw(tag("p", "An https remote on GitHub is read with GITHUB_TOKEN; an ssh remote with the key of the "
                      "platform's account.", class_="d-muted"))  # fmt: skip
        vendor("github", "private-")


def prefill(policy: Policy, service: str) -> None:
    """The form of the chosen service, when another one is chosen."""
    if st.session_state.get("setup-of") == service:
        return
    st.session_state["setup-of"] = service
    known = policy.services.get(service)
    repo = policy.repositories[known.repository] if known else None
    values = {"service": service, "remote": repo.remote if repo else "", "branch": repo.branch if repo else "main"}
    values["folder"] = repo.folder if repo and repo.folder != "." else ""
    for key, value in values.items():
        st.session_state[KEYS + key] = value
    for name in ("repository", "environment", "examine", "delivery", "event"):
        jobs.drop(name)


def _answers() -> RepositoryAnswers:
    service = given("service")
    known = process.policy()[0].services.get(service)
    return RepositoryAnswers(
        service, known.repository if known else service, given("remote"), given("branch"), given("folder")
    )


def _check_repository(_actor: Actor) -> Work:
    answers = _answers()
    repository.read(answers)
    st.session_state["setup-checked"] = answers
    return partial(repository.check, runtime.current(), answers)


def _save_repository(actor: Actor) -> str:
    """Save what was checked, whatever the form holds by now."""
    answers: RepositoryAnswers = st.session_state["setup-checked"]
    repository.read(answers)
    message = writing.policy(actor, runtime.current(), answers.changes, f"Setup: connect the service {answers.service}")
    st.session_state["setup-next"] = answers.service
    return message


# --- environment -----------------------------------------------------------------------------------


def environment_step(policy: Policy, service: str) -> None:
    draw(tag("p", "The platform finds the folder, the tests and the dependencies, and installs them in a sandbox.",
             class_="d-muted"))  # fmt: skip
    st.button("Find and build", key="setup-build", on_click=setup.start, args=(
        "environment", lambda _: partial(environment.build, runtime.current(), service)))  # fmt: skip
    found = setup.outcome("environment")
    if found and found.ok:
        st.button("Confirm what was found", type="primary", on_click=setup.act, args=(partial(_confirm, service),))
    st.button("Try imports, tests and rights", key="setup-examine", on_click=setup.start, args=(
        "examine", lambda _: partial(environment.examine, runtime.current(), service)))  # fmt: skip
    setup.outcome("examine")


def _confirm(service: str, actor: Actor) -> str:
    changes = environment.confirmed(runtime.current(), service)
    return writing.policy(actor, runtime.current(), changes, f"Setup: the environment of {service} is confirmed")


# --- source ----------------------------------------------------------------------------------------


def source_step(policy: Policy, service: str) -> None:
    ways = [TOKEN, *(name for name in source.VENDORS if name != "github")]
    way = st.segmented_control("Where do its errors come from?", ways, default=TOKEN, required=True, key="setup-source")
    if way != TOKEN:
        vendor(way)
        return
    draw(tag("p", "The service, or a collector beside it, sends with a token of its own: OpenTelemetry, events, log "
                  "lines or Alertmanager.", class_="d-muted"))  # fmt: skip
    st.button("Issue a token", key="setup-token", on_click=setup.act, args=(partial(_issue, service),))
    url = process.settings().public_url
    draw(facts([("OpenTelemetry", f"{url}/otlp"), ("Alertmanager", f"{url}/hooks/alertmanager")]))
    body = '{"type": "ValueError", "message": "a first event"}'
    st.code(f'curl {url}/ingest/events -H "Authorization: Bearer $TOKEN" -d {shlex.quote(body)}', language="bash")


def _issue(service: str, actor: Actor) -> str:
    st.session_state["once"] = (f"Ingest token of {service}", ingest_tokens.issue(service, "setup", by=actor.name))
    return f"A token of {service} was issued. It only sends signals."


def vendor(name: str, prefix: str = "") -> None:
    """The variables of a vendor: asked for, tried, and written to ``.env`` when the vendor accepts them."""
    with st.form(f"setup-{prefix}{name}", border=True):
        for field in source.fields(name):
            st.text_input(field.label, key=f"{KEYS}{prefix}{field.name}", help=field.help,
                          type="password" if field.secret else "default",
                          placeholder="" if field.needed else "optional")  # fmt: skip
        st.form_submit_button(f"Ask {name} and save", on_click=setup.start, args=(
            f"source-{name}", partial(_ask, name, prefix)))  # fmt: skip
    setup.outcome(f"source-{name}")


def _ask(name: str, prefix: str, actor: Actor) -> Work:
    """The job; secrets leave the form at once."""
    values = {field.name: given(prefix + field.name) for field in source.fields(name)}
    for field in source.fields(name):
        if field.secret:
            st.session_state[f"{KEYS}{prefix}{field.name}"] = ""
    rt = runtime.current()

    def work(tell: Tell) -> SetupFinding:
        found = source.check(rt.settings, name, values, tell)
        if found.ok:
            settings = source.with_values(rt.settings, values)
            message = writing.secrets(actor, rt, settings, values)
            process.replace(settings)
            found = SetupFinding(True, f"{found.message}. {message}")
        return found

    return work


# --- delivery --------------------------------------------------------------------------------------


def delivery_step(policy: Policy, service: str) -> None:
    known = policy.repositories[policy.services[service].repository]
    way = st.selectbox("Way to production", list(delivery.WAYS), list(delivery.WAYS).index(known.way), key="setup-way",
                       format_func=lambda name: name.replace("_", " "))  # fmt: skip
    text, fields = delivery.WAYS[way]
    draw(tag("p", text, class_="d-muted"))
    if name := source.DELIVERING.get(way):
        with st.expander(f"Credentials of {name}", expanded=name not in process.connected()):
            vendor(name, "way-")
    with st.form("setup-delivery", border=True):
        for field in fields:
            st.session_state.setdefault(KEYS + field.key, delivery.present(known, field))
            st.text_input(field.label, key=KEYS + field.key, help=field.help or None)
        st.form_submit_button("Check the way", on_click=setup.start, args=(
            "delivery", partial(_check_delivery, service, way)))  # fmt: skip
    found = setup.outcome("delivery")
    if found and found.ok:
        st.button("Save the way", type="primary", on_click=setup.act, args=(partial(_save_delivery, service),))


def _check_delivery(service: str, way: str, _actor: Actor) -> Work:
    values = delivery.values(way, {field.key: given(field.key) for field in delivery.WAYS[way][1]})
    delivery.candidate(runtime.current().repository_of(service)[1], values)
    st.session_state["setup-way-checked"] = (service, values)
    return partial(delivery.check, runtime.current(), service, values)


def _save_delivery(service: str, actor: Actor) -> str:
    checked, values = st.session_state["setup-way-checked"]
    if checked != service:
        raise ValueError("Check the way of this service first.")
    name, _ = runtime.current().repository_of(service)
    changes = {("repositories", name, *key.split(".")): value for key, value in values.items()}
    return writing.policy(actor, runtime.current(), changes, f"Setup: the way to production of {service}")


# --- test event ------------------------------------------------------------------------------------


def event_step(policy: Policy, service: str) -> None:
    draw(tag("p", "A marked event takes the way of the service's own events, to an issue. It starts no fix.",
             class_="d-muted"))  # fmt: skip
    st.button("Send a test event", key="setup-send", on_click=setup.start, args=(
        "event", lambda _: partial(signal.test, runtime.current(), service)))  # fmt: skip
    setup.outcome("event")
    with store.read() as session:
        issue = signal.issue_of(session, service)
    if issue:
        draw(tag("p", "Test issue: ", link(f"/issues?issue={issue.id}", f"#{issue.id} {issue.title}")))
        st.button("Remove the test event", key="setup-remove", on_click=setup.act, args=(partial(_remove, service),))


def _remove(service: str, actor: Actor) -> str:
    jobs.drop("event")
    return signal.remove(actor, service)
