from datetime import date, datetime
from decimal import Decimal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from courtside.models import Plan, Surface


class Out(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class MemberIn(BaseModel):
    email: str = Field(pattern=r"^[^@\s]+@[^@\s]+$")
    name: str = Field(min_length=1, max_length=120)
    plan: Plan = Plan.FULL
    joined: date


class MemberOut(Out):
    id: int
    email: str
    name: str
    plan: Plan


class CourtIn(BaseModel):
    number: int = Field(ge=1, le=30)
    surface: Surface
    hourly: Decimal = Field(gt=0, max_digits=8, decimal_places=2)


class BookingIn(BaseModel):
    court: int
    starts_at: AwareDatetime
    half_hours: int = Field(default=2, ge=1, le=6)
    email: str
    guests: int = Field(default=0, ge=0, le=3)


class BookingOut(Out):
    id: int
    court_number: int
    starts_at: datetime
    half_hours: int
    email: str


class QuoteOut(BaseModel):
    booking: int
    amount: Decimal
    currency: str
    discount: int
