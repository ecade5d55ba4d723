"""Parcel tracking."""

from flask import Flask, jsonify
from marshmallow import ValidationError

from parceltrack import config, storage
from parceltrack.errors import NotFound
from parceltrack.views import bp as views
from parceltrack.webhooks import bp as webhooks


def create_app(**overrides) -> Flask:
    app = Flask(__name__)
    app.config.from_mapping(config.from_environment())
    app.config.update(overrides)
    config.init_sentry(app)
    storage.init_app(app)
    app.register_blueprint(views)
    app.register_blueprint(webhooks, url_prefix="/carriers")

    @app.errorhandler(NotFound)
    def not_found(error):
        return jsonify(error=str(error)), 404

    @app.errorhandler(ValidationError)
    def invalid(error):
        return jsonify(error="invalid", fields=error.messages), 422

    return app
