"""Parcels and scans in SQLite, one connection a request."""

from __future__ import annotations

import sqlite3
from datetime import datetime

from dateutil.parser import isoparse
from flask import Flask, current_app, g

from parceltrack.errors import NotFound
from parceltrack.models import Parcel, Scan, Stage

SCHEMA = """
CREATE TABLE IF NOT EXISTS parcels (
    number TEXT PRIMARY KEY,
    shop TEXT NOT NULL,
    postcode TEXT NOT NULL,
    weight_grams INTEGER NOT NULL,
    announced_at TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS scans (
    number TEXT NOT NULL REFERENCES parcels (number),
    at TEXT NOT NULL,
    depot TEXT NOT NULL,
    stage TEXT NOT NULL,
    note TEXT NOT NULL DEFAULT '',
    UNIQUE (number, at, depot, stage)
);
CREATE INDEX IF NOT EXISTS scans_by_number ON scans (number);
"""


def init_app(app: Flask) -> None:
    with sqlite3.connect(app.config["DATABASE"]) as db:
        db.executescript(SCHEMA)

    @app.teardown_appcontext
    def close(_error):
        db = g.pop("db", None)
        if db is not None:
            db.close()


def connection() -> sqlite3.Connection:
    if "db" not in g:
        g.db = sqlite3.connect(current_app.config["DATABASE"])
        g.db.row_factory = sqlite3.Row
    return g.db


def add_parcel(parcel: Parcel) -> bool:
    """Store a parcel; False when its number is known already."""
    try:
        with connection() as db:
            db.execute(
                "INSERT INTO parcels VALUES (?, ?, ?, ?, ?)",
                (parcel.number, parcel.shop, parcel.postcode, parcel.weight_grams, parcel.announced_at.isoformat()),
            )
    except sqlite3.IntegrityError:
        return False
    return True


def add_scan(number: str, scan: Scan) -> None:
    """Store a scan; carriers repeat their webhooks, so one that is there is kept as it is."""
    with connection() as db:
        db.execute(
            "INSERT OR IGNORE INTO scans VALUES (?, ?, ?, ?, ?)",
            (number, scan.at.isoformat(), scan.depot, scan.stage.value, scan.note),
        )


def get_parcel(number: str) -> Parcel:
    row = connection().execute("SELECT * FROM parcels WHERE number = ?", (number,)).fetchone()
    if row is None:
        raise NotFound(f"no parcel {number}")
    return _parcel(row)


def all_parcels() -> list[Parcel]:
    return [_parcel(row) for row in connection().execute("SELECT * FROM parcels ORDER BY number")]


def _parcel(row: sqlite3.Row) -> Parcel:
    scans = connection().execute("SELECT * FROM scans WHERE number = ?", (row["number"],)).fetchall()
    return Parcel(
        number=row["number"],
        shop=row["shop"],
        postcode=row["postcode"],
        weight_grams=row["weight_grams"],
        announced_at=_time(row["announced_at"]),
        scans=[Scan(_time(s["at"]), s["depot"], Stage(s["stage"]), s["note"]) for s in scans],
    )


def _time(text: str) -> datetime:
    return isoparse(text)
