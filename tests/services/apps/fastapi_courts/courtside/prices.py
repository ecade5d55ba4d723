"""What a booking costs. Members play cheaper, guests of anybody pay on top."""

from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from courtside.models import Booking, Court, Member, Plan

GUEST_FEE = Decimal("4.50")
FLOODLIGHT = Decimal("2.00")
DISCOUNTS = {Plan.FULL: 100, Plan.WEEKDAY: 100, Plan.JUNIOR: 50}
CENT = Decimal("0.01")


def discount_of(member: Member, starts_at: datetime) -> int:
    """Per cent off the court's price."""
    if member.plan is Plan.WEEKDAY and starts_at.weekday() >= 5:
        return 25
    return DISCOUNTS[member.plan]


def needs_light(starts_at: datetime) -> bool:
    return starts_at.hour >= 20 or (starts_at.month in (11, 12, 1, 2) and starts_at.hour >= 16)


def price(court: Court, booking: Booking, discount: int) -> Decimal:
    base = court.hourly * booking.half_hours / 2
    amount = base * (100 - discount) / 100 + GUEST_FEE * booking.guests
    if needs_light(booking.starts_at):
        amount += FLOODLIGHT * booking.half_hours / 2
    return amount.quantize(CENT, ROUND_HALF_UP)


async def member_of(session: AsyncSession, email: str) -> Member | None:
    return await session.scalar(select(Member).where(Member.email == email.lower()))


async def quote(session: AsyncSession, booking: Booking) -> tuple[Decimal, int]:
    """(amount, discount in per cent) of a booking."""
    court = await session.get_one(Court, booking.court_number)
    member = await member_of(session, booking.email)
    discount = discount_of(member, booking.starts_at)
    return price(court, booking, discount), discount
