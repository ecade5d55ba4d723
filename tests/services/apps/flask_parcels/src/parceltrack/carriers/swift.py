"""Swift: a list of events, times in epoch seconds."""

from datetime import datetime, timezone

from parceltrack.models import Scan, Stage


def read(payload: dict):
    for event in payload["events"]:
        at = datetime.fromtimestamp(event["ts"], timezone.utc)
        yield event["parcel"], Scan(at, event["hub"]["name"].lower(), Stage(event["status"]))
