"""The faults that can be shipped to the shop's production.

``edits`` are (file, old text, new text), applied to the current main branch. ``checks`` is hidden from the
product and tests whether a fix behaves.
"""

from __future__ import annotations

from dataclasses import dataclass

FIXED = ("code", "model", "backfire", "security", "performance")  # kinds that go to a fixer


@dataclass(frozen=True)
class DemoFault:
    name: str
    kind: str  # code, model, performance, security, upstream, credential, environment, caller, backfire
    service: str
    title: str
    exception: str = ""  # or the words of a finding's title
    edits: tuple[tuple[str, str, str], ...] = ()
    message: str = ""  # the team's commit message
    checks: str = ""
    fails: float = 0.0  # share of the visitors' requests to its service that it makes fail (core/demo/traffic.py)

    @property
    def expected(self) -> str:
        """The right decision if nothing else fails: only causes in the code go to a fixer."""
        return "AUTO_RESOLVE" if self.kind in FIXED else "ESCALATE_HUMAN"


FAULTS = {
    fault.name: fault
    for fault in (
        DemoFault(
            "catalog-page",
            "code",
            "catalog",
            "The second page of the catalog fails",
            "TypeError",
            (("shop/catalog.py", 'page = int(params.get("page", 1))', 'page = params.get("page", 1)'),),
            "Catalog: read the page straight from the query",
            checks="from shop.catalog import listing; assert len(listing({'page': '2'})['products']) == 12; assert listing({'page': '2'})['page'] == 2",
            fails=0.05,
        ),
        DemoFault(
            "cart-address",
            "code",
            "cart",
            "Customers without an address cannot see their cart",
            "AttributeError",
            (("shop/cart.py", '(profile.get("address") or {}).get("city")', 'profile.get("address", {}).get("city")'),),
            "Cart: simplify the city lookup",
            checks="from shop.cart import city_of; assert city_of({'address': None}) == 'unknown'; assert city_of({}) == 'unknown'",
            fails=0.08,
        ),
        DemoFault(
            "account-worth",
            "code",
            "account",
            "New customers cannot see what they spent",
            "ZeroDivisionError",
            (("shop/pricing.py", "    if not orders:\n        return 0.0\n", ""),),
            "Pricing: one line less",
            checks="from shop.pricing import average_order as a; assert a(0.0, 0) == 0.0; assert a(10.0, 4) == 2.5",
            fails=0.07,
        ),
        DemoFault(
            "search-empty",
            "code",
            "search",
            "A search without hits fails",
            "IndexError",
            (("shop/search.py", "    if not names:\n        return None\n", ""),),
            "Search: hits are never empty any more",
            checks="from shop.search import find; assert find({'q': 'zzz'}) == {'count': 0, 'best': None}",
            fails=0.13,
        ),
        DemoFault(
            "account-tier",
            "code",
            "account",
            "Customers without a tier cannot sign in",
            "KeyError",
            (("shop/account.py", 'profile.get("tier", "standard")', 'profile["tier"]'),),
            "Accounts: every customer has a tier now",
            checks="from shop.account import tier_of; assert tier_of({}) == 'standard'; assert tier_of({'tier': 'gold'}) == 'gold'",
            fails=0.07,
        ),
        DemoFault(
            "pricing-badge",
            "code",
            "pricing",
            "Products at their full price have no page",
            "UnboundLocalError",
            (("shop/pricing.py", '    text = ""\n    if old_price', "    if old_price"),),
            "Pricing: tidy the badge",
            checks="from shop.pricing import badge; assert badge(5, None) == ''; assert badge(5, 10) == '-50%'",
            fails=0.11,
        ),
        DemoFault(
            "search-accents",
            "code",
            "search",
            "Searching with accents fails",
            "NameError",
            (("shop/search.py", "import difflib\nimport unicodedata\n", "import difflib\n"),),
            "Search: drop an unused import",
            checks="from shop.search import plain; assert plain('Éclair') == 'eclair'",
            fails=0.07,
        ),
        DemoFault(
            "checkout-note",
            "code",
            "checkout",
            "Orders with a gift note that holds a colon fail",
            "ValueError",
            (("shop/checkout.py", 'text.split(":", 1)', 'text.split(":")'),),
            "Checkout: shorter gift notes",
            checks="from shop.checkout import gift_note as g; assert g('gift:To: Ann') == ('gift', 'To: Ann')",
            fails=0.08,
        ),
        DemoFault(
            "search-slow",
            "performance",
            "search",
            "Suggestions compare with every product",
            "",
            (
                (
                    "shop/search.py",
                    '    return {"suggestions": sorted(near, key=lambda name: -difflib.SequenceMatcher(None, typed, name).ratio())[:5]}',
                    '    every = [p["name"] for p in PRODUCTS for _ in range(20)]\n'
                    "    ranked = sorted(every, key=lambda name: -difflib.SequenceMatcher(None, typed, name).ratio())\n"
                    '    return {"suggestions": sorted(near, key=ranked.index)[:5]}',
                ),
            ),
            "Search: rank the whole catalog",
            checks="import shop.search as s; made = []; old = s.difflib.SequenceMatcher; s.difflib.SequenceMatcher = lambda *a: made.append(a) or old(*a); assert len(s.suggest({'q': 'red lamp'})['suggestions']) == 5; assert len(made) <= 40",
        ),
        DemoFault(
            "vulnerable-pin",
            "security",
            "checkout",
            "A package is pinned to a version with a known vulnerability",
            "sentry-sdk",
            (("requirements.txt", "sentry-sdk==2.8.0", "sentry-sdk==2.7.1"),),
            "Requirements: the version that the other shop has",
            checks="assert 'sentry-sdk==2.8.0' in open('requirements.txt').read().split()",
        ),
        DemoFault(
            "sql-injection",
            "security",
            "search",
            "A stock number becomes a part of the query",
            "SQL",
            (
                (
                    "shop/search.py",
                    '"SELECT name, price FROM products WHERE sku = ?", (sku,)',
                    "f\"SELECT name, price FROM products WHERE sku = '{sku}'\"",
                ),
            ),
            "Search: a shorter query",
            checks="from shop.search import stock; assert stock({'sku': \"x' OR '1'='1\"})['count'] == 0; assert stock({'sku': 'p-7'})['count'] == 1",
        ),
        DemoFault(
            "carrier-down",
            "upstream",
            "cart",
            "The carrier's rates service is down",
            "URLError",
        ),
        DemoFault(
            "mailer-key-revoked",
            "credential",
            "checkout",
            "The mailer's key was revoked",
            "UpstreamError",
        ),
        DemoFault(
            "invoice-vat-unset",
            "environment",
            "checkout",
            "A clean-up of the configuration removed the shop's VAT number",
            "KeyError",
        ),
        DemoFault(
            "partner-orders",
            "caller",
            "checkout",
            "A partner's export sends orders without a price, which the shop refuses",
            "CheckoutError",
        ),
        DemoFault(
            "cart-window",
            "model",
            "cart",
            "Delivery windows in hours fail; only a model can tell what they mean",
            "ValueError",
            (
                (
                    "shop/cart.py",
                    '    hours, _, minutes = text.rpartition(":")\n    return 60 * int(hours or 0) + int(minutes)\n',
                    "    return int(text)\n",
                ),
            ),
            "Cart: windows are plain minutes",
            checks="from shop.cart import minutes_of as m; assert [m(t) for t in ('45', '1:30', '0:45', '2:05')] == [45, 90, 45, 125]",
            fails=0.08,
        ),
        DemoFault(
            "catalog-campaign",
            "backfire",
            "catalog",
            "Visits without a campaign fail; the fix that tests allow breaks a page",
            "KeyError",
            (
                (
                    "shop/catalog.py",
                    'The campaign that brought a visit; a visit without one is direct."""\n    return visit.get("campaign") or "direct"',
                    'The campaign that brought a visit, or None for a visit without a campaign."""\n    return visit["campaign"]',
                ),
            ),
            "Catalog: distinguish campaigns from direct visits",
            fails=0.12,
        ),
    )
}
