from datetime import date, datetime, time, timedelta, timezone

from fastapi import APIRouter, HTTPException
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from courtside import prices
from courtside.db import Session
from courtside.models import Booking, Court
from courtside.schemas import BookingIn, BookingOut, QuoteOut
from courtside.settings import get_settings

router = APIRouter(tags=["bookings"])
OPENS, CLOSES = time(7), time(22)


@router.post("/bookings", status_code=201)
async def book(body: BookingIn, session: Session) -> BookingOut:
    if not OPENS <= body.starts_at.timetz().replace(tzinfo=None) < CLOSES:
        raise HTTPException(422, "the courts are closed then")
    if await session.get(Court, body.court) is None:
        raise HTTPException(404, "no such court")
    booking = Booking(court_number=body.court, **body.model_dump(exclude={"court"}))
    session.add(booking)
    try:
        await session.commit()
    except IntegrityError:
        raise HTTPException(409, "the court is taken") from None
    return BookingOut.model_validate(booking)


@router.get("/bookings/{booking_id}/quote")
async def quote(booking_id: int, session: Session) -> QuoteOut:
    booking = await session.get(Booking, booking_id)
    if booking is None:
        raise HTTPException(404, "no such booking")
    amount, discount = await prices.quote(session, booking)
    return QuoteOut(booking=booking_id, amount=amount, currency=get_settings().currency, discount=discount)


@router.get("/courts/{number}/day")
async def day(number: int, on: date, session: Session) -> list[BookingOut]:
    begin = datetime.combine(on, time(0), timezone.utc)
    rows = await session.scalars(
        select(Booking)
        .where(Booking.court_number == number, Booking.starts_at >= begin, Booking.starts_at < begin + timedelta(days=1))
        .order_by(Booking.starts_at)
    )
    return [BookingOut.model_validate(row) for row in rows]
