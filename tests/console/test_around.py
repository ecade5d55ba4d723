"""What stands around one issue: its rate, links to its code, what is not known, and its post-mortem."""

from __future__ import annotations

from datetime import timedelta

import pytest

from console import process
from console.parts import frames
from core.db import store
from core.models import Cause, Crash, Frame, Metric, Status, now
from core.models.following import Remark
from core.models.inputs import ServiceCall
from core.policy.services import Repository
from core.queries import around, code_links, issues, post_mortem
from core.signals.analysis import suspects
from tests import factories, scenes, screens

API = "https://api.github.com"
SHA = "4f1c2ab"
EVIL = "<script>alert(1)</script> [x](javascript:alert(1)) ![p](http://e/p.png) @all `a`\n# Heading\n```\n"
GITHUB = screens.PLATFORM.replace('vercel_project = "shop"', 'vercel_project = "shop"\ngithub = "acme/shop"')


@pytest.fixture
def console(tmp_path):
    return screens.open_console(tmp_path, platform=GITHUB)


def seen(number: int, at=None) -> around.IssueSurroundings:
    with store.read() as session:
        told = issues.story(session, number)
        return around.around(session, API, process.policy()[0], told, at or now())


def links(**values) -> code_links.CodeLinks:
    repository = Repository(**{"remote": "https://git.example/shop.git", "github": "acme/shop", **values})
    return code_links.CodeLinks("https://github.com/acme/shop", SHA, repository)


@pytest.mark.parametrize(
    ("file", "values", "path"),
    [
        ("shop/cart.py", {}, "shop/cart.py"),
        ("/app/shop/cart.py", {"path_prefixes": ["/app"]}, "shop/cart.py"),
        ("shop/cart.py", {"folder": "services/shop"}, "services/shop/shop/cart.py"),
        ("shop/my cart#1.py", {}, "shop/my%20cart%231.py"),
        ("/usr/lib/python3/json.py", {}, ""),
        ("../../secrets.py", {}, ""),
        ("<string>", {}, ""),
        ("javascript:alert(1)", {}, ""),
        ("", {}, ""),
    ],
)
def test_a_frame_is_linked_at_the_commit_that_failed(file, values, path):
    expected = f"https://github.com/acme/shop/blob/{SHA}/{path}#L44" if path else ""
    assert links(**values).line(Frame(file=file, line=44)) == expected
    assert links(**values).line(Frame(file=file, line=44, in_app=False)) == ""


@pytest.mark.parametrize(
    ("release", "sha"),
    [(SHA, SHA), ("shop@" + SHA, SHA), ("a" * 40, "a" * 40), ("1.4.2", ""), ("abc", ""), ("", ""), (None, "")],
)
def test_the_commit_of_a_release(release, sha):
    assert suspects.commit_of(release) == sha


@pytest.mark.parametrize(
    ("api", "site"),
    [
        (API, "https://github.com"),
        ("https://git.example/api/v3", "https://git.example"),
        ("http://127.0.0.1:8080/github", ""),
    ],
)
def test_the_pages_of_a_code_host(api, site):
    assert code_links.site(api) == site


def test_only_known_repositories_and_commits_are_linked(console):
    policy = process.policy()[0]
    assert code_links.of(API, policy, "cart", SHA).commit == f"https://github.com/acme/shop/commit/{SHA}"
    for service, release in (("unknown", SHA), ("cart", "1.4.2"), ("cart", None)):
        assert code_links.of(API, policy, service, release) is None


def test_a_frame_on_the_page_links_to_its_line():
    crash = Crash.model_validate(factories.crash())
    assert f'href="https://github.com/acme/shop/blob/{SHA}/shop/cart.py#L44"' in frames.drawn(crash, links())
    assert "href" not in frames.drawn(crash)
    assert "<script>" not in frames.drawn(Crash.model_validate(factories.crash(EVIL)), links())


def test_the_rate_counts_each_report_once(console):
    at = now()
    with store.write() as session:
        made = factories.issue(session)
        for source, minutes, count in (("sentry", 1, 30), ("datadog", 2, 20), ("sentry", 9, 500)):
            factories.signal(session, made, source=source, count=count, at=at - timedelta(minutes=minutes))
        for name, value in (("requests", 200), ("errors", 50)):
            session.add(Metric(source="datadog", service="cart", name=name, value=value, at=at - timedelta(minutes=1)))
    rate = seen(made.id, at).rate
    assert (rate.reports, rate.a_minute, rate.failing) == (30, 6.0, 0.25)


def test_a_rate_without_figures_is_unknown(console):
    with store.write() as session:
        made = factories.issue(session)
    assert seen(made.id).rate == around.IssueRate(0, None)


