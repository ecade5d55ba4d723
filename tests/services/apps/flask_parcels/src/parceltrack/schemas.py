from marshmallow import Schema, fields, validate

from parceltrack.models import Parcel, Stage


class NewParcel(Schema):
    number = fields.String(required=True, validate=validate.Regexp(r"^[A-Z]{2}\d{8}$"))
    shop = fields.String(required=True)
    postcode = fields.String(required=True, validate=validate.Length(min=4, max=10))
    weight_grams = fields.Integer(required=True, validate=validate.Range(min=1, max=40_000))


class ScanOut(Schema):
    at = fields.AwareDateTime(format="iso")
    depot = fields.String()
    stage = fields.Enum(Stage, by_value=True)
    note = fields.String()


class ParcelOut(Schema):
    number = fields.String()
    shop = fields.String()
    stage = fields.Enum(Stage, by_value=True)
    weight_grams = fields.Integer()
    scans = fields.Method("newest_first")

    def newest_first(self, parcel: Parcel):
        scans = sorted(parcel.scans, key=lambda scan: scan.at, reverse=True)
        return ScanOut(many=True).dump(scans)
