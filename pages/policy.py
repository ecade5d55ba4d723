"""Policy: how the platform decides, a preview of each change on past decisions, and the earlier versions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import streamlit as st

from console import access, process
from console.page import page, picked
from console.parts import policy as policy_view
from console.parts import policy_form, preview
from console.ui.confirm import Offer, buttons
from console.ui.markup import link, when
from console.ui.widgets import badge, draw, empty, table, tag
from core.db import store
from core.models.counted import counted
from core.policy import versions
from core.policy.keys import keys
from core.policy.reader import ConfigurationError, parse_policy
from core.queries import decisions
from core.stages import autonomy

ORDER = 70

PERIODS = {"7 days": 7, "30 days": 30, "90 days": 90}
IN_FORCE, CHANGE, VERSIONS = "In force", "Change", "Versions"


def body() -> None:
    if "version" in st.query_params:
        version(picked("version"))
        return
    if "setting" in st.query_params:
        setting(st.query_params["setting"])
        return
    may = access.shown_to().may(access.ADMINISTER)
    views = [IN_FORCE, CHANGE, VERSIONS] if may else [IN_FORCE, VERSIONS]
    first = CHANGE if may and st.query_params.get("view") == "change" else IN_FORCE
    view = st.segmented_control("View", views, default=first, required=True, label_visibility="collapsed")
    {IN_FORCE: in_force, CHANGE: change, VERSIONS: history}[view]()


def setting(name: str) -> None:
    """One key of the policy, for those who may know it: its value in force, its default, and where it is changed."""
    draw(link("/policy", "← Policy"))
    may = access.current().may(access.ADMINISTER)
    found = next((key for key in keys(process.policy()[0]) if key.name == name), None)
    if found is None or (found.is_for_admins and not may):
        draw(empty("Setting not found", "The policy has no setting with this name, or only admins see it.", "✕"))
        return
    draw(policy_view.setting(found, policy_form.LABELS.get(name, "")))
    if may:
        draw(link("/policy?view=change", "Change the policy"))


def in_force() -> None:
    policy, fault = process.policy()
    if fault:
        st.error(f"platform.toml is invalid; the engine keeps using the last valid policy. {fault}")
    with store.read() as session:
        made = decisions.by_row(session, datetime.now(UTC) - timedelta(days=7))
        rows = autonomy.table(session, policy)
    st.header("Decision rules", anchor=False)
    draw(policy_view.drawn(policy, made, rows), policy_view.notes(policy))


def change() -> None:
    """The form or the file's text; below it the effect of the change."""
    path = process.settings().platform_file
    text = versions.text_of(path)
    now = versions.digest(text)
    how = st.segmented_control("Edit", ["Form", "File"], default="Form", required=True, key=f"policy-how-{now[:8]}")
    try:
        if how == "File":
            after = st.text_area("platform.toml", text, height=420, key=f"policy-text-{now[:8]}")
            parse_policy(after, "platform.toml")
        else:
            changed = policy_form.changes(parse_policy(text, "platform.toml"), now)
            after = versions.edited(text, changed)
            parse_policy(after, "platform.toml")
    except ConfigurationError as fault:
        st.error(f"This policy is invalid: {fault}")
        return
    st.header("Effect on past decisions", anchor=False)
    if after == text:
        draw(empty("No changes yet", "Change a value to see which past decisions would change."))
        return
    would(text, after, "platform.toml is replaced.")


def would(text: str, after: str, about: str) -> None:
    """The replay and the difference between ``after`` and the text in force, and the button that applies it."""
    days = PERIODS[st.segmented_control("Period", list(PERIODS), default="30 days", required=True, key="policy-past")]
    found = preview.replayed(after, text, days)
    draw(preview.summary(found))
    buttons([Offer("change_policy", after, about, {"based_on": versions.digest(text)}, "policy")])
    last = -(-len(found.flips) // preview.PAGE)
    number = st.pagination(last, key=f"flips-{last}") if last > 1 else 1
    if found.flips:
        draw(preview.flips(found.flips[(number - 1) * preview.PAGE : number * preview.PAGE]))
    else:
        draw(
            empty(
                "No past decision would change",
                f"{counted(found.judged, 'decision')} of the last {days} days stay the same.",
                "✓",
            )
        )
    draw(tag("details", tag("summary", "File diff"), preview.difference(text, after), open=""))


def history() -> None:
    with store.read() as session:
        found, newest = versions.count(session), versions.newest_digest(session)
    now = versions.digest(versions.text_of(process.settings().platform_file))
    if newest != now:
        draw(
            tag(
                "p",
                "platform.toml was edited by hand since. The next change here saves that text as a version.",
                class_="d-muted",
            )
        )
    if not found:
        draw(empty("No versions yet", "The first change made here saves the current text as a version, too.", "◔"))
        return
    last = -(-found // versions.VERSIONS)
    number = st.pagination(last, key=f"versions-{last}") if last > 1 else 1
    with store.read() as session:
        rows = versions.versions(session, number)
    draw(
        table(
            ("Version", "Applied", "By", "Why", "SHA-256", ""),
            (
                (
                    link(f"/policy?version={v.id}", tag("b", f"Version {v.id}")),
                    when(v.at),
                    v.by,
                    tag("span", v.reason, class_="d-clip"),
                    tag("code", v.sha256[:12]),
                    badge("ok", "✓", "in force") if v.sha256 == now and v.id == max(r.id for r in rows) else "",
                )
                for v in rows
            ),
        )
    )


def version(number: int | None) -> None:
    """An earlier version, the effect of restoring it, and the button that restores it."""
    draw(link("/policy", "← Policy"))
    with store.read() as session:
        found = session.get(versions.PolicyVersion, number) if number else None
    if found is None:
        draw(empty("Version not found", "No policy version has this number.", "✕"))
        return
    text = versions.text_of(process.settings().platform_file)
    draw(
        tag("h2", f"Version {found.id}"),
        tag("p", "Applied ", when(found.at), f" by {found.by}. {found.reason}"),
    )
    if found.text == text:
        draw(empty("This version is in force", "There is nothing to restore.", "✓"))
        return
    would(text, found.text, f"Version {found.id} is restored.")


page("Policy", "How the platform decides, and what a different policy would have decided.", body)
