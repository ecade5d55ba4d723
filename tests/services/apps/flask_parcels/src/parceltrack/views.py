from datetime import datetime, timezone

from flask import Blueprint, current_app, jsonify, request

from parceltrack import promise, storage
from parceltrack.models import Parcel
from parceltrack.schemas import NewParcel, ParcelOut

bp = Blueprint("views", __name__)


@bp.get("/healthz")
def health():
    storage.connection().execute("SELECT 1")
    return jsonify(status="ok", release=current_app.config["RELEASE"])


@bp.post("/parcels")
def announce():
    told = NewParcel().load(request.get_json())
    parcel = Parcel(**told, announced_at=datetime.now(timezone.utc))
    created = storage.add_parcel(parcel)
    return jsonify(number=parcel.number, created=created), 201 if created else 200


@bp.get("/parcels/<number>")
def show(number: str):
    return jsonify(ParcelOut().dump(storage.get_parcel(number)))


@bp.get("/parcels/<number>/status")
def status(number: str):
    parcel = storage.get_parcel(number)
    return jsonify(promise.status_line(parcel, current_app.config["CUTOFF_HOUR"]))


@bp.get("/depots/<depot>/backlog")
def backlog(depot: str):
    waiting = [p for p in storage.all_parcels() if p.scans and p.last_scan().depot == depot]
    return jsonify(depot=depot, parcels=[p.number for p in waiting if p.stage.value == "in_transit"])
