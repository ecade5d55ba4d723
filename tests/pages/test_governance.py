"""Clicks on Policy, Audit and Settings: a change with its preview, a tampered trail, the connectors' checks."""

import csv
import io
import json

import pytest
from sqlalchemy import text
from sqlmodel import select

from console.parts import exports
from core import runtime
from core.audit import chain, head
from core.db import store
from core.models import Connector, Issue, Status, now
from core.models.kept import PolicyVersion
from core.policy import versions
from core.queries import trail
from core.repair.sandbox import runner
from core.runtime import Runtime
from core.vendors import registry
from core.vendors.base import Check
from tests import scenes, screens


@pytest.fixture
def shop(console):
    runtime.use(Runtime(console))
    with store.write() as session:
        scenes.shop(session)
    yield console
    runtime.use(None)


def by_label(at, kind, label):
    return next(e for e in getattr(at, kind) if e.label == label)


def changing(label="High severity, low impact (row 5)", value=0.9):
    at = screens.visit("policy")
    at.button_group[0].set_value("Change").run()
    assert "No changes yet" in screens.seen(at)
    return by_label(at, "number_input", label).set_value(value).run()


def press(at, label):
    return by_label(at, "button", label).click().run()


def open_dialog(at, reason):
    """The open dialog with its reason, and its button."""
    at = press(at, "Apply policy")
    next(area for area in at.text_area if area.key.startswith("reason-")).set_value(reason)
    return next(b for b in at.button if b.key and b.key.startswith("do-"))


def confirm(at, reason):
    return open_dialog(at, reason).click().run()


def test_a_change_is_previewed_then_applied(shop):
    at = changing()
    seen = screens.seen(at)
    assert "Decisions replayed" in seen and "Would change" in seen and "auto_contained = 0.9" in seen
    assert "row 7: no other row matches" in seen
    assert shop.platform_file.read_text() == screens.PLATFORM, "a preview changes nothing"
    confirm(at, "two bad weeks")
    assert "auto_contained = 0.9" in shop.platform_file.read_text()
    with store.read() as session:
        newest = versions.versions(session)[0]
        row = session.exec(select(chain.AuditRow).order_by(chain.AuditRow.id.desc())).first()
    assert (newest.by, newest.reason) == ("admin", "two bad weeks")
    assert (row.action, row.detail["version"]) == ("change_policy", newest.id)


def test_a_preview_of_an_outdated_policy_is_refused(shop):
    button = open_dialog(changing(), "too late")
    shop.platform_file.write_text(screens.PLATFORM + "\n# by hand\n")
    at = button.click().run()
    assert "has changed since" in at.session_state[button.key.replace("do-", "fault-")]
    assert shop.platform_file.read_text().endswith("# by hand\n")


def test_an_invalid_policy_is_explained_and_cannot_be_applied(shop):
    at = changing("Analysis", 0.9)
    assert "the weights must sum to 1" in at.error[0].value
    assert not any(b.label.startswith("Apply policy") for b in at.button)


def test_an_earlier_version_can_be_restored(shop):
    with store.write() as session:
        old = PolicyVersion(sha256="a", text=screens.PLATFORM + "\n[watch]\nseconds = 60\n", by="ada", reason="quick")
        session.add(old)
    at = screens.visit("policy", version=old.id)
    assert "seconds = 60" in screens.seen(at) and "No past decision would change" in screens.seen(at)
    confirm(at, "it was better")
    assert "seconds = 60" in shop.platform_file.read_text()


def test_other_people_can_see_the_policy(shop):
    at = screens.visit("policy", "viewer")
    assert "no other row matches" in screens.seen(at) and at.button_group[0].options == ["In force", "Versions"]


TAMPERED = {
    "edit": ("UPDATE auditrow SET actor = 'nobody' WHERE id = 3", "row 3 was changed after it was written"),
    "delete": ("DELETE FROM auditrow WHERE id = 3", "row 4 does not follow row 2: rows before it were removed"),
    "reorder": (
        "UPDATE auditrow SET id = 99 WHERE id = 2",
        "row 3 does not follow row 1 but row 99: rows were reordered",
    ),
    "truncate": ("DELETE FROM auditrow WHERE id > 4", "rows were removed"),
}


