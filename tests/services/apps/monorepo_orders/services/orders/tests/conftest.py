import pytest
from starlette.testclient import TestClient

from orders.http import build


@pytest.fixture
def client():
    return TestClient(build(), raise_server_exceptions=False)


@pytest.fixture
def order(client):
    body = {
        "channel": "Webshop ",
        "recipient": "Ida Berg, Malmö",
        "promised_at": "2036-03-02T15:30:00+01:00",
        "lines": [{"sku": "LAMP-1", "quantity": 2}, {"sku": "BULB-9", "quantity": 6}],
    }
    return client.post("/orders", json=body).json()["id"]
