from flask import Blueprint, jsonify, request

from parceltrack import storage
from parceltrack.carriers import READERS
from parceltrack.errors import NotFound

bp = Blueprint("webhooks", __name__)


@bp.post("/<carrier>/scans")
def scans(carrier: str):
    if carrier not in READERS:
        raise NotFound(f"no carrier {carrier}")
    stored = 0
    for number, scan in READERS[carrier](request.get_json()):
        storage.get_parcel(number)
        storage.add_scan(number, scan)
        stored += 1
    return jsonify(stored=stored), 202