@pytest.mark.parametrize("how", TAMPERED)
def test_a_tampered_trail_is_shown_on_screen(shop, how):
    assert head.advance(shop).ok
    at = press(screens.visit("audit"), "Verify the chain")
    assert "6 rows verified; the chain is intact" in screens.seen(at)
    sql, says = TAMPERED[how]
    with store.write() as session:
        session.connection().execute(text(sql))
    assert says in screens.seen(press(at, "Verify the chain"))


def test_a_changed_row_is_marked_without_a_verification(shop):
    with store.write() as session:
        session.connection().execute(text(TAMPERED["edit"][0]))
    assert screens.seen(screens.visit("audit")).count("changed</span>") == 1


def test_the_trail_is_filtered_and_the_export_too(shop):
    at = screens.visit("audit")
    at.selectbox[0].set_value("demo").run()
    assert "3 rows, newest first" in screens.seen(at)
    with store.read() as session:
        rows = list(trail.export(session, trail.AuditFilter(actor="demo")))
        assert [trail.count(session, trail.AuditFilter(text=t)) for t in ("issue/", "%", "policy")] == [4, 0, 1]
    assert {row["actor"] for row in rows} == {"demo"} and rows[0]["previous"] == chain.GENESIS
    assert json.dumps(rows)


def test_a_csv_cell_is_never_a_formula(console):
    with store.write() as session:
        chain.record(session, "=HYPERLINK(1)", "approve", "issue/1")
    labels = [button.proto.label for button in screens.visit("audit").get("download_button")]
    assert labels == ["Download as CSV", "Download as JSON lines"]
    with store.read() as session:
        [_, row] = csv.reader(io.StringIO(exports.trail_csv(session, trail.AuditFilter())))
        [line] = exports.trail_lines(session, trail.AuditFilter()).splitlines()
    assert row[2] == "'=HYPERLINK(1)" and json.loads(line)["actor"] == "=HYPERLINK(1)"


def test_settings_check_each_connector(console, monkeypatch):
    answers = {
        "sentry": Check(False, "401 Unauthorized", "make a new token"),
        "slack": Check(False, registry.OFF, "set it"),
    }
    monkeypatch.setattr(registry, "checks", lambda settings: iter(answers.items()))
    seen = screens.seen(press(screens.visit("settings"), "Check all connectors"))
    assert "401 Unauthorized" in seen and "make a new token" in seen and "off</span>" in seen


@pytest.mark.parametrize(
    "found, says",
    [
        (None, "no fixes are written"),
        (runner.LimitedRunner(), "weaker sandbox"),
        (runner.BubblewrapRunner(), "full sandbox"),
    ],
)
def test_the_strength_of_the_sandbox_is_shown(found, says):
    from console.parts import system

    assert says in system.runner(found, "limited")


ERRORS = {
    "sentry: 429 Too Many Requests": "limits our requests",
    "datadog: 403 Forbidden": "lacks a permission",
    "github: 401 Bad credentials": "Create a new key",
    "read timed out": "vendor is slow",
    "cannot connect: Connection refused": "address is unreachable",
    "boom": "doctor",
}


@pytest.mark.parametrize("error", ERRORS)
def test_each_error_has_its_advice(console, error):
    with store.write() as session:
        session.add(Connector(name="x", error=error, failures=1, last_attempt=now()))
    assert ERRORS[error] in screens.seen(screens.visit("settings"))


def test_no_secret_is_on_the_page(tmp_path):
    screens.open_console(tmp_path, sentry_token="s3cr3t-token", smtp_password="pa55")
    seen = screens.seen(screens.visit("settings"))
    assert "SENTRY_TOKEN" in seen and "s3cr3t" not in seen and "pa55" not in seen


def test_waiting_for_maintenance_is_counted(console):
    with store.write() as session:
        session.add(Issue(fingerprint="f", title="t", service="cart", status=Status.SCHEDULED))
    assert "<dt>Waiting issues</dt><dd>1</dd>" in screens.seen(screens.visit("settings"))
