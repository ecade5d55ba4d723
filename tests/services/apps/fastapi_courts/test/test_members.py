async def test_an_address_joins_once(client, ana):
    body = {"email": ana, "name": "Ana", "joined": "2022-01-01"}
    assert (await client.post("/members", json=body)).status_code == 409


async def test_members_are_listed_by_name(client, ana):
    await client.post("/members", json={"email": "abel@example.com", "name": "Abel", "joined": "2022-01-01"})
    assert [m["name"] for m in (await client.get("/members")).json()] == ["Abel", "Ana"]


async def test_health(client):
    assert (await client.get("/healthz")).json()["status"] == "ok"
