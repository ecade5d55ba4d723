"""A weakened check is no fix: each way of refusing less is refused, and honest changes beside it pass."""

from __future__ import annotations

import pytest

from core.policy.sections import FixRules
from core.repair.judge.policy import refuse
from core.repair.types import Candidate

ROLE = '''def release(session, role, amount=0):
    """Release it."""
    if role != "admin":
        raise PermissionError(role)
    return session["user"].upper()
'''
AMOUNT = '''def pay(order, limit):
    """Pay an order."""
    if order.amount > 100 or order.amount < 0:
        raise ValueError("amount")
    return order.amount / limit
'''
VIEW = '''def view(request, page):
    """One page."""
    if not request.user.active:
        return {"error": "sign in"}, 401
    if page.owner != request.user.id:
        abort(403)
    return page.text.strip()
'''
PREDICATE = '''def can_edit(user, page):
    """May this user edit the page?"""
    return user.active and page.owner == user.id
'''
LOOP = '''def total(rows, user):
    """Sum of the rows."""
    found = 0
    for row in rows:
        if row.owner != user:
            raise PermissionError(row.owner)
        found += row.amount
    return found
'''
CHECKED = '''@login_required
@requires("admin")
def remove(user, name):
    """Remove a name."""
    require_role(user, "admin")
    check_quota(user)
    return name.lower()
'''
TRANSLATED = '''def read(token):
    """The claims of a token."""
    try:
        return decode(token)
    except BadToken as error:
        raise PermissionError("token") from error
'''
SWITCH = '''def act(kind, user):
    """Act."""
    match kind:
        case "drop":
            raise PermissionError(user)
    return user.name
'''
ASSERTED = '''def ship(order):
    """Ship an order."""
    assert order.paid, "not paid"
    return order.address.street
'''
GUARDED = '''def open_door(door, badge):
    """Open it."""
    with verified(badge):
        door.open()
    badge.valid or abort()
    return None if door.shut else deny(badge)
'''
TEST_NONE = 'if session["user"] is not None and role != "admin":'

