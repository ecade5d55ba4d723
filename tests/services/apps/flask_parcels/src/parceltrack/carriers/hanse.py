"""Hanse Parcel: one event a call, codes of two letters, local time with offset."""

from dateutil.parser import isoparse

from parceltrack.models import Scan, Stage

CODES = {"AR": Stage.IN_TRANSIT, "DP": Stage.IN_TRANSIT, "OD": Stage.OUT_FOR_DELIVERY, "DL": Stage.DELIVERED}


def read(payload: dict):
    stage = CODES.get(payload["code"], Stage.IN_TRANSIT)
    yield payload["tracking"], Scan(isoparse(payload["time"]), payload["depot"].lower(), stage, payload.get("text", ""))
