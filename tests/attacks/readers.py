"""Every function that reads a stranger's text, as one table.

The hostile texts (test_hostile_text.py) and the fuzzers (fuzzing.py) both go through it. A reader takes one text and
puts it into every place of its input where a stranger's text stands.
"""

from __future__ import annotations

from tests.attacks.reader import Reader
from tests.attacks.readers_delivery import DELIVERY
from tests.attacks.readers_inputs import INPUTS
from tests.attacks.readers_repair import REPAIR, REVIEWS
from tests.attacks.readers_security import SECURITY
from tests.attacks.readers_signals import SIGNALS
from tests.attacks.readers_vendors import VENDORS

READERS: dict[str, Reader] = {**SIGNALS, **VENDORS, **INPUTS, **DELIVERY, **REPAIR, **REVIEWS, **SECURITY}