WEAKENED = {  # name: (old text, what is replaced, by what)
    "a condition joins": (ROLE, 'if role != "admin":', TEST_NONE),
    "a condition joins in front": (ROLE, 'if role != "admin":', 'if role and role != "admin":'),
    "an alternative goes": (AMOUNT, "order.amount > 100 or order.amount < 0", "order.amount > 100"),
    "another role passes": (ROLE, 'role != "admin"', 'role not in ("admin", "guest")'),
    "it is inverted": (ROLE, 'role != "admin"', 'role == "admin"'),
    "it is replaced": (ROLE, 'role != "admin"', "session is None"),
    "it asks another thing": (ROLE, 'role != "admin"', 'session["role"] != "admin"'),
    "it compares with a guest": (ROLE, 'role != "admin"', 'role == "guest"'),
    "a name that something defines": (ROLE, 'role != "admin"', 'amount != "admin"'),
    "it is never true": (ROLE, 'role != "admin"', 'False and role != "admin"'),
    "the limit moves up": (AMOUNT, "> 100", "> 1000"),
    "the limit moves down": (AMOUNT, "< 0", "< -100"),
    "a NaN passes": (AMOUNT, "order.amount > 100", "not order.amount <= 100"),
    "it moves under another condition": (
        ROLE,
        '    if role != "admin":\n        raise PermissionError(role)\n',
        '    if amount:\n        if role != "admin":\n            raise PermissionError(role)\n',
    ),
    "an exit comes before it": (
        ROLE,
        '    if role != "admin":',
        '    if session is None:\n        return ""\n    if role != "admin":',
    ),
    "an exit in a loop comes before it": (
        ROLE,
        '    if role != "admin":',
        '    for one in session:\n        if one:\n            return ""\n    if role != "admin":',
    ),
    "an exit by a handler comes before it": (
        ROLE,
        '    if role != "admin":',
        '    try:\n        name = session["user"]\n    except KeyError:\n        return ""\n    if role != "admin":',
    ),
    "it can no longer be reached": (
        ROLE,
        '    if role != "admin":',
        '    return session["user"]\n    if role != "admin":',
    ),
    "it is after the work": (
        ROLE,
        '    if role != "admin":\n        raise PermissionError(role)\n    return session["user"].upper()\n',
        '    if session["user"]:\n        return session["user"].upper()\n    if role != "admin":\n'
        "        raise PermissionError(role)\n",
    ),
    "it is caught": (
        ROLE,
        '    if role != "admin":\n        raise PermissionError(role)\n',
        '    try:\n        if role != "admin":\n            raise PermissionError(role)\n    except OSError as error:\n'
        "        role = str(error)\n",
    ),
    "it is suppressed": (
        ROLE,
        '    if role != "admin":\n        raise PermissionError(role)\n',
        '    with suppress(PermissionError):\n        if role != "admin":\n            raise PermissionError(role)\n',
    ),
    "another error comes": (ROLE, "raise PermissionError(role)", "raise StopIteration(role)"),
    "it is in a function that nobody calls": (
        ROLE,
        '    if role != "admin":\n        raise PermissionError(role)\n',
        '    def check():\n        if role != "admin":\n            raise PermissionError(role)\n',
    ),
    "a returned error needs more": (
        VIEW,
        "if not request.user.active:",
        "if request.user is not None and not request.user.active:",
    ),
    "a returned error is a success": (VIEW, '{"error": "sign in"}, 401', '{"text": ""}, 200'),
    "an abort needs more": (
        VIEW,
        "if page.owner != request.user.id:",
        "if page.owner and page.owner != request.user.id:",
    ),
    "an abort goes": (VIEW, "        abort(403)\n", "        page.text = ''\n"),
    "a part of a predicate goes": (PREDICATE, "user.active and page.owner == user.id", "page.owner == user.id"),
    "a predicate gets an alternative": (
        PREDICATE,
        "page.owner == user.id",
        "(page.owner is None or page.owner == user.id)",
    ),
    "a predicate says yes to nobody": (
        PREDICATE,
        "    return user.active",
        "    if user is None:\n        return True\n    return user.active",
    ),
    "a predicate says yes": (PREDICATE, "user.active and page.owner == user.id", "True"),
    "a row is skipped": (
        LOOP,
        "        if row.owner",
        "        if row.owner is None:\n            continue\n        if row.owner",
    ),
    "rows end early": (
        LOOP,
        "        if row.owner",
        "        if row is None:\n            break\n        if row.owner",
    ),
    "a check is made for some": (
        CHECKED,
        '    require_role(user, "admin")\n',
        '    if user:\n        require_role(user, "admin")\n',
    ),
    "a check asks less": (CHECKED, 'require_role(user, "admin")', 'require_role(user, "guest")'),
    "a check is of another": (CHECKED, 'require_role(user, "admin")', 'require_role(ROOT, "admin")'),
    "a check goes": (CHECKED, "    check_quota(user)\n", ""),
    "a check becomes a short circuit": (CHECKED, "    check_quota(user)\n", "    user is None or check_quota(user)\n"),
    "a decorator goes": (CHECKED, "@login_required\n", ""),
    "a decorator asks less": (CHECKED, '@requires("admin")', '@requires("guest")'),
    "the tried check goes": (TRANSLATED, "decode(token)", "token"),
    "a handler no longer refuses": (TRANSLATED, 'raise PermissionError("token") from error', "return {}"),
    "a handler refuses for some": (
        TRANSLATED,
        '        raise PermissionError("token") from error\n',
        '        if token:\n            raise PermissionError("token") from error\n        return error\n',
    ),
    "another error is handled": (TRANSLATED, "except BadToken", "except LookupError"),
    "another case": (SWITCH, 'case "drop":', 'case "dropped":'),
    "a case gets a guard": (SWITCH, 'case "drop":', 'case "drop" if user:'),
    "an assertion needs more": (ASSERTED, "assert order.paid", "assert order.paid or order.gift"),
    "a checking context goes": (GUARDED, "    with verified(badge):\n        door.open()\n", "    door.open()\n"),
    "an or is widened": (GUARDED, "badge.valid or abort()", "badge.valid or badge.old or abort()"),
}


