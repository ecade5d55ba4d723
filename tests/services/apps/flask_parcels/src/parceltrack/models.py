"""What we know of a parcel."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum


class Stage(str, Enum):
    ANNOUNCED = "announced"
    IN_TRANSIT = "in_transit"
    OUT_FOR_DELIVERY = "out_for_delivery"
    DELIVERED = "delivered"
    RETURNED = "returned"


@dataclass(frozen=True)
class Scan:
    at: datetime
    depot: str
    stage: Stage
    note: str = ""


@dataclass
class Parcel:
    number: str
    shop: str
    postcode: str
    weight_grams: int
    announced_at: datetime
    scans: list[Scan] = field(default_factory=list)

    def last_scan(self) -> Scan:
        """The newest scan; carriers do not send them in order."""
        return max(self.scans, key=lambda scan: scan.at)

    @property
    def stage(self) -> Stage:
        if not self.scans:
            return Stage.ANNOUNCED
        return self.last_scan().stage

    def is_heavy(self) -> bool:
        return self.weight_grams > 20_000
