import pytest

from parceltrack import create_app


@pytest.fixture
def app(tmp_path):
    return create_app(DATABASE=str(tmp_path / "parcels.db"), TESTING=True, SENTRY_DSN="")


@pytest.fixture
def client(app):
    return app.test_client()


@pytest.fixture
def announced(client):
    body = {"number": "NH00000001", "shop": "lampenladen", "postcode": "20095", "weight_grams": 900}
    assert client.post("/parcels", json=body).status_code == 201
    return "NH00000001"