def refused(old: str, new: str) -> str | None:
    return refuse({"shop/door.py": old}, Candidate("t", {"shop/door.py": new}, "r"), FixRules(), ["**"])


@pytest.mark.parametrize("name", WEAKENED)
def test_a_weakened_check_is_refused_with_its_reason(name):
    old, part, by = WEAKENED[name]
    assert old.count(part) == 1
    reason = refused(old, old.replace(part, by)) or "not refused"
    assert any(words in reason for words in ("weakens a check", "removes a check", "takes the decorator")), reason


HONEST = {
    "the crash is guarded after the check": (
        ROLE,
        '    return session["user"].upper()',
        '    user = session["user"]\n    return user.upper() if user else ""',
    ),
    "a further refusal": (
        ROLE,
        '    if role != "admin":',
        '    if not role:\n        raise PermissionError(role)\n    if role != "admin":',
    ),
    "a further reason": (ROLE, 'role != "admin"', 'role is None or role != "admin"'),
    "a stricter limit": (AMOUNT, "> 100", "> 99"),
    "the same in another order": (
        AMOUNT,
        "order.amount > 100 or order.amount < 0",
        "0 > order.amount or 100 < order.amount",
    ),
    "the same by De Morgan": (
        AMOUNT,
        "order.amount > 100 or order.amount < 0",
        "not (not order.amount > 100 and not order.amount < 0)",
    ),
    "the same, nested": (
        ROLE,
        '    if role != "admin":\n        raise PermissionError(role)\n',
        '    if role == "admin":\n        amount = amount or 1\n    else:\n        raise PermissionError(role)\n',
    ),
    "another message": (ROLE, "PermissionError(role)", 'PermissionError(f"no: {role}")'),
    "a division after the check": (AMOUNT, "order.amount / limit", "order.amount / limit if limit else 0.0"),
    "a guard of what is after both": (VIEW, "page.text.strip()", 'page.text.strip() if page.text else ""'),
    "an error of its own before": (
        VIEW,
        "    if not request.user.active:",
        "    if request.user is None:\n        return {'error': 'x'}, 401\n    if not request.user.active:",
    ),
    "a predicate says no to nobody": (
        PREDICATE,
        "    return user.active",
        "    if user is None:\n        return False\n    return user.active",
    ),
    "a predicate asks more": (PREDICATE, "user.active and", "user is not None and user.active and"),
    "a value within the loop": (LOOP, "found += row.amount", "found += row.amount or 0"),
    "an argument of a check": (CHECKED, "check_quota(user)", "check_quota(user or None)"),
    "a name that nothing defines": (
        "def pay(self, a):\n    if a > limit:\n        raise ValueError\n    return a\n",
        "limit",
        "self.limit",
    ),
    "a cache goes": ("@lru_cache\ndef f(x):\n    return x[0]\n", "@lru_cache\n", ""),
    "more is tried": (TRANSLATED, "decode(token)", "decode(token.strip())"),
    "a guard after the assertion": (ASSERTED, "order.address.street", 'order.address.street if order.address else ""'),
    "a further case": (SWITCH, "    return user.name", '    return user.name if user else ""'),
}


@pytest.mark.parametrize("name", HONEST)
def test_an_honest_change_beside_a_check_passes(name):
    old, part, by = HONEST[name]
    assert old.count(part) == 1
    assert refused(old, old.replace(part, by)) is None