def unknown(**values) -> str:
    crash, users = values.pop("crash", factories.crash()), values.pop("users", 3)
    with store.write() as session:
        made = factories.issue(session, users=users, **values)
        factories.signal(session, made, crash=crash)
        factories.analysis(session, made)
    return "\n".join(seen(made.id).unknown)


BARE = {**factories.crash(), "frames": [{"file": "shop/cart.py", "line": 44, "function": "total"}]}


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"crash": None}, "Which line fails: no report has a stack trace."),
        ({"crash": BARE}, "Which input fails"),
        ({"release": None}, "the first report names no release"),
        ({"release": "1.4.2"}, "the release 1.4.2 names none"),
        ({"users": 0}, "How many users it affects"),
        ({"service": "unheard"}, "unheard is not in platform.toml"),
    ],
)
def test_missing_evidence_is_named_and_present_evidence_is_not(console, values, says):
    assert says in unknown(**values)
    assert says not in unknown()


def test_measured_logged_and_traced_is_not_unknown(console):
    wanted = ("What the service logged", "What cart calls", "How many requests failed", "How many requests fail now")
    before = unknown()
    assert all(says in before for says in wanted)
    with store.write() as session:
        session.add(ServiceCall(caller="cart", callee="pricing"))
        for minutes in (1, 12):
            at = now() - timedelta(minutes=minutes)
            session.add(Metric(source="datadog", service="cart", name="requests", value=10, at=at))
    after = unknown(crash={**factories.crash(), "logs": ["cart 7 failed"]})
    assert not any(says in after for says in wanted)


def test_an_undecided_watch_and_a_step_that_was_not_run_are_not_known(console):
    with store.write() as session:
        made = scenes.story(session, Status.WATCHING)
        change = session.exec(store.select(scenes.ChangeSet)).one()
        change.proof = {"fails_before": True, "open": True}
        session.add(change)
    told = "\n".join(seen(made.id).unknown)
    assert "its watch is not decided. not enough traffic" in told
    assert "that it passes on the fixed code: this was not run" in told and "fails on the old code" not in told
    assert "which result is meant" in told


def test_a_source_that_cannot_be_read_is_named(console):
    with store.write() as session:
        factories.connector(session, "sentry", error="429", last_success=None)
        made = factories.issue(session)
    assert "What sentry reports: it could not be read at any time." in seen(made.id).unknown


def test_the_page_shows_what_is_not_known(console):
    with store.write() as session:
        made = scenes.story(session, Status.ESCALATED, service="<b>unheard</b>")
    told = screens.seen(screens.visit("issues", issue=made.id))
    assert "What the platform does not know" in told and "&lt;b&gt;unheard&lt;/b&gt; is not in platform.toml" in told


# --- post-mortem -------------------------------------------------------------------------------------


def document(number: int) -> str:
    with store.read() as session:
        return post_mortem.markdown(issues.story(session, number), ["Which line fails: no report has a stack trace."])


def test_a_post_mortem_tells_the_whole_story(console):
    with store.write() as session:
        made = scenes.story(session, Status.RESOLVED, cause=Cause.CODE)
        session.add(Remark(issue_id=made.id, by="ann", text="restarted the cache", at=made.first_seen))
    text = document(made.id)
    parts = ("Summary", "Timeline", "Cause", "Fix", "Figures", "What the platform does not know")
    assert [line[3:] for line in text.splitlines() if line.startswith("## ")] == list(parts)
    for says in (
        "- Service: cart",
        "**Note** (ann): restarted the cache",
        "total() reads prices",
        "- Proof that the new test fails on the old code: yes",
        "```diff\ndiff --git a/shop/cart.py",
        "from first error to end",
        "- Which line fails",
    ):
        assert says in text


def test_a_post_mortem_of_a_new_issue_says_what_is_missing(console):
    with store.write() as session:
        made = factories.issue(session, status=Status.NEW, users=0)
    text = document(made.id)
    for says in ("has not been analyzed", "no fix that was committed", "No run has ended", "Affected users: not rep"):
        assert says in text


def test_texts_of_strangers_are_no_markup_in_a_post_mortem(console):
    with store.write() as session:
        made = scenes.story(session, Status.RESOLVED, text=EVIL)
        session.add(Remark(issue_id=made.id, by=EVIL, text=EVIL))
        change = session.exec(store.select(scenes.ChangeSet)).one()
        change.patch = "--- a\n+++ b\n````\n# Heading\n<script>\u202e"
        session.add(change)
    text = document(made.id)
    before, _, rest = text.partition("`````diff\n")
    patch, _, after = rest.partition("\n`````\n")
    assert "# Heading" in patch and "\u202e" not in text
    for part in (before, after):
        assert "<script" not in part and "](" not in part and "@all" not in part
        assert not any(line.startswith(("# Heading", "```")) for line in part.splitlines())
