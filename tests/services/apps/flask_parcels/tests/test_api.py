def scan(client, number, code="AR", depot="HAMBURG-OST", time="2026-03-02T08:15:00+01:00"):
    body = {"tracking": number, "code": code, "depot": depot, "time": time}
    return client.post("/carriers/hanse/scans", json=body)


def test_health(client):
    assert client.get("/healthz").get_json()["status"] == "ok"


def test_a_parcel_is_registered_once(client, announced):
    again = client.post("/parcels", json={"number": announced, "shop": "x", "postcode": "20095", "weight_grams": 1})
    assert (again.status_code, again.get_json()["created"]) == (200, False)


def test_an_invalid_number_is_refused(client):
    answer = client.post("/parcels", json={"number": "1", "shop": "x", "postcode": "20095", "weight_grams": 1})
    assert answer.status_code == 422
    assert "number" in answer.get_json()["fields"]


def test_scans_are_listed_newest_first(client, announced):
    scan(client, announced, time="2026-03-02T08:15:00+01:00")
    scan(client, announced, code="OD", depot="HAMBURG-WEST", time="2026-03-03T07:00:00+01:00")
    body = client.get(f"/parcels/{announced}").get_json()
    assert body["stage"] == "out_for_delivery"
    assert [s["depot"] for s in body["scans"]] == ["hamburg-west", "hamburg-ost"]


def test_a_repeated_webhook_is_stored_once(client, announced):
    scan(client, announced)
    scan(client, announced)
    assert len(client.get(f"/parcels/{announced}").get_json()["scans"]) == 1


def test_status_names_the_place(client, announced):
    scan(client, announced, code="OD", time="2026-03-03T07:00:00+01:00")
    body = client.get(f"/parcels/{announced}/status").get_json()
    assert body == {
        "number": announced,
        "text": "Your parcel is in the van",
        "place": "Hamburg Ost",
        "expected": "2026-03-03",
    }


def test_unknown_parcels_are_not_found(client):
    assert client.get("/parcels/NH99999999/status").status_code == 404
    assert scan(client, "NH99999999").status_code == 404


def test_backlog_of_a_depot(client, announced):
    scan(client, announced)
    assert client.get("/depots/hamburg-ost/backlog").get_json()["parcels"] == [announced]
    assert client.get("/depots/bremen/backlog").get_json()["parcels"] == []


def test_swift_sends_several_at_once(client, announced):
    events = [
        {"parcel": announced, "ts": 1772438400, "hub": {"name": "Kiel"}, "status": "in_transit"},
        {"parcel": announced, "ts": 1772524800, "hub": {"name": "Kiel"}, "status": "delivered"},
    ]
    assert client.post("/carriers/swift/scans", json={"events": events}).get_json() == {"stored": 2}
    assert client.get(f"/parcels/{announced}").get_json()["stage"] == "delivered"
