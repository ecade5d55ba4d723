def test_an_order_gets_the_slot_before_its_promise(client, order):
    card = client.get(f"/orders/{order}/card").json()
    assert card["slot"] == "2036-03-02T12:00:00+01:00"
    assert card["channel"] == "webshop"
    assert card["recipient"] == "Ida Berg"


def test_an_order_without_lines_is_refused(client):
    body = {"channel": "web", "recipient": "x", "promised_at": "2036-03-02T15:30:00Z", "lines": []}
    assert client.post("/orders", json=body).status_code == 422


def test_picking_counts_pieces(client, order):
    answer = client.post(f"/orders/{order}/lines/BULB-9/pick")
    assert answer.json() == {"picked": 6, "ordered": 8}


def test_picking_what_was_not_ordered(client, order):
    assert client.post(f"/orders/{order}/lines/NOPE/pick").status_code == 404


def test_unknown_orders(client):
    assert client.get("/orders/none/card").status_code == 404


def test_summary_by_channel(client, order):
    assert client.get("/summary").json() == {"open": 1, "channels": {"webshop": 1}}


def test_metrics_count_requests(client, order):
    assert 'orders_requests_total{status="201"} 1.0' in client.get("/metrics").text
