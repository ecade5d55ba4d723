import pytest
from httpx import ASGITransport, AsyncClient

from courtside.db import Database
from courtside.main import create_app
from courtside.settings import Settings


@pytest.fixture
async def database():
    database = Database(Settings(), pooled=False)
    await database.drop()
    await database.create()
    yield database
    await database.engine.dispose()


@pytest.fixture
async def client(database):
    app = create_app(Settings(), database)
    async with AsyncClient(transport=ASGITransport(app), base_url="http://test") as client:
        yield client


@pytest.fixture
async def court(client):
    body = {"number": 3, "surface": "clay", "hourly": "18.00"}
    assert (await client.put("/courts/3", json=body)).status_code == 204
    return 3


@pytest.fixture
async def ana(client):
    body = {"email": "Ana@example.com", "name": "Ana", "plan": "weekday", "joined": "2021-04-01"}
    assert (await client.post("/members", json=body)).status_code == 201
    return "ana@example.com"
