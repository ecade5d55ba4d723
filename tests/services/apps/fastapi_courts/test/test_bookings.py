SATURDAY, MONDAY = "2026-05-09T10:00:00+00:00", "2026-05-11T10:00:00+00:00"


async def book(client, email, at=MONDAY, **more):
    return await client.post("/bookings", json={"court": 3, "starts_at": at, "email": email, **more})


async def test_a_court_is_booked_once(client, court, ana):
    assert (await book(client, ana)).status_code == 201
    assert (await book(client, ana)).status_code == 409


async def test_an_unknown_court_is_not_found(client, ana):
    assert (await book(client, ana)).status_code == 404


async def test_closed_at_night(client, court, ana):
    answer = await book(client, ana, at="2026-05-11T23:30:00+00:00")
    assert answer.status_code == 422


async def test_members_play_for_nothing_in_the_week(client, court, ana):
    booking = (await book(client, ana)).json()["id"]
    quote = (await client.get(f"/bookings/{booking}/quote")).json()
    assert (quote["amount"], quote["discount"]) == ("0.00", 100)


async def test_weekday_members_pay_on_saturdays(client, court, ana):
    booking = (await book(client, ana, at=SATURDAY, guests=1)).json()["id"]
    quote = (await client.get(f"/bookings/{booking}/quote")).json()
    assert quote["amount"] == "18.00"
    assert quote["discount"] == 25


async def test_a_day_lists_bookings_in_order(client, court, ana):
    await book(client, ana, at="2026-05-11T12:00:00+00:00")
    await book(client, ana)
    listed = (await client.get("/courts/3/day", params={"on": "2026-05-11"})).json()
    assert [row["starts_at"][11:16] for row in listed] == ["10:00", "12:00"]


async def test_no_quote_without_booking(client):
    assert (await client.get("/bookings/99/quote")).status_code == 404
