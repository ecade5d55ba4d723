import os

import sentry_sdk


def from_environment() -> dict:
    return {
        "DATABASE": os.environ.get("PARCELTRACK_DB", "parcels.db"),
        "SENTRY_DSN": os.environ.get("SENTRY_DSN", ""),
        "RELEASE": os.environ.get("PARCELTRACK_RELEASE", "dev"),
        "STAGE": os.environ.get("PARCELTRACK_STAGE", "development"),
        "CUTOFF_HOUR": int(os.environ.get("PARCELTRACK_CUTOFF_HOUR", "16")),
    }


def init_sentry(app) -> None:
    if not app.config["SENTRY_DSN"]:
        return
    sentry_sdk.init(
        dsn=app.config["SENTRY_DSN"],
        release=app.config["RELEASE"],
        environment=app.config["STAGE"],
        send_default_pii=False,
    )
    sentry_sdk.set_tag("service", "parceltrack")
